//! The beginning that the page plays before it has a model is what the model plays.

use std::fs;
use std::path::{Path, PathBuf};

use performance::{Lineage, Made, Origin};
use pollster::block_on;
use rnn::{Continuation, Quantized};
use session::{Action, Moment, State, opening};
use sha2::{Digest, Sha256};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `UPDATE_EXPECT=1` writes the file anew, for other weights, another sampler, or other settings.
#[test]
fn the_released_weights_play_the_opening() {
    let weights = fs::read(root().join("www/weights/base.safetensors")).expect("the released weights");
    let generate = Action::Generate { drawn_seed: opening::SEED };
    let page = State::new(1).reduced(generate, Moment::default());
    let recipe = page.takes.current().expect("a performance").recipe();
    let network = Quantized::load(&weights).expect("weights");
    let mut take = Continuation::new(&network, recipe.clone()).expect("a recipe that can be played");
    let tokens = block_on(take.advance(opening::EVENTS)).expect("the network plays").swap_remove(0);
    let mut hash = [0; 8];
    hash.copy_from_slice(&Sha256::digest(&weights)[..8]);
    let origin = Some(Origin { weights: hash, revision: rnn::REVISION });
    let played = Lineage { origin, recipe, made: Made::Tokens(tokens) };
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let file = root().join("crates/session/src/opening.lineage");
        fs::write(file, played.to_bytes().expect("a short lineage")).expect("the opening");
    } else {
        assert_eq!(opening::lineage().as_ref(), Some(&played), "`UPDATE_EXPECT=1 cargo test` writes it anew");
    }
}
