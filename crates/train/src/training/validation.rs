//! Measuring a run: what its averaged weights make of music that it does not learn, and what they play.

use std::path::Path;

use anyhow::Result;
use learn::{Evaluation, Training};
use performance::{Token, midi};
use pollster::block_on;
use rnn::Quantized;

use super::checkpoint::lost;
use super::run::Run;
use crate::corpus::{Corpus, Piece};
use crate::evaluate::evaluate;
use crate::files::write_atomically;
use crate::generate;

/// The best averaged weights on validation, as the page loads them.
pub(crate) const BEST_FILE: &str = "best.safetensors";
/// Folder of what the network played at each validation.
pub(super) const SAMPLES_FOLDER: &str = "samples";

impl Run {
    /// Validates the averaged weights, lets them play, and keeps them if they are the best so far.
    pub(super) fn validate(&mut self, checks: &[Vec<Token>], out: &Path) -> Result<f64> {
        let learner = &mut self.learner;
        let averaged = learner.averaged();
        let Evaluation { nats_per_event, .. } = evaluate(&averaged, checks, |_| ())?;
        learner.progress.last_validation = learner.progress.events;
        let file = block_on(learner.weights(&averaged, nats_per_event))?;
        let step = learner.progress.step;
        if !nats_per_event.is_finite() {
            return Err(lost(&format!("the validation gave {nats_per_event} nats/event"), step, out));
        }
        let playable = Quantized::load(&file);
        playable
            .map_err(|error| lost(&format!("the weights can no longer be played ({error})"), step, out))?;
        let (training, progress) = (&learner.training, &mut learner.progress);
        if training.sample_secs > 0.0 && progress.step > 0 {
            let performance = generate::sample(&file, training.sample_secs, training.seed)?;
            let name = format!("{:012}.mid", progress.events);
            write_atomically(&out.join(SAMPLES_FOLDER).join(name), &midi::write(&performance))?;
        }
        if progress.best.is_none_or(|best| nats_per_event < best) {
            progress.best = Some(nats_per_event);
            write_atomically(&out.join(BEST_FILE), &file)?;
        }
        Ok(nats_per_event)
    }
}

/// The beginnings of validation pieces, the same length of each.
pub(super) fn validation_pieces(
    corpus: &Corpus,
    pieces: &[Piece],
    training: &Training,
) -> Result<Vec<Vec<Token>>> {
    let chosen: Vec<&Piece> =
        pieces.iter().filter(|p| p.path.starts_with(&training.validation_prefix)).collect();
    let chosen = if chosen.is_empty() { pieces.iter().collect() } else { chosen };
    let share = (training.validation_events / chosen.len()).max(2);
    chosen
        .into_iter()
        .map(|piece| {
            let mut tokens = corpus.tokens(piece)?;
            tokens.truncate(share);
            Ok(tokens)
        })
        .collect()
}
