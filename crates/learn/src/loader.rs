//! Training crops: many lanes, each walking through a performance while the network's state is carried along.
//!
//! A lane draws a piece, a place to begin, a key and a pace, and yields crop after crop from there; the
//! network's state is carried from crop to crop and cleared when the lane draws anew. What a draw is
//! depends on the seed and the draw's number alone, so a run goes on exactly where it was stopped.

use performance::Controls;
use performance::{Event, N_PITCHES, Token, forward_windows};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::{ModelConfig, Reader};
use serde::{Deserialize, Serialize};

use crate::augment::{STRETCHES_PERCENT, stretch, transpose, transpositions};
use crate::{Error, Piece, Source};

/// Length of the forward window that the density and pitch-class controls describe.
const CONTROL_WINDOW_SECS: f64 = 8.0;

/// Share of draws that begin where the piece does: few other walks pass there, and every visitor hears a
/// beginning.
const FROM_BEGINNING: f64 = 0.1;

/// Steps of this share of a circle, taken one after another, fall evenly on it however many they are.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// One step's worth of data, time-major.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Last events, `[time * batch]`.
    pub tokens: Vec<i32>,
    /// Events to predict, `[time * batch]`.
    pub targets: Vec<i32>,
    /// 1 where there is an event to predict, 0 past the end of a lane's walk, `[time * batch]`.
    pub mask: Vec<f32>,
    /// Duration of the music in the events to predict, in seconds.
    pub seconds: f64,
    /// Pitches down after each last event and what was played before, `[time * batch * note_rows]`.
    pub sounding: Vec<f32>,
    /// `[time * batch * control_width]`.
    pub controls: Vec<f32>,
    /// 1 where a lane continues, 0 where it begins anew, `[batch]`.
    pub keep: Vec<f32>,
    /// Where the loader stands after this batch.
    pub position: Position,
}

impl Batch {
    /// How many events there are to predict.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.mask.iter().filter(|&&counts| counts > 0.0).count() as u64
    }
}

/// Where a loader stands: enough to go on from there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    next_draw: u64,
    /// Draw and next token of each lane.
    lanes: Vec<(u64, usize)>,
}

impl Position {
    /// How many lanes were under way.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// The same place in the order of draws, with all lanes to begin anew.
    #[must_use]
    pub fn without_lanes(&self) -> Self {
        Self { next_draw: self.next_draw, lanes: Vec::new() }
    }
}

/// How crops are cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Lanes.
    pub batch: usize,
    /// Events of a crop.
    pub time: usize,
    /// Events that a lane walks before it draws anew.
    pub walk: usize,
    /// Share of draws that keep their controls; each control is then kept with probability one half.
    pub controlled: f64,
    /// Other keys and paces.
    pub augment: bool,
    /// Whether the sounding pitches are in the input.
    pub sounding: bool,
    /// Share of draws that see what was played before, if the network remembers.
    pub remembering: f64,
    /// Which of how many loaders this is: they share the draws out among them.
    pub share: Share,
}

/// One of several that work side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Counted from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Share {
    /// Everything.
    pub const WHOLE: Self = Self { index: 0, of: 1 };
}

/// Cuts crops.
pub struct Loader {
    source: Box<dyn Source>,
    /// Those of the source that are long enough.
    pieces: Vec<usize>,
    /// Running total of the pieces' lengths: long pieces are drawn more often.
    ends: Vec<usize>,
    config: ModelConfig,
    cut: Cut,
    seed: u64,
    next_draw: u64,
    lanes: Vec<Lane>,
}

struct Lane {
    draw: u64,
    next: usize,
    end: usize,
    is_new: bool,
    tokens: Vec<Token>,
    /// Has read the piece from its beginning.
    reader: Reader,
    /// Encoded controls of each token; a single row where they do not change.
    controls: Vec<Vec<f32>>,
}

impl Lane {
    /// Events still to be predicted on this walk.
    fn left(&self) -> usize {
        self.end.saturating_sub(self.next + 1)
    }
}

