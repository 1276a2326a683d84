//! Mutated weight files, on the way that the page and `generate` read them.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

use std::collections::BTreeMap;

use fuzz::{Target, pick};
use performance::{N_PITCHES, N_TOKENS, Recipe, Sampling};
use pollster::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::weights::{NamedTensor, Precision, save_tensors};
use rnn::{Continuation, ModelConfig, Quantized};

const HIDDEN: usize = 4;

/// What means something in a header, and numbers that are none.
const TELLING: [&[u8]; 18] = [
    b"\"F16\"",
    b"\"F32\"",
    b"\"I8\"",
    b"\"shape\":[",
    b"\"data_offsets\":[",
    b"\"__metadata__\":{",
    b"\\\"layers\\\":16",
    b"\\\"hidden\\\":8192",
    b"\\\"composers\\\":[]",
    b"18446744073709551615",
    b"-1",
    b"0",
    b"{",
    b"}",
    &[0, 0x7E],
    &[0, 0x7C],
    &[0, 0, 0xC0, 0x7F],
    &[0xFF; 8],
];

#[test]
fn mutated_weights_are_read_or_refused() {
    let target = Target {
        name: "weights",
        seeds: vec![file(1, Precision::Half), file(2, Precision::Half), file(2, Precision::Full)],
        telling: &TELLING,
        special: in_the_header,
        n: 30_000,
        memory: (64, 1 << 20),
    };
    target.run(|bytes| {
        let network = Quantized::load(bytes).ok()?;
        Some(move || {
            let recipe = Recipe::new(1, Sampling::default());
            let mut takes = Continuation::side_by_side(&network, recipe, &[1]).unwrap();
            // Numbers that are finite may still lead to some that are not.
            if let Err(error) = block_on(takes.advance(4)) {
                assert!(error.to_string().starts_with("expected finite"), "{error}");
            }
        })
    });
}

/// A weight file of a small network, without Burn.
fn file(layers: usize, precision: Precision) -> Vec<u8> {
    let config = ModelConfig { layers, hidden: HIDDEN, composers: vec!["Bach".to_owned()], memory: false };
    let gates = 4 * HIDDEN;
    let mut shapes = vec![
        ("token".to_owned(), vec![N_TOKENS, gates]),
        ("sounding".to_owned(), vec![N_PITCHES, gates]),
        ("controls".to_owned(), vec![config.control_width(), gates]),
        ("head".to_owned(), vec![HIDDEN, N_TOKENS]),
        ("head_bias".to_owned(), vec![N_TOKENS]),
    ];
    for layer in 0..layers {
        shapes.push((format!("layers.{layer}.recurrent"), vec![HIDDEN, gates]));
        shapes.push((format!("layers.{layer}.bias"), vec![gates]));
        if layer > 0 {
            shapes.push((format!("layers.{layer}.input"), vec![HIDDEN, gates]));
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(layers as u64);
    let tensors: Vec<NamedTensor> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let values = (0..shape.iter().product()).map(|_| rng.random_range(-0.5..0.5)).collect();
            NamedTensor { name, shape, values }
        })
        .collect();
    save_tensors(&config, &tensors, precision, &BTreeMap::new()).unwrap()
}

/// Most of a file are numbers; what can go wrong stands before them.
fn in_the_header(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let Some(length) = bytes.first_chunk().map(|length| u64::from_le_bytes(*length)) else { return };
    let header = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(8).min(bytes.len());
    match rng.random_range(0..3) {
        0 => bytes[..8].copy_from_slice(&rng.random_range(0..2 * header as u64).to_le_bytes()),
        1 => {
            let at = rng.random_range(0..header);
            let telling = pick(rng, &TELLING);
            let end = (at + telling.len()).min(bytes.len());
            bytes.splice(at..end, telling.iter().copied());
        }
        _ => {
            let digits: Vec<usize> = (8..header).filter(|&at| bytes[at].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[*pick(rng, &digits)] = rng.random_range(b'0'..=b'9');
            }
        }
    }
}
