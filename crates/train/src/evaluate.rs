//! `evaluate`: how well a model predicts performances it has not seen.

pub(crate) mod quantized;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use burn::tensor::{Device, Int, Tensor, TensorData};
use performance::Controls;
use performance::{Event, N_PITCHES, N_TOKENS, Sounding, Token, duration_secs, encode, midi};
use rayon::prelude::*;
use rnn::copying::Copying;
use rnn::{Inputs, Model, Quantized, State};
use serde::Serialize;

use crate::cli::EvaluateArgs;
use crate::corpus::{Corpus, INDEX_FILE};
use crate::prepare::is_midi;
use crate::{device, progress};

/// Pieces that go through the network side by side.
const LANES: usize = 48;
/// Events of a crop; the state is carried from crop to crop, so this is a matter of memory alone.
const CROP: usize = 128;

/// The figures of an evaluation; what `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Evaluation {
    /// Events predicted: all but each piece's first.
    pub(crate) events: usize,
    pub(crate) nats_per_event: f64,
    pub(crate) nats_per_second: f64,
    pub(crate) nats_per_note: f64,
    /// Share of events that were the model's first guess.
    pub(crate) accuracy: f64,
    /// Nats per event of each type, and how many there were.
    pub(crate) by_type: ByType,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ByType {
    pub(crate) note_on: TypeLoss,
    pub(crate) note_off: TypeLoss,
    pub(crate) time_shift: TypeLoss,
    pub(crate) velocity: TypeLoss,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct TypeLoss {
    pub(crate) events: usize,
    pub(crate) nats_per_event: f64,
}

pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let bytes =
        std::fs::read(&args.weights).with_context(|| format!("{} cannot be read", args.weights.display()))?;
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
        println!("{}", serde_json::to_string(&result)?);
    } else {
        println!(
            "{} events in {} pieces: {:.4} nats/event, {:.2} nats/second, {:.2} nats/note, accuracy {:.1} %",
            result.events,
            pieces.len(),
            result.nats_per_event,
            result.nats_per_second,
            result.nats_per_note,
            100.0 * result.accuracy
        );
        let types = &result.by_type;
        for (name, loss) in [
            ("NOTE_ON", types.note_on),
            ("NOTE_OFF", types.note_off),
            ("TIME_SHIFT", types.time_shift),
            ("VELOCITY", types.velocity),
        ] {
            println!("  {name:<10} {:.4} nats/event over {} events", loss.nats_per_event, loss.events);
        }
    }
    Ok(())
}

/// Every `every`-th piece in `data`: prepared data, or a folder of MIDI files.
pub(crate) fn pieces(data: &Path, only: Option<&str>, every: usize) -> Result<Vec<Vec<Token>>> {
    let pieces: Vec<Vec<Token>> = if data.join(INDEX_FILE).exists() {
        let corpus = Arc::new(Corpus::open(data)?);
        let chosen = corpus.below(only.unwrap_or_default());
        chosen.iter().step_by(every).map(|piece| corpus.tokens(piece)).collect::<Result<_>>()?
    } else {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(data).with_context(|| format!("{} cannot be read", data.display()))? {
            let path = entry?.path();
            if is_midi(&path) && path.to_string_lossy().contains(only.unwrap_or_default()) {
                files.push(path);
            }
        }
        files.sort();
        let chosen: Vec<_> = files.iter().step_by(every).collect();
        chosen
            .par_iter()
            .map(|file| {
                let import = midi::read(&std::fs::read(file)?).with_context(|| file.display().to_string())?;
                Ok(encode(&import.performance))
            })
            .collect::<Result<_>>()?
    };
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
    // The longest first, so that the last to end are short and lanes stay busy together.
    let mut waiting: Vec<&[Token]> = pieces.iter().map(Vec::as_slice).filter(|p| p.len() > 1).collect();
    ensure!(!waiting.is_empty(), "expected pieces of at least two events, found none");
    waiting.sort_by_key(|tokens| tokens.len());
    let device: Device = model.head.val().device();
    let mut lanes: Vec<Lane> = (0..LANES.min(waiting.len())).map(|_| Lane::default()).collect();
    let mut state = State::zeros(&model.config, lanes.len(), &device);
    let mut tally = Tally::default();
    loop {
        let mut keep: Vec<f32> = lanes.iter_mut().map(|lane| lane.refill(&mut waiting)).collect();
        let busy: Vec<usize> = (0..lanes.len()).filter(|&lane| lanes[lane].left() > 0).collect();
        let Some(time) = busy.iter().map(|&lane| CROP.min(lanes[lane].left())).max() else { break };
        // Idle lanes cost as much as busy ones. Few widths, because some devices prepare for each anew.
        if busy.len() <= lanes.len() / 2 {
            keep = busy.iter().map(|&lane| keep[lane]).collect();
            lanes = busy.iter().map(|&lane| std::mem::take(&mut lanes[lane])).collect();
            state = state.rows(&busy);
        }
        let starts: Vec<usize> = lanes.iter().map(|lane| lane.next).collect();
        let keep = Tensor::from_data(TensorData::new(keep, [lanes.len(), 1]), &device);
        let inputs = inputs(model, &mut lanes, time, &device)?;
        let (scores, next) = model.forward(inputs, state.keeping(&keep));
        state = next;
        let n = tally.score(&scores.into_data().try_to_vec::<f32>()?, &lanes, &starts);
        progress(n);
    }
    let seconds: f64 = pieces.iter().map(|tokens| duration_secs(tokens)).sum();
    Ok(tally.evaluation(seconds))
}