impl Loader {
    /// Of these pieces, from `position` on.
    ///
    /// # Errors
    /// If no piece is long enough, or one cannot be read.
    pub fn new(
        source: Box<dyn Source>,
        config: ModelConfig,
        cut: Cut,
        seed: u64,
        position: &Position,
    ) -> Result<Self, Error> {
        let known = source.pieces();
        let pieces: Vec<usize> = (0..known.len()).filter(|&piece| known[piece].len > 1).collect();
        if pieces.is_empty() {
            return Err(Error::NoMusic);
        }
        let ends = pieces.iter().scan(0, |end, &piece| {
            *end += known[piece].len;
            Some(*end)
        });
        let ends = ends.collect();
        let mut loader = Self {
            source,
            pieces,
            ends,
            config,
            cut,
            seed,
            next_draw: position.next_draw,
            lanes: Vec::new(),
        };
        for &(draw, next) in &position.lanes {
            let mut lane = loader.draw(draw)?;
            let n_tokens = lane.tokens.len();
            let heard = lane.tokens.get(lane.next..next).ok_or(Error::OutOfPlace { next, n_tokens })?;
            for &token in heard {
                lane.reader.read(token);
            }
            (lane.next, lane.is_new) = (next, false);
            loader.lanes.push(lane);
        }
        while loader.lanes.len() < loader.cut.batch {
            let lane = loader.draw_next()?;
            loader.lanes.push(lane);
        }
        Ok(loader)
    }

    /// The next crop of every lane.
    ///
    /// # Errors
    /// If a piece cannot be read.
    pub fn next_batch(&mut self) -> Result<Batch, Error> {
        let Cut { batch, time, sounding, .. } = self.cut;
        let (width, n_rows) = (self.config.control_width(), self.config.note_rows());
        let mut data = Batch {
            tokens: vec![0; time * batch],
            targets: vec![0; time * batch],
            mask: vec![0.0; time * batch],
            seconds: 0.0,
            sounding: vec![0.0; time * batch * n_rows],
            controls: vec![0.0; time * batch * width],
            keep: vec![0.0; batch],
            position: Position::default(),
        };
        for b in 0..batch {
            while self.lanes[b].left() == 0 {
                self.lanes[b] = self.draw_next()?;
            }
            let lane = &mut self.lanes[b];
            data.keep[b] = if std::mem::take(&mut lane.is_new) { 0.0 } else { 1.0 };
            let n = time.min(lane.left());
            for t in 0..n {
                let (at, row) = (lane.next + t, t * batch + b);
                let target = lane.tokens[at + 1];
                let input = lane.reader.read(lane.tokens[at]);
                data.tokens[row] = i32::from(lane.tokens[at].get());
                data.targets[row] = i32::from(target.get());
                data.mask[row] = 1.0;
                if let Event::TimeShift(shift) = Event::from(target) {
                    data.seconds += shift.micros() as f64 / 1e6;
                }
                for selected in input.rows().filter(|&selected| sounding || selected >= N_PITCHES) {
                    data.sounding[row * n_rows + selected] = 1.0;
                }
                let controls = &lane.controls[(at + 1).min(lane.controls.len() - 1)];
                data.controls[row * width..(row + 1) * width].copy_from_slice(controls);
            }
            lane.next += n;
        }
        data.position = Position {
            next_draw: self.next_draw,
            lanes: self.lanes.iter().map(|lane| (lane.draw, lane.next)).collect(),
        };
        Ok(data)
    }

    fn draw_next(&mut self) -> Result<Lane, Error> {
        let Share { index, of } = self.cut.share;
        let draw = self.next_draw + index as u64;
        self.next_draw += of as u64;
        self.draw(draw)
    }

