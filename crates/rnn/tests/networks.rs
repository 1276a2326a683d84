//! The network in int8 against the one in 32 bits.

use burn::tensor::Device;
use performance::{Controls, Token};
use pollster::block_on as now;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::weights::{Precision, load, save, tensors, to_int8};
use rnn::{Model, ModelConfig, N_MEMORY_ROWS, Network, Quantized, Reader, StepInput};

fn model(layers: usize, hidden: usize) -> Model {
    let config = ModelConfig { layers, hidden, composers: vec!["Chopin".into()], memory: true };
    config.init(&Device::flex(), &mut ChaCha8Rng::seed_from_u64(1))
}

/// Logits after each of some random events in `n_takes` takes, `[time, takes, 413]`.
fn logits<N: Network>(network: &N, n_takes: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let controls = Controls { density: Some(5.0), pitch_classes: Some([0.5; 12]), composer: Some(0) };
    let controls = network.controls(&network.config().encode(&controls).expect("a small network works"));
    let mut state = network.state(n_takes);
    let mut readers = vec![Reader::new(network.config().memory); n_takes];
    let mut logits = now(network.logits(&state)).expect("a small network works");
    for time in 0..40 {
        let mut heard = || -> Vec<StepInput> {
            // Few pitches, so that what is played was played before.
            let step = |reader: &mut Reader| {
                let number = match rng.random_range(0..3) {
                    0 => rng.random_range(0..413),
                    _ => rng.random_range(60..62),
                };
                reader.read(Token::new(number).expect("below 413"))
            };
            readers.iter_mut().map(step).collect()
        };
        // Now and then several events at once.
        let events = if time % 10 == 9 { [heard(), heard(), heard()].concat() } else { heard() };
        network.step(&mut state, &controls, &events).expect("a small network works");
        logits.extend(now(network.logits(&state)).expect("a small network works"));
    }
    logits
}

/// Layers, units, takes.
const SIZES: [(usize, usize, usize); 4] = [(1, 5, 1), (2, 33, 3), (3, 64, 2), (3, 512, 1)];

/// The largest difference in logits, as a share of their size.
fn difference(exact: &[f32], rounded: &[f32]) -> f32 {
    assert_eq!(exact.len(), rounded.len());
    let worst = exact.iter().zip(rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let spread = (exact.iter().map(|x| x * x).sum::<f32>() / exact.len() as f32).sqrt();
    worst / spread.max(0.2)
}

/// With the weights rounded in both, all that is left is the rounding of what is computed.
#[test]
fn int8_computes_what_its_weights_say() {
    for (layers, hidden, n_takes) in SIZES {
        let half = save(&model(layers, hidden), Precision::Half, &Default::default()).unwrap();
        let file = to_int8(&half, "00").unwrap();
        let exact = logits(&load(&file, &Device::flex()).unwrap(), n_takes);
        let found = difference(&exact, &logits(&Quantized::load(&file).unwrap(), n_takes));
        println!("{layers} x {hidden}: off by up to {:.3} %", 100.0 * found);
        assert!(found < 0.001, "{layers} x {hidden}: off by {found}");
    }
}

/// Random weights, which fill their columns' ranges evenly. What rounding costs a trained network is measured
/// (`tests/released`).
#[test]
fn int8_comes_close_to_32_bits() {
    for (layers, hidden, n_takes) in SIZES {
        let model = model(layers, hidden);
        let parts = tensors(&model);
        let quantized = Quantized::new(&model.config, |name, shape| {
            let part = parts.iter().find(|part| part.name == name).expect("the model has all tensors");
            assert_eq!(part.shape, shape, "{name}");
            Ok(part.values.clone())
        })
        .unwrap();
        let found = difference(&logits(&model, n_takes), &logits(&quantized, n_takes));
        println!("{layers} x {hidden}: off by up to {:.1} %", 100.0 * found);
        // With gates in 8 bits it was half as much.
        assert!(found < 0.1, "{layers} x {hidden}: off by {found}");
    }
}

#[test]
fn a_network_that_begins_to_remember_plays_as_before() {
    let config = ModelConfig { layers: 2, hidden: 24, composers: vec!["Chopin".into()], memory: false };
    let before = config.init(&Device::flex(), &mut ChaCha8Rng::seed_from_u64(1));
    let expected = logits(&before, 2);
    let after = before.remembering();
    assert_eq!(after.config.note_rows(), 128 + N_MEMORY_ROWS);
    assert_eq!(logits(&after, 2), expected);
    // Its rows are read, and kept.
    let bytes = save(&after, Precision::Full, &Default::default()).unwrap();
    let louder = rnn::weights::load(&bytes, &Device::flex()).unwrap();
    assert_eq!(logits(&louder, 2), expected);
    let louder = rnn::weights::replace(louder, |name, shape| {
        let part = tensors(&after).into_iter().find(|part| part.name == name).expect("the model has it");
        let mut values = part.values;
        if name == "sounding" {
            values[128 * shape[1]..].fill(0.5);
        }
        Ok(values)
    });
    assert_ne!(logits(&louder.unwrap(), 2), expected);
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
