//! What was played before, as the network's input.
//!
//! A [`Matcher`] finds where the last notes were played before, and which note followed there, when, and how
//! loud. Each of these selects a row of the first layer's matrix, as sounding pitches do; so a network that
//! remembers reads the same with and without them. Trained on whole pieces, it learns how far to trust them.

use std::ops::RangeInclusive;

use performance::motif::{Candidate, Confidence, MAX_MATCH, Matcher, SEARCHES};
use performance::{Event, N_PITCHES, Pitch, Sounding, Token};

use crate::StepInput;

/// Keys of a piano; other pitches have no rows.
const KEYS: RangeInclusive<u8> = 21..=108;
const N_KEYS: usize = 88;
/// Lengths of a match that are told apart, each up to this.
const LENGTHS: [u32; 11] = [0, 1, 2, 3, 4, 6, 8, 11, 15, 20, MAX_MATCH as u32];
/// Numbers of misses that are told apart: none, one, more.
const N_MISSES: usize = 3;
const N_TRUSTS: usize = LENGTHS.len() * N_MISSES;
/// A match of this many notes is sure, each miss taken as three notes less.
const SURE_TRUST: i32 = 8;
/// In how many steps the next strike is due, each up to this; and more.
const DUE_IN: [i32; 43] = [
    -60, -20, -8, -3, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24,
    26, 29, 32, 36, 40, 45, 50, 57, 64, 72, 80, 90, 100, 112, 125,
];
/// Loudness is told apart by this many bins of VELOCITY.
const BINS: i32 = 2;
const N_LOUDNESSES: usize = 16;

/// The key that comes next, by the longest match in the same key, and by that in any key.
const IN_KEY: [usize; 2] = [0, N_KEYS];
/// The key that comes next, if it is sure.
const SURE: usize = 2 * N_KEYS;
/// How far these two matches are to be trusted.
const TRUST: [usize; 2] = [3 * N_KEYS, 3 * N_KEYS + N_TRUSTS];
/// When the next strike is due, by the longest match of all.
const DUE: usize = 3 * N_KEYS + 2 * N_TRUSTS;
/// How loud it would be.
const LOUDNESS: usize = DUE + DUE_IN.len() + 1;
/// Number of rows for what was played before.
pub const N_MEMORY_ROWS: usize = LOUDNESS + N_LOUDNESSES;

/// At most this many rows are selected at once.
const MOST: usize = 7;

/// Rows that are selected by what was played before, below [`N_MEMORY_ROWS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    rows: [u16; MOST],
    len: u8,
}

impl Hints {
    /// Those of what a matcher has found.
    #[must_use]
    pub fn of(matcher: &Matcher) -> Self {
        let mut hints = Self::default();
        let Some(due) = matcher.due() else { return hints };
        let mut best: [Option<Candidate>; 2] = [None; 2];
        for found in matcher.candidates() {
            let best = &mut best[usize::from(SEARCHES[found.search].0)];
            if best.is_none_or(|best| trust(best.confidence) < trust(found.confidence)) {
                *best = Some(found);
            }
        }
        let mut sure: Option<Candidate> = None;
        for (kind, found) in best.into_iter().enumerate() {
            let Some(found) = found else { continue };
            hints.select_key(IN_KEY[kind], found.pitch);
            let Confidence { length, misses } = found.confidence;
            let length = LENGTHS.partition_point(|&bound| bound < length).min(LENGTHS.len() - 1);
            hints.select(TRUST[kind] + length * N_MISSES + (misses as usize).min(N_MISSES - 1));
            if sure.is_none_or(|sure| trust(sure.confidence) < trust(found.confidence)) {
                sure = Some(found);
            }
        }
        if let Some(found) = sure.filter(|found| trust(found.confidence) >= SURE_TRUST) {
            hints.select_key(SURE, found.pitch);
        }
        hints.select(DUE + DUE_IN.partition_point(|&bound| bound < due.steps));
        hints.select(LOUDNESS + (due.bin / BINS).clamp(0, N_LOUDNESSES as i32 - 1) as usize);
        hints
    }

    /// The rows' numbers, each once.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().take(self.len.into()).map(|&row| row.into())
    }

    fn select_key(&mut self, first: usize, pitch: Pitch) {
        if KEYS.contains(&pitch.get()) {
            self.select(first + usize::from(pitch.get() - KEYS.start()));
        }
    }

    fn select(&mut self, row: usize) {
        if let Some(place) = self.rows.get_mut(usize::from(self.len)) {
            *place = row as u16;
            self.len += 1;
        }
    }
}