    /// The lane of a draw: a function of the seed and the draw's number alone.
    fn draw(&self, draw: u64) -> Result<Lane, Error> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let (index, along) = self.place(rng.random(), draw);
        rng.set_stream(draw);
        let piece = &self.source.pieces()[index];
        let mut tokens = self.source.tokens(index)?;
        if self.cut.augment {
            let keys = transpositions(piece.pitch_range);
            let by = keys[rng.random_range(0..keys.len())];
            let percent = STRETCHES_PERCENT[rng.random_range(0..STRETCHES_PERCENT.len())];
            tokens = stretch(&transpose(&tokens, by), percent);
        }
        let latest = tokens.len().saturating_sub(self.cut.time + 1);
        let start = if rng.random_bool(FROM_BEGINNING) { 0 } else { (along * latest as f64) as usize };
        let controls = self.controls(piece, &tokens, &mut rng)?;
        let remembers = self.config.memory && rng.random_bool(self.cut.remembering);
        let mut reader = Reader::new(remembers);
        for &token in &tokens[..start] {
            reader.read(token);
        }
        let end = tokens.len().min(start + self.cut.walk + 1);
        Ok(Lane { draw, next: start, end, is_new: true, tokens, reader, controls })
    }

    /// A piece, and how far into it to begin, from 0 to 1. Successive draws cover all the music evenly, from
    /// `turn` on, so that none of it waits for long.
    fn place(&self, turn: f64, draw: u64) -> (usize, f64) {
        let total = self.ends.last().copied().unwrap_or(0);
        let place = ((turn + draw as f64 * GOLDEN).fract() * total as f64) as usize;
        let index = self.ends.partition_point(|&end| end <= place).min(self.pieces.len() - 1);
        let piece = self.pieces[index];
        (piece, 1.0 - (self.ends[index] - place) as f64 / self.source.pieces()[piece].len as f64)
    }

    fn controls(
        &self,
        piece: &Piece,
        tokens: &[Token],
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let is_controlled = rng.random_bool(self.cut.controlled);
        let mut keeps = || rng.random_bool(0.5) && is_controlled;
        let (density, pitch_classes, composer) = (keeps(), keeps(), keeps());
        let composer = match &piece.composer {
            Some(name) if composer => self.config.composers.iter().position(|known| known == name),
            _ => None,
        };
        let encode = |controls: Controls| Ok(self.config.encode(&controls)?);
        if !density && !pitch_classes {
            return Ok(vec![encode(Controls { composer, ..Controls::default() })?]);
        }
        forward_windows(tokens, CONTROL_WINDOW_SECS)
            .map(|window| {
                let histogram = window.pitch_class_histogram();
                encode(Controls {
                    density: density.then(|| window.note_density()),
                    pitch_classes: (pitch_classes && histogram.iter().sum::<f32>() > 0.0)
                        .then_some(histogram),
                    composer,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InMemory;

    /// Pieces of 9, 40 and 100 events: keys that go down and up, a step of 8 ms each time.
    fn pieces() -> InMemory {
        let token = |i: usize| [60 + i as u16 / 4 % 12, 256, 128 + 60 + i as u16 / 4 % 12, 256][i % 4];
        let piece = |len: usize| (0..len).map(|i| Token::new(token(i)).unwrap()).collect();
        InMemory::new([9, 40, 100].map(piece).to_vec())
    }

    fn loader(share: Share, position: &Position) -> Loader {
        let cut = Cut {
            batch: 3,
            time: 16,
            walk: 50,
            controlled: 0.5,
            augment: true,
            sounding: true,
            remembering: 0.7,
            share,
        };
        let config = ModelConfig { memory: true, ..ModelConfig::default() };
        Loader::new(Box::new(pieces()), config, cut, 7, position).unwrap()
    }

    #[test]
    fn crops_follow_on_and_nothing_past_the_end_counts() {
        let mut loader = loader(Share::WHOLE, &Position::default());
        let mut last_target = [None; 3];
        let mut n_masked = 0;
        for _ in 0..60 {
            let batch = loader.next_batch().unwrap();
            for (b, last_target) in last_target.iter_mut().enumerate() {
                let rows = (0..16).map(|t| t * 3 + b);
                let n = rows.clone().filter(|&row| batch.mask[row] == 1.0).count();
                assert!(n > 0, "a crop without events");
                assert!(rows.clone().skip(n).all(|row| batch.mask[row] == 0.0 && batch.targets[row] == 0));
                n_masked += 16 - n;
                if batch.keep[b] == 1.0 {
                    assert_eq!(Some(batch.tokens[b]), *last_target, "the lane goes on where it was");
                }
                for (row, next) in rows.clone().zip(rows.clone().skip(1)).take(n - 1) {
                    assert_eq!(batch.targets[row], batch.tokens[next]);
                }
                *last_target = Some(batch.targets[(n - 1) * 3 + b]);
            }
            let steps: i32 = batch.targets.iter().filter(|&&target| target >= 256).map(|t| t - 255).sum();
            assert!((batch.seconds - f64::from(steps) * 0.008).abs() < 1e-9, "{steps} steps");
        }
        assert!(n_masked > 0, "short pieces leave rows empty");
    }

    #[test]
    fn a_loader_goes_on_from_its_position() {
        let mut whole = loader(Share::WHOLE, &Position::default());
        for _ in 0..40 {
            let position = whole.next_batch().unwrap().position;
            let mut resumed = loader(Share::WHOLE, &position);
            let next = |loader: &mut Loader| {
                let Batch { tokens, targets, sounding, controls, keep, .. } = loader.next_batch().unwrap();
                (tokens, targets, sounding, controls, keep)
            };
            let mut ahead = loader(Share::WHOLE, &position);
            assert_eq!(next(&mut resumed), next(&mut ahead));
        }
        let position = whole.next_batch().unwrap().position;
        let expected = whole.next_batch().unwrap();
        let found = loader(Share::WHOLE, &position).next_batch().unwrap();
        assert_eq!((found.tokens, found.position), (expected.tokens, expected.position));
    }

    #[test]
    fn what_was_played_before_is_seen_in_some_sequences() {
        let mut loader = loader(Share::WHOLE, &Position::default());
        let n_rows = loader.config.note_rows();
        let mut with_hints = std::collections::BTreeMap::new();
        for _ in 0..60 {
            let batch = loader.next_batch().unwrap();
            for (b, &(draw, _)) in batch.position.lanes.iter().enumerate() {
                let rows = (0..16).map(|t| &batch.sounding[(t * 3 + b) * n_rows..][..n_rows]);
                let is_seen = rows.flat_map(|row| &row[N_PITCHES..]).any(|&row| row != 0.0);
                *with_hints.entry(draw).or_insert(false) |= is_seen;
            }
        }
        let seen = with_hints.values().filter(|&&is_seen| is_seen).count();
        assert!(seen > 0 && seen < with_hints.len(), "{seen} of {}", with_hints.len());
    }

    #[test]
    fn draws_go_evenly_over_the_music() {
        let loader = loader(Share::WHOLE, &Position::default());
        for turn in [0.0, 0.37, 0.999] {
            let mut counts = [0; 10];
            for draw in 5..1005 {
                let (piece, along) = loader.place(turn, draw);
                assert!((0.0..1.0).contains(&along), "{along}");
                let place = [0.0, 9.0, 49.0][piece] + along * loader.source.pieces()[piece].len as f64;
                counts[(place / 149.0 * 10.0) as usize] += 1;
            }
            // Whole events: a tenth is 14 or 15 of them.
            assert!(counts.iter().all(|&count| (90..=110).contains(&count)), "{counts:?}");
        }
    }

    #[test]
    fn loaders_side_by_side_share_the_draws() {
        let draws = |share: Share| {
            let mut loader = loader(share, &Position::default());
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..20 {
                seen.extend(loader.next_batch().unwrap().position.lanes.iter().map(|&(draw, _)| draw));
            }
            seen
        };
        let (first, second) = (draws(Share { index: 0, of: 2 }), draws(Share { index: 1, of: 2 }));
        assert!(first.iter().all(|draw| draw % 2 == 0) && second.iter().all(|draw| draw % 2 == 1));
        assert!(first.len() > 6 && second.len() > 6);
    }
}
