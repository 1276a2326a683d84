//! How well a model predicts performances.

use burn::tensor::{Device, Int, Tensor, TensorData};
use performance::Controls;
use performance::{Event, N_TOKENS, Token, duration_secs};
use rnn::{Inputs, Model, Reader, State};
use serde::Serialize;

use crate::Error;

/// Events of a crop; the state is carried from crop to crop, so this is a matter of memory alone.
const CROP: usize = 128;

/// The figures of an evaluation; what `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Events predicted: all but each piece's first.
    pub events: usize,
    /// Mean loss.
    pub nats_per_event: f64,
    /// The same per second of music.
    pub nats_per_second: f64,
    /// The same per note.
    pub nats_per_note: f64,
    /// Share of events that were the model's first guess.
    pub accuracy: f64,
    /// Nats per event of each type, and how many there were.
    pub by_type: ByType,
}

/// Loss by type of event.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ByType {
    /// NOTE_ON.
    pub note_on: TypeLoss,
    /// NOTE_OFF.
    pub note_off: TypeLoss,
    /// TIME_SHIFT.
    pub time_shift: TypeLoss,
    /// VELOCITY.
    pub velocity: TypeLoss,
}

/// Loss of one type of event.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct TypeLoss {
    /// How many there were.
    pub events: usize,
    /// Mean loss.
    pub nats_per_event: f64,
}

/// Reads whole pieces with carried state, no controls, no mask; crop by crop, so that other work can be done
/// between crops.
#[derive(Debug)]
pub struct Evaluator<'a> {
    waiting: Vec<&'a [Token]>,
    lanes: Vec<Lane<'a>>,
    state: State,
    tally: Tally,
    seconds: f64,
}

impl<'a> Evaluator<'a> {
    /// Of these pieces, up to `n_lanes` side by side.
    ///
    /// # Errors
    /// If no piece has two events.
    pub fn new(model: &Model, pieces: &'a [Vec<Token>], n_lanes: usize) -> Result<Self, Error> {
        // The longest first, so that the last to end are short and lanes stay busy together.
        let mut waiting: Vec<&[Token]> = pieces.iter().map(Vec::as_slice).filter(|p| p.len() > 1).collect();
        if waiting.is_empty() {
            return Err(Error::NothingToEvaluate);
        }
        waiting.sort_by_key(|tokens| tokens.len());
        let lanes: Vec<Lane> = (0..n_lanes.min(waiting.len())).map(|_| Lane::default()).collect();
        let state = State::zeros(&model.config, lanes.len(), &model.head.val().device());
        let seconds = pieces.iter().map(|tokens| duration_secs(tokens)).sum();
        Ok(Self { waiting, lanes, state, tally: Tally::default(), seconds })
    }

    /// Reads a crop, and returns how many events it had; `None` at the end.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn crop(&mut self, model: &Model) -> Result<Option<usize>, Error> {
        let device = model.head.val().device();
        let Self { waiting, lanes, state, tally, .. } = self;
        let mut keep: Vec<f32> =
            lanes.iter_mut().map(|lane| lane.refill(waiting, model.config.memory)).collect();
        let busy: Vec<usize> = (0..lanes.len()).filter(|&lane| lanes[lane].left() > 0).collect();
        let Some(time) = busy.iter().map(|&lane| CROP.min(lanes[lane].left())).max() else {
            return Ok(None);
        };
        // Idle lanes cost as much as busy ones. Few widths, because some devices prepare for each anew.
        if busy.len() <= lanes.len() / 2 {
            keep = busy.iter().map(|&lane| keep[lane]).collect();
            *lanes = busy.iter().map(|&lane| std::mem::take(&mut lanes[lane])).collect();
            *state = state.clone().rows(&busy);
        }
        let starts: Vec<usize> = lanes.iter().map(|lane| lane.next).collect();
        let keep = Tensor::from_data(TensorData::new(keep, [lanes.len(), 1]), &device);
        let inputs = inputs(model, lanes, time, &device)?;
        let (scores, next) = model.forward(inputs, state.clone().keeping(&keep));
        *state = next;
        let failed = |error: &dyn std::fmt::Display| Error::Device(error.to_string());
        let scores = scores.into_data_async().await.map_err(|error| failed(&error))?;
        let scores = scores.try_to_vec::<f32>().map_err(|error| failed(&format!("{error:?}")))?;
        Ok(Some(tally.score(&scores, lanes, &starts)))
    }

    /// The figures of what was read.
    #[must_use]
    pub fn evaluation(&self) -> Evaluation {
        self.tally.evaluation(self.seconds)
    }
}

