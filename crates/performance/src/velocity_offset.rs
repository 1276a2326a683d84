//! Between the loudness of a primer and that of the training data.

use serde::{Deserialize, Serialize};

use crate::controls::last_half_minute;
use crate::{Event, N_VELOCITY_BINS, Token, VelocityBin};

/// MIDI velocities in a bin.
const BIN: f32 = 4.0;

/// VELOCITY bins added to a primer before the network reads it, and taken off what it plays.
///
/// How loud a velocity is depends on the instrument. Piano rolls of 1905 lie 20 below the competitions of the
/// training data, and sequencers write 100 or 127 throughout. Without an offset, the network returns to its
/// own loudness within half a minute (`docs/quality.md`). The offset shifts a primer to the loudness of
/// training music of the same pace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VelocityOffset(i8);

impl VelocityOffset {
    /// The mean MIDI velocity at one note a second in the training data ...
    ///
    /// Source: least squares over half minutes of training pieces, as `docs/quality.md` has it.
    pub const VELOCITY_AT_ONE: f32 = 35.0;
    /// ... and how much it rises with each doubling of the notes.
    pub const VELOCITY_PER_DOUBLING: f32 = 8.2;

    /// An offset of this many bins.
    #[must_use]
    pub fn bins(louder: i8) -> Self {
        Self(louder)
    }

    /// How many bins it adds.
    #[must_use]
    pub fn get(self) -> i8 {
        self.0
    }

    /// The offset that brings the last 30 seconds of a primer to the loudness of training music; none if
    /// there are no notes of known loudness.
    #[must_use]
    pub fn of(primer: &[Token]) -> Self {
        let (tokens, secs) = last_half_minute(primer);
        let mut loudness =
            primer[..primer.len() - tokens.len()].iter().rev().find_map(|&token| velocity(token));
        let (mut sum, mut n_loud, mut n_notes) = (0.0, 0, 0);
        for &token in tokens {
            loudness = velocity(token).or(loudness);
            if let Event::NoteOn(_) = Event::from(token) {
                n_notes += 1;
                if let Some(velocity) = loudness {
                    sum += velocity;
                    n_loud += 1;
                }
            }
        }
        if secs == 0.0 || n_loud == 0 {
            return Self::default();
        }
        let usual =
            Self::VELOCITY_AT_ONE + Self::VELOCITY_PER_DOUBLING * (n_notes as f32 / secs as f32).log2();
        Self(((usual - sum / n_loud as f32) / BIN).round() as i8)
    }

    /// The token as the network reads it.
    #[must_use]
    pub fn apply(self, token: Token) -> Token {
        louder(token, self.0)
    }

    /// The token as a listener hears it.
    #[must_use]
    pub fn undo(self, token: Token) -> Token {
        louder(token, self.0.saturating_neg())
    }
}

fn velocity(token: Token) -> Option<f32> {
    match Event::from(token) {
        Event::Velocity(bin) => Some(bin.velocity().get().into()),
        Event::NoteOn(_) | Event::NoteOff(_) | Event::TimeShift(_) => None,
    }
}

fn louder(token: Token, bins: i8) -> Token {
    let Event::Velocity(bin) = Event::from(token) else { return token };
    match VelocityBin::new(bin.get().saturating_add_signed(bins).clamp(1, N_VELOCITY_BINS)) {
        Ok(bin) => Event::Velocity(bin).into(),
        Err(_) => unreachable!("clamped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pitch, Shift};

    fn loudness(bin: u8) -> Token {
        Event::Velocity(VelocityBin::new(bin).unwrap()).into()
    }

    /// `secs` seconds with eight notes in each.
    fn eight_a_second(secs: usize) -> Vec<Token> {
        let one = |pitch| {
            let pitch = Pitch::new(pitch).unwrap();
            let shift = Event::TimeShift(Shift::new(5).unwrap());
            [Event::NoteOn(pitch), shift, shift, shift, Event::NoteOff(pitch)].map(Token::from)
        };
        let second: Vec<Token> =
            (60..68).flat_map(one).chain([Event::TimeShift(Shift::new(5).unwrap()).into()]).collect();
        second.repeat(secs)
    }

    #[test]
    fn a_primer_is_heard_as_loud_as_others_of_its_pace() {
        // Eight notes a second go with 35 + 3 × 8.2 = 59.6.
        for (bin, offset) in [(1, 14), (10, 5), (15, 0), (32, -17)] {
            let primer = [vec![loudness(bin)], eight_a_second(10)].concat();
            assert_eq!(VelocityOffset::of(&primer), VelocityOffset::bins(offset), "bin {bin}");
            // Who began before the last half minute is still as loud.
            let long = [vec![loudness(bin)], eight_a_second(40)].concat();
            assert_eq!(VelocityOffset::of(&long), VelocityOffset::bins(offset), "bin {bin}");
            // What was before that does not matter.
            let after_others =
                [vec![loudness(1)], eight_a_second(20), vec![loudness(bin)], eight_a_second(31)].concat();
            assert_eq!(VelocityOffset::of(&after_others), VelocityOffset::bins(offset), "bin {bin}");
        }
    }

    #[test]
    fn where_nothing_is_known_nothing_is_changed() {
        for primer in [vec![], vec![loudness(3)], eight_a_second(2), vec![loudness(3), eight_a_second(1)[0]]]
        {
            assert_eq!(VelocityOffset::of(&primer), VelocityOffset::default());
        }
    }

    #[test]
    fn what_is_applied_can_be_undone() {
        let offset = VelocityOffset::bins(6);
        for token in Token::all() {
            let heard = offset.apply(token);
            match Event::from(token) {
                Event::Velocity(bin) => assert_eq!(heard, loudness((bin.get() + 6).min(32))),
                _ => assert_eq!(heard, token),
            }
            if heard != loudness(32) {
                assert_eq!(offset.undo(heard), token);
            }
        }
        assert_eq!(offset.undo(loudness(2)), loudness(1), "no softer than the softest");
    }
}
