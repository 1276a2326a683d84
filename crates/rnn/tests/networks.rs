//! The network in int8 against the one in 32 bits.

use burn::tensor::Device;
use performance::{Controls, Event, Sounding, Token};
use pollster::block_on as now;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::weights::{Precision, save, tensors};
use rnn::{Model, ModelConfig, Network, Quantized, StepInput};

fn model(layers: usize, hidden: usize) -> Model {
    let config = ModelConfig { layers, hidden, composers: vec!["Chopin".into()] };
    config.init(&Device::flex(), &mut ChaCha8Rng::seed_from_u64(1))
}

/// Logits after each of some random events in `n_takes` takes, `[time, takes, 413]`.
fn logits<N: Network>(network: &N, n_takes: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let controls = Controls { density: Some(5.0), pitch_classes: Some([0.5; 12]), composer: Some(0) };
    let controls = network.controls(&network.config().encode(&controls).expect("a small network works"));
    let mut state = network.state(n_takes);
    let mut sounding = vec![Sounding::default(); n_takes];
    let mut logits = now(network.logits(&state)).expect("a small network works");
    for time in 0..40 {
        let mut heard = || -> Vec<StepInput> {
            let step = |sounding: &mut Sounding| {
                let token = Token::new(rng.random_range(0..413)).expect("a small network works");
                sounding.apply(Event::from(token));
                StepInput { token, sounding: *sounding }
            };
            sounding.iter_mut().map(step).collect()
        };
        // Now and then several events at once.
        let events = if time % 10 == 9 { [heard(), heard(), heard()].concat() } else { heard() };
        network.step(&mut state, &controls, &events).expect("a small network works");
        logits.extend(now(network.logits(&state)).expect("a small network works"));
    }
    logits
}

#[test]
fn int8_comes_close_to_32_bits() {
    for (layers, hidden, n_takes) in [(1, 5, 1), (2, 33, 3), (3, 64, 2), (3, 512, 1)] {
        let model = model(layers, hidden);
        let parts = tensors(&model);
        let quantized = Quantized::new(&model.config, |name, shape| {
            let part = parts.iter().find(|part| part.name == name).expect("the model has all tensors");
            assert_eq!(part.shape, shape, "{name}");
            Ok(part.values.clone())
        })
        .unwrap();
        let (exact, rounded) = (logits(&model, n_takes), logits(&quantized, n_takes));
        assert_eq!(exact.len(), rounded.len());
        let worst = exact.iter().zip(&rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let spread = (exact.iter().map(|x| x * x).sum::<f32>() / exact.len() as f32).sqrt();
        println!("{layers} x {hidden}: off by up to {worst}, of about {spread}");
        assert!(worst < 0.05 * spread.max(0.2), "{layers} x {hidden}: off by {worst}, of about {spread}");
    }
}

#[test]
fn a_weight_file_is_the_same_network_both_ways() {
    let model = model(2, 24);
    let bytes = save(&model, Precision::Half, &Default::default()).unwrap();
    let (exact, rounded) =
        (rnn::weights::load(&bytes, &Device::flex()).unwrap(), Quantized::load(&bytes).unwrap());
    let (exact, rounded) = (logits(&exact, 1), logits(&rounded, 1));
    let worst = exact.iter().zip(&rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 0.05, "off by {worst}");
}