/// A piece on its way through one row of the batch.
#[derive(Debug, Default)]
struct Lane<'a> {
    tokens: &'a [Token],
    /// The next token to be read.
    next: usize,
    reader: Reader,
}

impl<'a> Lane<'a> {
    /// How many more events there are to predict.
    fn left(&self) -> usize {
        self.tokens.len().saturating_sub(self.next + 1)
    }

    /// Takes the next piece if this one has ended; returns 1 if the network's state is kept, 0 if it is
    /// reset.
    fn refill(&mut self, waiting: &mut Vec<&'a [Token]>, remembers: bool) -> f32 {
        if self.left() > 0 {
            return 1.0;
        }
        let tokens = waiting.pop().unwrap_or_default();
        *self = Self { tokens, next: 0, reader: Reader::new(remembers) };
        0.0
    }
}

/// The next `time` events of every lane; rows past a piece's end are empty.
fn inputs(model: &Model, lanes: &mut [Lane], time: usize, device: &Device) -> Result<Inputs, Error> {
    let batch = lanes.len();
    let unset = model.config.encode(&Controls::default())?;
    let mut numbers = vec![0i32; time * batch];
    let n_rows = model.config.note_rows();
    let mut multi_hot = vec![0.0f32; time * batch * n_rows];
    for (b, lane) in lanes.iter_mut().enumerate() {
        let n = time.min(lane.left());
        for (t, &token) in lane.tokens[lane.next..][..n].iter().enumerate() {
            let row = t * batch + b;
            numbers[row] = i32::from(token.get());
            for selected in lane.reader.read(token).rows() {
                multi_hot[row * n_rows + selected] = 1.0;
            }
        }
        lane.next += n;
    }
    let controls = TensorData::new(unset.repeat(time * batch), [time, batch, unset.len()]);
    Ok(Inputs {
        tokens: Tensor::<2, Int>::from_data(TensorData::new(numbers, [time, batch]), device),
        sounding: Tensor::from_data(TensorData::new(multi_hot, [time, batch, n_rows]), device),
        controls: Tensor::from_data(controls, device),
    })
}

/// Losses added up.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    nats: [f64; 4],
    count: [usize; 4],
    right: usize,
}

impl Tally {
    /// Compares a crop's logits, `[time, batch, 413]`, with what came next in each lane; returns how many
    /// events there were. `starts` are the lanes' places before the crop.
    fn score(&mut self, scores: &[f32], lanes: &[Lane], starts: &[usize]) -> usize {
        let batch = lanes.len();
        let judged = |(row, scores): (usize, &[f32])| {
            let (t, b) = (row / batch, row % batch);
            let target = *lanes[b].tokens.get(starts[b] + t + 1)?;
            Some(judge(scores, target))
        };
        #[cfg(target_family = "wasm")]
        let results: Vec<_> = scores.chunks_exact(N_TOKENS).enumerate().filter_map(judged).collect();
        #[cfg(not(target_family = "wasm"))]
        let results: Vec<_> = {
            use rayon::prelude::*;
            scores.par_chunks_exact(N_TOKENS).enumerate().filter_map(judged).collect()
        };
        results.iter().for_each(|&result| self.add(result));
        results.len()
    }

    /// One event more.
    pub fn add(&mut self, Judged { kind, nats, is_right }: Judged) {
        self.nats[kind] += nats;
        self.count[kind] += 1;
        self.right += usize::from(is_right);
    }

    /// Everything in another.
    pub fn merge(&mut self, other: &Self) {
        for kind in 0..self.nats.len() {
            self.nats[kind] += other.nats[kind];
            self.count[kind] += other.count[kind];
        }
        self.right += other.right;
    }

    /// The figures of this much music, in seconds.
    #[must_use]
    pub fn evaluation(&self, seconds: f64) -> Evaluation {
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

/// What a network made of an event.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    kind: usize,
    /// Its loss.
    pub nats: f64,
    is_right: bool,
}

/// Of an event that came, and the logits before it.
#[must_use]
pub fn judge(scores: &[f32], target: Token) -> Judged {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|&score| f64::from(score - highest).exp()).sum();
    let nats = sum.ln() - f64::from(scores[target.index()] - highest);
    Judged { kind: kind(target), nats, is_right: scores[target.index()] >= highest }
}
