//! The performance as bars, from tokens as they come.

use crate::playback::Cursor;
use crate::{Event, N_PITCHES, Pitch, Token, VelocityBin};

/// Bars in a chunk. Larger looks at more bars for a short piece of time; smaller looks at more chunks.
const CHUNK: usize = 64;
/// Tokens between two checkpoints. Larger repeats more tokens after a rewind; smaller keeps more checkpoints.
const CHECKPOINT_TOKENS: usize = 1024;

/// Who composed a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was in the primer.
    Primer,
    /// The network.
    Network,
}

/// A note on the roll. Times are music time since the primer's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The key.
    pub pitch: Pitch,
    /// How loud.
    pub bin: VelocityBin,
    /// Onset, in microseconds.
    pub start_us: u64,
    /// End, in microseconds; `None` while no end is known.
    pub end_us: Option<u64>,
    /// Whose.
    pub origin: Origin,
}

/// All bars, by onset.
///
/// What lies in a piece of time is found among hours of notes as fast as among seconds, and after
/// [`Timeline::rewind`] only the last tokens have to be told again.
#[derive(Clone, Debug)]
pub struct Timeline {
    bars: Vec<Bar>,
    /// When the last bar of each chunk ends; `u64::MAX` while one of them has no end.
    chunk_ends_us: Vec<u64>,
    open: [Option<usize>; N_PITCHES],
    cursor: Cursor,
    n_tokens: usize,
    checkpoints: Vec<Checkpoint>,
}

/// The state before a token.
#[derive(Clone, Debug, Default)]
struct Checkpoint {
    n_tokens: usize,
    n_bars: usize,
    open: Vec<(Pitch, usize)>,
    cursor: Cursor,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            bars: Vec::new(),
            chunk_ends_us: Vec::new(),
            open: [None; N_PITCHES],
            cursor: Cursor::default(),
            n_tokens: 0,
            checkpoints: Vec::new(),
        }
    }
}

impl Timeline {
    /// Adds what comes next.
    pub fn extend(&mut self, tokens: &[Token], origin: Origin) {
        for &token in tokens {
            if self.n_tokens > 0 && self.n_tokens.is_multiple_of(CHECKPOINT_TOKENS) {
                self.keep_checkpoint();
            }
            self.n_tokens += 1;
            let timed = self.cursor.step(token);
            match timed.event {
                Event::NoteOn(pitch) => {
                    self.end(pitch);
                    self.open[pitch.index()] = Some(self.bars.len());
                    let (bin, start_us) = (timed.velocity, timed.at_us);
                    self.chunk_ends_us.resize(self.bars.len() / CHUNK + 1, u64::MAX);
                    self.chunk_ends_us[self.bars.len() / CHUNK] = u64::MAX;
                    self.bars.push(Bar { pitch, bin, start_us, end_us: None, origin });
                }
                Event::NoteOff(pitch) => self.end(pitch),
                Event::TimeShift(_) | Event::Velocity(_) => {}
            }
        }
    }

    /// Forgets what comes after the first `n_tokens` tokens, and some of those. Returns how many stay: the
    /// tokens from there on are to be told again.
    pub fn rewind(&mut self, n_tokens: usize) -> usize {
        let n_kept = self.checkpoints.partition_point(|checkpoint| checkpoint.n_tokens <= n_tokens);
        self.checkpoints.truncate(n_kept);
        let checkpoint = self.checkpoints.last().cloned().unwrap_or_default();
        self.bars.truncate(checkpoint.n_bars);
        self.chunk_ends_us.truncate(checkpoint.n_bars.div_ceil(CHUNK));
        self.open = [None; N_PITCHES];
        for (pitch, index) in checkpoint.open {
            self.open[pitch.index()] = Some(index);
            self.bars[index].end_us = None;
            self.chunk_ends_us[index / CHUNK] = u64::MAX;
        }
        if let Some(last) = self.bars.len().checked_sub(1) {
            self.measure_chunk(last / CHUNK);
        }
        (self.cursor, self.n_tokens) = (checkpoint.cursor, checkpoint.n_tokens);
        self.n_tokens
    }

    /// Ends what is still open: nothing more comes.
    pub fn close(&mut self) {
        Pitch::all().for_each(|pitch| self.end(pitch));
    }

