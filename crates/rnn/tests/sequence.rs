//! The fused recurrence against the plain stepwise one: values, states and gradients.

use burn::tensor::{Device, Int, Tensor, TensorData};
use performance::{N_PITCHES, N_TOKENS};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::weights::{NamedTensor, replace, tensors};
use rnn::{Inputs, Model, ModelConfig, State};

struct Case {
    model: Model,
    inputs: Inputs,
    state: State,
}

fn case(layers: usize, hidden: usize, time: usize, batch: usize, device: &Device) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64((layers * 1000 + hidden * 100 + time * 10 + batch) as u64);
    let config = ModelConfig { layers, hidden, composers: vec!["Chopin".into()], ..ModelConfig::default() };
    let model = config.init(device, &mut rng);
    // Larger weights than at the start of training, so that the gates leave their linear range.
    let model = replace(model, |_, shape| {
        Ok((0..shape.iter().product()).map(|_| rng.random_range(-0.5..0.5)).collect())
    })
    .expect("every tensor is found");
    let plain = device.clone().inner();
    let n = time * batch;
    let tokens: Vec<i32> = (0..n).map(|_| rng.random_range(0..N_TOKENS as i32)).collect();
    let sounding: Vec<f32> = (0..n * N_PITCHES).map(|_| f32::from(u8::from(rng.random_bool(0.05)))).collect();
    let controls: Vec<f32> = (0..n * config.control_width()).map(|_| rng.random_range(0.0..1.0)).collect();
    let inputs = Inputs {
        tokens: Tensor::<2, Int>::from_data(TensorData::new(tokens, [time, batch]), &plain),
        sounding: Tensor::from_data(TensorData::new(sounding, [time, batch, N_PITCHES]), &plain),
        controls: Tensor::from_data(TensorData::new(controls, [time, batch, config.control_width()]), &plain),
    };
    let state = State::restore::<rnn::Error>(&config, batch, &plain, |_| {
        Ok((0..batch * hidden).map(|_| rng.random_range(-1.0..1.0)).collect())
    })
    .expect("every tensor is found");
    Case { model, inputs, state }
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

#[track_caller]
fn assert_close(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len(), "{what}");
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < tolerance, "{what}: off by {worst}");
}

