//! The performance as bars, from tokens as they come.

use crate::playback::Cursor;
use crate::{Event, N_PITCHES, Pitch, Token, VelocityBin};

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
#[derive(Clone, Debug)]
pub struct Timeline {
    bars: Vec<Bar>,
    open: [Option<usize>; N_PITCHES],
    cursor: Cursor,
    longest_us: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { bars: Vec::new(), open: [None; N_PITCHES], cursor: Cursor::default(), longest_us: 0 }
    }
}

impl Timeline {
    /// Adds what comes next.
    pub fn extend(&mut self, tokens: &[Token], origin: Origin) {
        for &token in tokens {
            let timed = self.cursor.step(token);
            match timed.event {
                Event::NoteOn(pitch) => {
                    self.end(pitch);
                    self.open[pitch.index()] = Some(self.bars.len());
                    let (bin, start_us) = (timed.velocity, timed.at_us);
                    self.bars.push(Bar { pitch, bin, start_us, end_us: None, origin });
                }
                Event::NoteOff(pitch) => self.end(pitch),
                Event::TimeShift(_) | Event::Velocity(_) => {}
            }
        }
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
        // Open bars may be longer than any that has ended.
        let earliest_open = self.open.iter().flatten().map(|&index| self.bars[index].start_us).min();
        let earliest_us = from_us.saturating_sub(self.longest_us);
        let earliest_us = earliest_open.map_or(earliest_us, |open_us| earliest_us.min(open_us));
        let first = self.bars.partition_point(|bar| bar.start_us < earliest_us);
        let bars = self.bars[first..].iter().take_while(move |bar| bar.start_us < to_us);
        bars.copied().filter(move |bar| bar.end_us.is_none_or(|end_us| end_us > from_us))
    }

    fn end(&mut self, pitch: Pitch) {
        if let Some(index) = self.open[pitch.index()].take() {
            let bar = &mut self.bars[index];
            bar.end_us = Some(self.cursor.at_us());
            self.longest_us = self.longest_us.max(self.cursor.at_us() - bar.start_us);
        }
    }
}

#[cfg(test)]
mod tests {
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
    }
}