    /// Music time after everything so far, in microseconds.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        self.cursor.at_us()
    }

    /// The bars that sound some time in `from_us..to_us`. A bar without an end sounds until the end of
    /// what is known.
    pub fn between(&self, from_us: u64, to_us: u64) -> impl Iterator<Item = Bar> {
        let n_begun = self.bars.partition_point(|bar| bar.start_us < to_us);
        let chunks = self.bars[..n_begun].chunks(CHUNK).zip(&self.chunk_ends_us);
        let sounding = chunks.filter(move |&(_, &end_us)| end_us > from_us);
        let bars = sounding.flat_map(|(chunk, _)| chunk.iter().copied());
        bars.filter(move |bar| bar.end_us.is_none_or(|end_us| end_us > from_us))
    }

    /// The bars that begin in `from_us..to_us`.
    #[must_use]
    pub fn onsets(&self, from_us: u64, to_us: u64) -> &[Bar] {
        let begin = self.bars.partition_point(|bar| bar.start_us < from_us);
        let n = self.bars[begin..].partition_point(|bar| bar.start_us < to_us);
        &self.bars[begin..begin + n]
    }

    fn keep_checkpoint(&mut self) {
        let open = |pitch: Pitch| Some((pitch, self.open[pitch.index()]?));
        let open = Pitch::all().filter_map(open).collect();
        let (n_tokens, n_bars, cursor) = (self.n_tokens, self.bars.len(), self.cursor);
        self.checkpoints.push(Checkpoint { n_tokens, n_bars, open, cursor });
    }

    fn end(&mut self, pitch: Pitch) {
        if let Some(index) = self.open[pitch.index()].take() {
            self.bars[index].end_us = Some(self.cursor.at_us());
            self.measure_chunk(index / CHUNK);
        }
    }

    fn measure_chunk(&mut self, chunk: usize) {
        let end = self.bars.len().min((chunk + 1) * CHUNK);
        let ends = self.bars[chunk * CHUNK..end].iter().map(|bar| bar.end_us.unwrap_or(u64::MAX));
        self.chunk_ends_us[chunk] = ends.max().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(numbers: &[u16]) -> Vec<Token> {
        numbers.iter().map(|&number| Token::new(number).unwrap()).collect()
    }

    #[test]
    fn bars_follow_the_tokens() {
        let mut timeline = Timeline::default();
        // 60 for two seconds, 64 within it, then 67 without an end.
        timeline.extend(&tokens(&[60, 380, 64, 380, 128 + 60, 128 + 64]), Origin::Primer);
        timeline.extend(&tokens(&[67, 380]), Origin::Network);
        let sounding = |from_us, to_us| -> Vec<u8> {
            timeline.between(from_us, to_us).map(|bar| bar.pitch.get()).collect()
        };
        assert_eq!(sounding(0, 1), [60]);
        assert_eq!(sounding(1_500_000, 1_600_000), [60, 64]);
        assert_eq!(sounding(2_000_000, 9_000_000), [67]);
        assert_eq!(sounding(8_000_000, 9_000_000), [67]);
        assert_eq!(timeline.end_us(), 3_000_000);
        let begun: Vec<u8> = timeline.onsets(1, 2_000_001).iter().map(|bar| bar.pitch.get()).collect();
        assert_eq!(begun, [64, 67]);
    }

    proptest! {
        /// Keys of three octaves, so that they are struck again and held for long.
        #[test]
        fn a_rewind_equals_never_having_gone_on(
            numbers in proptest::collection::vec(prop_oneof![48u16..84, 176u16..212, 256u16..260], 0..4000),
            (keep, from_us, length_us) in (0usize..4000, 0u64..60_000_000, 1u64..9_000_000),
        ) {
            let tokens = tokens(&numbers);
            let keep = keep.min(tokens.len());
            let mut rewound = Timeline::default();
            rewound.extend(&tokens, Origin::Network);
            rewound.close();
            let n = rewound.rewind(keep);
            prop_assert!(n <= keep && keep - n <= CHECKPOINT_TOKENS);
            rewound.extend(&tokens[n..keep], Origin::Network);
            let mut fresh = Timeline::default();
            fresh.extend(&tokens[..keep], Origin::Network);
            prop_assert_eq!(&rewound.bars, &fresh.bars);
            prop_assert_eq!(&rewound.chunk_ends_us, &fresh.chunk_ends_us);
            prop_assert_eq!(rewound.end_us(), fresh.end_us());
            // What is found among chunks is what there is.
            let to_us = from_us + length_us;
            let sounds = |bar: &&Bar| bar.start_us < to_us && bar.end_us.is_none_or(|end_us| end_us > from_us);
            let all: Vec<Bar> = fresh.bars.iter().filter(sounds).copied().collect();
            prop_assert_eq!(fresh.between(from_us, to_us).collect::<Vec<_>>(), all);
        }
    }
}