#[track_caller]
fn assert_states_close(a: &State, b: &State) {
    for (a, b) in a.tensors().iter().zip(b.tensors()) {
        assert_close(&a.name, &a.values, &b.values, 1e-4);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// One step at a time and a whole crop at once are the same network.
    #[test]
    fn steps_and_sequence_agree(layers in 1..4usize, hidden in 1..70usize, time in 1..20usize, batch in 1..15usize) {
        let Case { model, inputs, state } = case(layers, hidden, time, batch, &Device::flex());
        let (logits, after) = model.forward(inputs.clone(), state.clone());
        let (stepwise, after_steps) = model.forward_stepwise(inputs, state);
        assert_close("logits", &values(&logits), &values(&stepwise), 1e-4);
        assert_states_close(&after, &after_steps);
    }
}

#[test]
fn the_papers_size_agrees() {
    let Case { model, inputs, state } = case(3, 512, 24, 2, &Device::flex());
    let model = replace(model, |_, shape| {
        let mut rng = ChaCha8Rng::seed_from_u64(shape.len() as u64);
        Ok((0..shape.iter().product()).map(|_| rng.random_range(-0.05..0.05)).collect())
    })
    .unwrap();
    let (logits, after) = model.forward(inputs.clone(), state.clone());
    let (stepwise, after_steps) = model.forward_stepwise(inputs, state);
    assert_close("logits", &values(&logits), &values(&stepwise), 1e-4);
    assert_states_close(&after, &after_steps);
}

#[test]
fn clearing_a_row_leaves_the_others() {
    let Case { state, .. } = case(2, 3, 1, 2, &Device::flex());
    let keep = Tensor::from_data(TensorData::new(vec![1.0f32, 0.0], [2, 1]), &Device::flex());
    for (cleared, before) in state.clone().keeping(&keep).tensors().iter().zip(state.tensors()) {
        assert_eq!(cleared.values[..3], before.values[..3]);
        assert_eq!(cleared.values[3..], [0.0; 3]);
    }
}

#[cfg(feature = "autodiff")]
mod gradients {
    use super::*;
    use burn::module::{Module, ModuleVisitor, Param};

    /// The backend's random numbers are everybody's: tests that seed them take turns.
    static SEED: std::sync::Mutex<()> = std::sync::Mutex::new(());

    struct Collect<'a>(&'a burn::tensor::Gradients, Vec<Vec<f32>>);

    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push(values(&param.val().grad(self.0).expect("every parameter has a gradient")));
        }
    }

    /// A loss that weighs every logit differently.
    fn loss(logits: Tensor<3>) -> Tensor<1> {
        let n = logits.dims().iter().product::<usize>();
        let weights: Vec<f32> =
            (0..n).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0) / (n as f32).sqrt()).collect();
        let weights =
            Tensor::<3>::from_data(TensorData::new(weights, logits.dims()), &logits.device().inner());
        (logits * Tensor::from_inner(weights)).sum()
    }

    pub(super) fn gradients(model: &Model, logits: Tensor<3>) -> Vec<Vec<f32>> {
        let grads = loss(logits).backward();
        let mut collect = Collect(&grads, Vec::new());
        model.visit(&mut collect);
        collect.1
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn fused_gradients_equal_stepwise_ones(
            layers in 1..4usize, hidden in 1..70usize, time in 2..12usize, batch in 1..15usize
        ) {
            let Case { model, inputs, state } = case(layers, hidden, time, batch, &Device::flex().autodiff());
            let fused = gradients(&model, model.forward(inputs.clone(), state.clone()).0);
            let stepwise = gradients(&model, model.forward_stepwise(inputs, state).0);
            for ((fused, stepwise), tensor) in fused.iter().zip(&stepwise).zip(tensors(&model)) {
                assert_close(&tensor.name, fused, stepwise, 2e-4);
            }
        }
    }

    /// Running forward once more in the backward pass gives what keeping everything gives, to the bit.
    #[test]
    fn recomputed_gradients_are_the_same_bits() {
        let _turn = SEED.lock();
        for compute in [rnn::Compute::F32, rnn::Compute::Bf16] {
            for dropout in [0.0, 0.3] {
                let Case { mut model, inputs, state } = case(3, 37, 9, 11, &Device::flex().autodiff());
                (model.compute, model.dropout) = (compute, dropout);
                let mut run = |recompute| {
                    model.recompute = recompute;
                    Device::flex().seed(7);
                    gradients(&model, model.forward(inputs.clone(), state.clone()).0)
                };
                let (kept, again) = (run(false), run(true));
                for ((kept, again), tensor) in kept.iter().zip(&again).zip(tensors(&model)) {
                    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    assert_eq!(
                        bits(kept),
                        bits(again),
                        "{} with {compute:?}, dropout {dropout}",
                        tensor.name
                    );
                }
            }
        }
    }

    /// Dropout leaves units out on the way up, scales the others, and only while gradients are recorded.
    #[test]
    fn dropout_keeps_the_mean_and_leaves_inference_alone() {
        let _turn = SEED.lock();
        let Case { mut model, inputs, state } = case(2, 40, 6, 5, &Device::flex().autodiff());
        let whole = values(&model.forward(inputs.clone(), state.clone()).0);
        model.dropout = 0.4;
        let mut mean = vec![0.0f64; whole.len()];
        const DRAWS: u64 = 300;
        for draw in 0..DRAWS {
            Device::flex().seed(draw);
            let thinned = values(&model.forward(inputs.clone(), state.clone()).0);
            Device::flex().seed(draw);
            let again = values(&model.forward(inputs.clone(), state.clone()).0);
            assert_eq!(thinned, again, "a seed leaves out the same units");
            assert_ne!(thinned, whole);
            mean.iter_mut().zip(thinned).for_each(|(mean, x)| *mean += f64::from(x) / DRAWS as f64);
        }
        // The upper layer is not linear, so the means agree roughly only.
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let whole_64: Vec<f64> = whole.iter().map(|&x| f64::from(x)).collect();
        let slope = dot(&mean, &whole_64) / dot(&whole_64, &whole_64);
        assert!((slope - 1.0).abs() < 0.1, "{slope}");
        let plain = Case { model: model.valid(), ..case(2, 40, 6, 5, &Device::flex()) };
        let Case { model, inputs, state } = plain;
        assert_close("inference", &values(&model.forward(inputs, state).0), &whole, 1e-5);
    }

    /// Rounded factors: close in direction and size, not in every digit.
    #[test]
    fn half_precision_gradients_point_the_same_way() {
        let Case { mut model, inputs, state } = case(2, 48, 12, 7, &Device::flex().autodiff());
        let exact = gradients(&model, model.forward(inputs.clone(), state.clone()).0);
        model.compute = rnn::Compute::Bf16;
        let rounded = gradients(&model, model.forward(inputs, state).0);
        for ((exact, rounded), tensor) in exact.iter().zip(&rounded).zip(tensors(&model)) {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let cosine = dot(exact, rounded) / (dot(exact, exact) * dot(rounded, rounded)).sqrt();
            assert!(cosine > 0.999, "{}: cosine {cosine}", tensor.name);
        }
    }

    #[test]
    fn fused_gradients_equal_finite_differences() {
        let Case { model, inputs, state } = case(2, 5, 4, 2, &Device::flex().autodiff());
        let exact = gradients(&model, model.forward(inputs.clone(), state.clone()).0);
        let original = tensors(&model);
        let at = |tensor: usize, element: usize, by: f32| {
            let mut shifted: Vec<NamedTensor> = original.clone();
            shifted[tensor].values[element] += by;
            let mut next = shifted.into_iter();
            let model = replace(model.clone(), |_, _| Ok(next.next().unwrap().values)).unwrap();
            f64::from(loss(model.forward(inputs.clone(), state.clone()).0).into_scalar::<f32>())
        };
        for tensor in 0..original.len() {
            let n = original[tensor].values.len();
            for element in (0..n).step_by(n.div_ceil(7)) {
                let by = 2e-2;
                let difference = (at(tensor, element, by) - at(tensor, element, -by)) / f64::from(2.0 * by);
                let exact = f64::from(exact[tensor][element]);
                assert!(
                    (difference - exact).abs() < 2e-3 + 0.02 * exact.abs(),
                    "{} [{element}]: {exact} against {difference}",
                    original[tensor].name
                );
            }
        }
    }
}

