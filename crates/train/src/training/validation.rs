//! Measuring a run: what its averaged weights make of music that it does not learn, and what they play.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use burn::module::Module;
use performance::{Token, midi};
use rnn::weights::{self, Precision};
use rnn::{Compute, Model};

use super::progress::Progress;
use super::run::Run;
use crate::config::Training;
use crate::corpus::{Corpus, Piece};
use crate::evaluate::{Evaluation, evaluate};
use crate::files::write_atomically;
use crate::generate;

/// The best averaged weights on validation, as the page loads them.
pub(crate) const BEST_FILE: &str = "best.safetensors";
/// Folder of what the network played at each validation.
const SAMPLES_FOLDER: &str = "samples";

impl Run {
    /// Validates the averaged weights, lets them play, and keeps them if they are the best so far.
    pub(super) fn validate(&mut self, checks: &[Vec<Token>], out: &Path) -> Result<f64> {
        let averaged = self.averaged()?;
        let Evaluation { nats_per_event, .. } = evaluate(&averaged, checks, |_| ())?;
        self.progress.last_validation = self.progress.events;
        let Progress { step, events, before, .. } = &self.progress;
        let mut facts = BTreeMap::from([
            ("step".to_owned(), (before.steps + step).to_string()),
            ("events".to_owned(), (before.events + events).to_string()),
            ("validation_nats".to_owned(), format!("{nats_per_event:.4}")),
        ]);
        if let Some(sha256) = &before.sha256 {
            facts.insert("from_events".to_owned(), before.events.to_string());
            facts.insert("from_sha256".to_owned(), sha256.clone());
        }
        let file = weights::save(&averaged, Precision::Half, &facts)?;
        if self.training.sample_secs > 0.0 && self.progress.step > 0 {
            let performance = generate::sample(&file, self.training.sample_secs, self.training.seed)?;
            let name = format!("{:012}.mid", self.progress.events);
            write_atomically(&out.join(SAMPLES_FOLDER).join(name), &midi::write(&performance))?;
        }
        if self.progress.best.is_none_or(|best| nats_per_event < best) {
            self.progress.best = Some(nats_per_event);
            write_atomically(&out.join(BEST_FILE), &file)?;
        }
        Ok(nats_per_event)
    }

    fn averaged(&self) -> Result<Model> {
        let tensors = self.adam.average(&self.model);
        let mut model = self.model.valid();
        model.compute = Compute::F32;
        let values: BTreeMap<&str, &Vec<f32>> =
            tensors.iter().map(|t| (t.name.as_str(), &t.values)).collect();
        Ok(weights::replace(model, |name, _| {
            values
                .get(name)
                .map(|values| (*values).clone())
                .ok_or(rnn::Error::MissingTensor { name: name.to_owned() })
        })?)
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