/// A piece on its way through one row of the batch.
#[derive(Default)]
struct Lane<'a> {
    tokens: &'a [Token],
    /// The next token to be read.
    next: usize,
    sounding: Sounding,
}

impl<'a> Lane<'a> {
    /// How many more events there are to predict.
    fn left(&self) -> usize {
        self.tokens.len().saturating_sub(self.next + 1)
    }

    /// Takes the next piece if this one has ended; returns 1 if the network's state is kept, 0 if it is
    /// reset.
    fn refill(&mut self, waiting: &mut Vec<&'a [Token]>) -> f32 {
        if self.left() > 0 {
            return 1.0;
        }
        *self = Self { tokens: waiting.pop().unwrap_or_default(), ..Self::default() };
        0.0
    }
}

/// The next `time` events of every lane; rows past a piece's end are empty.
fn inputs(model: &Model, lanes: &mut [Lane], time: usize, device: &Device) -> Result<Inputs> {
    let batch = lanes.len();
    let unset = model.config.encode(&Controls::default())?;
    let mut numbers = vec![0i32; time * batch];
    let mut multi_hot = vec![0.0f32; time * batch * N_PITCHES];
    for (b, lane) in lanes.iter_mut().enumerate() {
        let n = time.min(lane.left());
        for (t, &token) in lane.tokens[lane.next..][..n].iter().enumerate() {
            let row = t * batch + b;
            lane.sounding.apply(Event::from(token));
            numbers[row] = i32::from(token.get());
            for pitch in lane.sounding.pitches() {
                multi_hot[row * N_PITCHES + pitch.index()] = 1.0;
            }
        }
        lane.next += n;
    }
    let controls = TensorData::new(unset.repeat(time * batch), [time, batch, unset.len()]);
    Ok(Inputs {
        tokens: Tensor::<2, Int>::from_data(TensorData::new(numbers, [time, batch]), device),
        sounding: Tensor::from_data(TensorData::new(multi_hot, [time, batch, N_PITCHES]), device),
        controls: Tensor::from_data(controls, device),
    })
}

#[derive(Default)]
struct Tally {
    nats: [f64; 4],
    count: [usize; 4],
    right: usize,
}

impl Tally {
    /// Compares a crop's logits, `[time, batch, 413]`, with what came next in each lane; returns how many
    /// events there were. `starts` are the lanes' places before the crop.
    fn score(&mut self, scores: &[f32], lanes: &[Lane], starts: &[usize]) -> usize {
        let batch = lanes.len();
        let results: Vec<(usize, f64, bool)> = scores
            .par_chunks_exact(N_TOKENS)
            .enumerate()
            .filter_map(|(row, scores)| {
                let (t, b) = (row / batch, row % batch);
                let target = *lanes[b].tokens.get(starts[b] + t + 1)?;
                Some(judge(scores, target))
            })
            .collect();
        results.iter().for_each(|&result| self.add(result));
        results.len()
    }

    /// One event more.
    fn add(&mut self, (kind, nats, is_right): (usize, f64, bool)) {
        self.nats[kind] += nats;
        self.count[kind] += 1;
        self.right += usize::from(is_right);
    }

    fn merge(&mut self, other: &Self) {
        for kind in 0..self.nats.len() {
            self.nats[kind] += other.nats[kind];
            self.count[kind] += other.count[kind];
        }
        self.right += other.right;
    }

    fn evaluation(&self, seconds: f64) -> Evaluation {
        let (events, nats): (usize, f64) = (self.count.iter().sum(), self.nats.iter().sum());
        let of = |kind: usize| TypeLoss {
            events: self.count[kind],
            nats_per_event: self.nats[kind] / self.count[kind].max(1) as f64,
        };
        Evaluation {
            events,
            nats_per_event: nats / events as f64,
            nats_per_second: nats / seconds,
            nats_per_note: nats / self.count[0].max(1) as f64,
            accuracy: self.right as f64 / events as f64,
            by_type: ByType { note_on: of(0), note_off: of(1), time_shift: of(2), velocity: of(3) },
        }
    }
}

fn kind(token: Token) -> usize {
    match Event::from(token) {
        Event::NoteOn(_) => 0,
        Event::NoteOff(_) => 1,
        Event::TimeShift(_) => 2,
        Event::Velocity(_) => 3,
    }
}

/// The kind of the event that came, its loss in nats, and whether it was the first guess.
fn judge(scores: &[f32], target: Token) -> (usize, f64, bool) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|&score| f64::from(score - highest).exp()).sum();
    let nats = sum.ln() - f64::from(scores[target.index()] - highest);
    (kind(target), nats, scores[target.index()] >= highest)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rnn::ModelConfig;

    use super::*;

    #[test]
    fn pieces_together_are_judged_as_alone() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let config = ModelConfig { layers: 2, hidden: 8, composers: Vec::new() };
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