/// The kernels on whatever GPU there is; a software adapter will do (on Debian: `apt-get install
/// mesa-vulkan-drivers`).
#[cfg(feature = "wgpu")]
mod gpu {
    use super::*;
    use cubecl::device::WgpuDeviceKind;

    /// The adapter; none, with a printed reason, where there is none.
    fn adapter() -> Option<Device> {
        match cubecl::Device::wgpu(WgpuDeviceKind::DefaultDevice) {
            Ok(_) => Some(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            Err(reason) => {
                eprintln!("skipped: {reason}");
                None
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_gpu_computes_what_the_processor_computes(
            layers in 1..4usize, hidden in 1..70usize, time in 2..12usize, batch in 1..70usize
        ) {
            let Some(device) = adapter() else { return Ok(()) };
            let Case { model, inputs, state } = case(layers, hidden, time, batch, &device);
            let (logits, after) = model.forward(inputs, state);
            let Case { model, inputs, state } = case(layers, hidden, time, batch, &Device::flex());
            let (expected, expected_after) = model.forward(inputs, state);
            assert_close("logits", &values(&logits), &values(&expected), 1e-4);
            assert_states_close(&after, &expected_after);
        }
    }

    #[cfg(feature = "autodiff")]
    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn gradients_on_the_gpu_equal_those_on_the_processor(
            layers in 1..4usize, hidden in 1..70usize, time in 2..12usize, batch in 1..70usize,
            recompute in proptest::bool::ANY,
        ) {
            let Some(device) = adapter() else { return Ok(()) };
            let on = |device: Device, recompute| {
                let Case { mut model, inputs, state } = case(layers, hidden, time, batch, &device.autodiff());
                model.recompute = recompute;
                (super::gradients::gradients(&model, model.forward(inputs, state).0), tensors(&model))
            };
            let (found, _) = on(device, recompute);
            let (expected, named) = on(Device::flex(), false);
            for ((found, expected), tensor) in found.iter().zip(&expected).zip(named) {
                assert_close(&tensor.name, found, expected, 3e-4);
            }
        }
    }
}