fn trust(Confidence { length, misses }: Confidence) -> i32 {
    length as i32 - 3 * misses as i32
}

/// Reads a performance, and says what the network's input is after each event.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    sounding: Sounding,
    /// None for a network that does not remember.
    matcher: Option<Matcher>,
}

impl Reader {
    /// One that has read nothing, for a network that remembers what was played, or one that does not.
    #[must_use]
    pub fn new(remembers: bool) -> Self {
        Self { sounding: Sounding::default(), matcher: remembers.then(Matcher::default) }
    }

    /// Reads one more event, and says what the network's input is then.
    pub fn read(&mut self, token: Token) -> StepInput {
        let event = Event::from(token);
        self.sounding.apply(event);
        if let Some(matcher) = &mut self.matcher {
            matcher.apply(event);
        }
        let hints = self.matcher.as_ref().map(Hints::of).unwrap_or_default();
        StepInput { token, sounding: self.sounding, hints }
    }
}

impl StepInput {
    /// Rows of the first layer's matrix for sounding pitches and what was played before, in this order; each
    /// counts 1.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.sounding.pitches().map(Pitch::index).chain(self.hints.rows().map(|row| N_PITCHES + row))
    }
}

#[cfg(test)]
mod tests {
    use performance::{Shift, VelocityBin};
    use proptest::prelude::*;

    use super::*;

    const TUNE: [u8; 9] = [60, 64, 62, 67, 65, 72, 71, 69, 76];

    /// The hints after a tune with waits of 20 steps, and the first notes of it in another key.
    fn hints(n_notes: usize, key: u8) -> Vec<usize> {
        let mut matcher = Matcher::default();
        let second = TUNE[..n_notes].iter().map(|pitch| pitch + key);
        for pitch in TUNE.into_iter().chain([40, 41, 43, 40]).chain(second) {
            matcher.apply(Event::TimeShift(Shift::new(20).unwrap()));
            matcher.apply(Event::Velocity(VelocityBin::new(20).unwrap()));
            matcher.apply(Event::NoteOn(Pitch::new(pitch).unwrap()));
        }
        Hints::of(&matcher).rows().collect()
    }

    fn of_length(kind: usize, length: u32) -> usize {
        let bucket = LENGTHS.iter().position(|&bound| length <= bound).unwrap();
        TRUST[kind] + bucket * N_MISSES
    }

    #[test]
    fn the_next_note_selects_rows() {
        assert_eq!(hints(0, 0), [0; 0]);
        let key = |pitch: u8| usize::from(pitch - 21);
        let due = DUE + DUE_IN.iter().position(|&bound| bound == 20).unwrap();
        let loud = LOUDNESS + 10;
        assert_eq!(hints(4, 0), [key(65), of_length(0, 4), due, loud]);
        let both = [key(69), of_length(0, 7), N_KEYS + key(69), of_length(1, 6), due, loud];
        assert_eq!(hints(7, 0), both);
        let sure = [key(76), of_length(0, 8), N_KEYS + key(76), of_length(1, 7), SURE + key(76), due, loud];
        assert_eq!(hints(8, 0), sure);
        // In another key only intervals are equal.
        assert_eq!(hints(7, 5), [N_KEYS + key(74), of_length(1, 6), due, loud]);
    }

    proptest! {
        #[test]
        fn every_row_exists(tokens in prop::collection::vec((0..3u8, 0..5u8, 1..=125u8), 1..300)) {
            let mut reader = Reader::new(true);
            for (kind, pitch, number) in tokens {
                let event = match kind {
                    0 => Event::NoteOn(Pitch::new(pitch * 31).unwrap()),
                    1 => Event::TimeShift(Shift::new(number).unwrap()),
                    _ => Event::Velocity(VelocityBin::new(number % 32 + 1).unwrap()),
                };
                let input = reader.read(event.into());
                let rows: Vec<usize> = input.rows().collect();
                prop_assert!(rows.is_sorted_by(|a, b| a < b) || input.hints.rows().count() > 1);
                prop_assert!(rows.iter().all(|&row| row < N_PITCHES + N_MEMORY_ROWS));
                let mut once = rows.clone();
                once.sort_unstable();
                once.dedup();
                prop_assert_eq!(once.len(), rows.len());
            }
        }
    }
}
