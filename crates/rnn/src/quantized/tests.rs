//! Whole networks, the same to the last bit with any instructions.

use performance::Token;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::Reader;
use performance::Controls;

/// The logits, bit by bit, of a random network after some random events.
fn logits(config: &ModelConfig, n_takes: usize, instructions: Instructions) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let weights = |_: &str, shape: &[usize]| {
        Ok((0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect())
    };
    let mut network = Quantized::new(config, weights).expect("the shapes are the configuration's");
    network.instructions = instructions;
    let controls = Controls { density: Some(2.0), ..Controls::default() };
    let controls = network.controls(&config.encode(&controls).expect("a density"));
    let mut state = network.state(n_takes);
    let mut readers = vec![Reader::new(config.memory); n_takes];
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let heard: Vec<StepInput> = (0..6 * n_takes)
        .map(|i| {
            let token = Token::new(rng.random_range(0..N_TOKENS as u16)).expect("below 413");
            readers[i % n_takes].read(token)
        })
        .collect();
    network.step(&mut state, &controls, &heard).expect("a processor does not fail");
    let mut logits = vec![0.0; n_takes * N_TOKENS];
    instructions.run(Logits { weights: &network.weights, state: &state, logits: &mut logits });
    assert!(logits.iter().all(|logit| logit.is_finite()));
    logits.into_iter().map(f32::to_bits).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_instructions_play_the_same(layers in 1..4usize, hidden in 1..70usize, n_takes in 1..=MAX_TAKES, memory: bool) {
        let config = ModelConfig { layers, hidden, composers: vec!["Bach".into()], memory };
        let reference = logits(&config, n_takes, Instructions::Portable);
        for instructions in Instructions::available() {
            prop_assert!(logits(&config, n_takes, instructions) == reference, "{instructions:?}");
        }
    }
}

#[test]
fn the_largest_layers_do_not_overflow() {
    // Too large to hold whole: one group of a layer of 8192 units, driven as hard as it can be.
    let matrix = Matrix::new(&[&vec![1.0; 2 * 8192]], 1, 1, rounding::MAX, 1.0, |_| (0, 1));
    let one = 1 << matrix::activation_bits(2 * 8192);
    let rows = vec![one as i16; matrix.depth()];
    let mut sums = [[0; LANES]];
    for instructions in Instructions::available() {
        instructions.run(Products { panel: matrix.panel(0), rows: &rows, sums: &mut sums });
        assert_eq!(sums[0][0], 127 * one * 2 * 8192, "{instructions:?}");
    }
}

struct Products<'a> {
    panel: &'a [Block],
    rows: &'a [i16],
    sums: &'a mut [[i32; LANES]; 1],
}

impl WithSimd for Products<'_> {
    fn run<D: DotKernel>(self) {
        products::<D, LANES>(self.panel, self.rows, 0, self.sums);
    }
}
