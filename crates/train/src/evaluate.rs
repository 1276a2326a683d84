//! `evaluate`: how well a model predicts performances it has not seen.

pub(crate) mod quantized;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use learn::{Evaluation, Evaluator};
use performance::Token;
use pollster::block_on;
use rnn::copying::Copying;
use rnn::{Model, Quantized};

use crate::cli::EvaluateArgs;
use crate::corpus::Corpus;
use crate::files::read_weights;
use crate::say::{count, say};
use crate::{device, progress};

/// Pieces that go through the network side by side.
const LANES: usize = 48;
pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let bytes = read_weights(&args.weights)?;
    let named = || args.weights.display().to_string();
    let pieces = pieces(&args.data, args.only.as_deref(), usize::from(args.every))?;
    let bar = progress::bar(pieces.iter().map(Vec::len).sum::<usize>() as u64, "events");
    let result = if args.quantized {
        let network = Quantized::load(&bytes).with_context(named)?;
        let progress = |n| bar.inc(n as u64);
        if args.copying {
            quantized::evaluate(&Copying::new(network), &pieces, progress)?
        } else {
            quantized::evaluate(&network, &pieces, progress)?
        }
    } else {
        let model = rnn::weights::load(&bytes, &device::open(args.device)?).with_context(named)?;
        evaluate(&model, &pieces, |n| bar.inc(n as u64))?
    };
    bar.finish_and_clear();
    if args.json {
        say!("{}", serde_json::to_string(&result)?)?;
    } else {
        say!(
            "{} in {}: {:.4} nats/event, {:.2} nats/second, {:.2} nats/note, accuracy {:.1} %",
            count(result.events as usize, "event"),
            count(pieces.len(), "piece"),
            result.nats_per_event,
            result.nats_per_second,
            result.nats_per_note,
            100.0 * result.accuracy
        )?;
        let types = &result.by_type;
        for (name, loss) in [
            ("NOTE_ON", types.note_on),
            ("NOTE_OFF", types.note_off),
            ("TIME_SHIFT", types.time_shift),
            ("VELOCITY", types.velocity),
        ] {
            say!("  {name:<10} {:.4} nats/event over {} events", loss.nats_per_event, loss.events)?;
        }
    }
    Ok(())
}

/// Every `every`-th piece in `data` whose path begins with `only`: prepared data, or a folder of MIDI files.
pub(crate) fn pieces(data: &Path, only: Option<&str>, every: usize) -> Result<Vec<Vec<Token>>> {
    let corpus = Corpus::open(data)?;
    let chosen = corpus.below(only.unwrap_or_default());
    let pieces: Vec<Vec<Token>> =
        chosen.iter().step_by(every).map(|piece| corpus.tokens(piece)).collect::<Result<_>>()?;
    ensure!(
        !pieces.is_empty(),
        "{} holds no pieces{}",
        data.display(),
        match only {
            Some(prefix) => format!(" below {prefix}"),
            None => String::new(),
        }
    );
    Ok(pieces)
}

/// Whole pieces with carried state, no controls, no mask.
pub(crate) fn evaluate(model: &Model, pieces: &[Vec<Token>], progress: impl Fn(usize)) -> Result<Evaluation> {
    let mut evaluator = Evaluator::new(model, pieces, LANES)?;
    while let Some(n) = block_on(evaluator.crop(model))? {
        progress(n);
    }
    Ok(evaluator.evaluation())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use performance::N_TOKENS;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rnn::ModelConfig;

    use super::*;

    #[test]
    fn pieces_together_are_judged_as_alone() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let config = ModelConfig { layers: 2, hidden: 8, ..ModelConfig::default() };
        let mut model = config.init(&Device::flex(), &mut rng);
        // Random weights, and so large that a wrong state shows.
        model.head = model.head.map(|head| head * 20.0);
        // Lanes fall idle one after another, and more pieces wait than there are lanes.
        let lengths = (0..LANES + 5).map(|i| 2 + 17 * i);
        let mut token = || Token::new(rng.random_range(0..N_TOKENS as u16)).unwrap();
        let pieces: Vec<Vec<Token>> =
            lengths.map(|len| std::iter::repeat_with(&mut token).take(len).collect()).collect();
        let together = evaluate(&model, &pieces, |_| {}).unwrap();
        let nats: f64 = pieces
            .iter()
            .map(|piece| {
                let alone = evaluate(&model, std::slice::from_ref(piece), |_| {}).unwrap();
                assert_eq!(alone.events, piece.len() - 1);
                alone.nats_per_event * alone.events as f64
            })
            .sum();
        assert_eq!(together.events, pieces.iter().map(|piece| piece.len() - 1).sum::<usize>());
        let expected = nats / together.events as f64;
        assert!(
            (together.nats_per_event - expected).abs() < 1e-5,
            "{} for {expected}",
            together.nats_per_event
        );
    }
}
