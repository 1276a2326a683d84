//! What native code makes of a recipe.

use std::fs;
use std::path::Path;

use performance::{Recipe, Token};
use pollster::block_on;
use rnn::{Continuation, Quantized};

/// The first `n` tokens that native code composes of a recipe with the released weights.
///
/// # Panics
/// If there are no weights, or the recipe cannot be played.
pub(super) fn replayed(recipe: &Recipe, n: usize) -> Vec<Token> {
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/weights/base.safetensors");
    let network = Quantized::load(&fs::read(weights).expect("the released weights")).expect("weights");
    let mut take = Continuation::new(&network, recipe.clone()).expect("a recipe that can be played");
    block_on(take.advance(n)).expect("the network plays").swap_remove(0)
}
