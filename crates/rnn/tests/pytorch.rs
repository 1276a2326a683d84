//! The same small network in PyTorch: logits, states, loss and gradients (`fixtures/pytorch.py`).
#![cfg(feature = "autodiff")]

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use performance::{N_PITCHES, N_TOKENS};
use rand::SeedableRng;
use rnn::weights::replace;
use rnn::{Inputs, Model, ModelConfig, State};
use serde::Deserialize;

const HIDDEN: usize = 5;
const TIME: usize = 6;
const BATCH: usize = 3;

#[derive(Deserialize)]
struct Fixture {
    loss: f32,
    last_scores: Vec<f32>,
    hidden: Vec<f32>,
    cell: Vec<f32>,
    gradients: BTreeMap<String, Vec<f32>>,
}

/// The fixture's parameters; `kind` shifts the wave.
fn formula(kind: f64, n: usize) -> Vec<f32> {
    (0..n).map(|i| (0.4 * (0.7 * i as f64 + kind).sin()) as f32).collect()
}

fn kind(name: &str) -> f64 {
    match name {
        "token" => 1.0,
        "sounding" => 2.0,
        "controls" => 3.0,
        "head" => 4.0,
        "head_bias" => 5.0,
        "layers.0.recurrent" => 10.0,
        "layers.1.recurrent" => 11.0,
        "layers.0.bias" => 20.0,
        "layers.1.bias" => 21.0,
        "layers.1.input" => 31.0,
        other => panic!("no such tensor in the fixture: {other}"),
    }
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 2e-6, "{what}: off by {worst}");
}

struct Collect<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients).expect("every parameter has a gradient");
        self.found.insert(self.path.join("."), values(&gradient));
    }
}

fn network(device: &Device) -> Model {
    let config =
        ModelConfig { layers: 2, hidden: HIDDEN, composers: vec!["Chopin".into()], ..ModelConfig::default() };
    let model = config.init(device, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0));
    replace(model, |name, shape| Ok(formula(kind(name), shape.iter().product()))).expect("all tensors fit")
}

#[test]
fn the_network_computes_what_pytorch_computes() {
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/pytorch.json")).unwrap();
    let plain = Device::flex();
    let model = network(&plain.clone().autodiff());
    let (rows, width) = (TIME * BATCH, model.config.control_width());
    let every = |step: usize, n: usize| (0..n).map(|i| f32::from(i % step == 0)).collect::<Vec<f32>>();
    let numbers: Vec<i32> = (0..rows).map(|i| ((i * 97 + 11) % N_TOKENS) as i32).collect();
    let targets: Vec<i32> = (0..rows).map(|i| ((i * 61 + 7) % N_TOKENS) as i32).collect();
    let inputs = Inputs {
        tokens: Tensor::<2, Int>::from_data(TensorData::new(numbers.clone(), [TIME, BATCH]), &plain),
        sounding: Tensor::from_data(
            TensorData::new(every(17, rows * N_PITCHES), [TIME, BATCH, N_PITCHES]),
            &plain,
        ),
        controls: Tensor::from_data(TensorData::new(every(8, rows * width), [TIME, BATCH, width]), &plain),
    };
    let state = State::restore::<rnn::Error>(&model.config, BATCH, &plain, |name| {
        let (layer, kind) = if name.starts_with("state.0") { (0, name) } else { (1, name) };
        let all = formula(if kind.ends_with("hidden") { 41.0 } else { 42.0 }, 2 * BATCH * HIDDEN);
        Ok(all[layer * BATCH * HIDDEN..][..BATCH * HIDDEN].to_vec())
    })
    .unwrap();

    let (logits, after) = model.forward(inputs, state);
    assert_close("logits", &values(&logits.clone().narrow(0, TIME - 1, 1)), &fixture.last_scores);
    let after = after.tensors();
    let of = |kind: &str| {
        after.iter().filter(|t| t.name.ends_with(kind)).flat_map(|t| t.values.clone()).collect::<Vec<f32>>()
    };
    assert_close("hidden", &of("hidden"), &fixture.hidden);
    assert_close("cell", &of("cell"), &fixture.cell);

    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [rows, 1]), &plain);
    let loss = log_softmax(logits.reshape([rows, N_TOKENS]), 1).gather(1, targets).mean().neg();
    assert_close("loss", &values(&loss), &[fixture.loss]);
    let gradients = loss.backward();
    let mut collect = Collect { gradients: &gradients, path: Vec::new(), found: BTreeMap::new() };
    model.visit(&mut collect);
    let mut found = collect.found;
    // The fixture keeps only those rows of the large event matrix that were used.
    let token = found.remove("token").unwrap();
    let gates = 4 * HIDDEN;
    let used = numbers.iter().flat_map(|&n| token[n as usize * gates..][..gates].to_vec()).collect();
    found.insert("token".to_owned(), used);
    assert_eq!(found.keys().collect::<Vec<_>>(), fixture.gradients.keys().collect::<Vec<_>>());
    for (name, gradient) in &found {
        assert_close(name, gradient, &fixture.gradients[name]);
    }
}
