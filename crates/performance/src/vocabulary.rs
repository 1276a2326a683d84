//! The 413-event vocabulary of Performance RNN, as values that cannot be wrong.
//!
//! Source: Oore et al., *This Time with Feeling*, arXiv 1808.03715, section 3. The numbering is
//! ours and fixed, because released weights depend on it:
//!
//! | tokens | count | event |
//! |---|---|---|
//! | 0..=127 | 128 | NOTE_ON of a pitch |
//! | 128..=255 | 128 | NOTE_OFF of a pitch |
//! | 256..=380 | 125 | TIME_SHIFT of 1..=125 steps |
//! | 381..=412 | 32 | VELOCITY bin 1..=32, for all notes that follow |

use serde::{Deserialize, Serialize};

use crate::Error;

/// Number of different events, and so the width of the network's output.
pub const N_TOKENS: usize = 413;
/// Number of MIDI pitches.
pub const N_PITCHES: usize = 128;
/// Longest TIME_SHIFT, in steps (one second).
pub const MAX_SHIFT_STEPS: u8 = 125;
/// Number of VELOCITY bins, four MIDI velocities each.
pub const N_VELOCITY_BINS: u8 = 32;
/// Length of one step of the time grid, in microseconds (8 ms).
pub const STEP_MICROS: u64 = 8_000;

const NOTE_OFF_BASE: u16 = 128;
const TIME_SHIFT_BASE: u16 = 256;
const VELOCITY_BASE: u16 = 381;

/// A MIDI pitch, `0..=127`; middle C is 60.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Pitch(u8);

impl Pitch {
    /// # Errors
    /// If `pitch` is above 127.
    pub fn new(pitch: u8) -> Result<Self, Error> {
        if pitch <= 127 { Ok(Self(pitch)) } else { Err(Error::Pitch(pitch)) }
    }

    /// The MIDI number, `0..=127`.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// The MIDI number as an array index, `0..128`.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// All 128 pitches, low to high.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..=127).map(Self)
    }
}

impl TryFrom<u8> for Pitch {
    type Error = Error;

    fn try_from(pitch: u8) -> Result<Self, Error> {
        Self::new(pitch)
    }
}

impl From<Pitch> for u8 {
    fn from(pitch: Pitch) -> Self {
        pitch.0
    }
}

/// A MIDI NOTE_ON velocity, `1..=127` (0 would mean NOTE_OFF).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Velocity(u8);

impl Velocity {
    /// # Errors
    /// If `velocity` is not in `1..=127`.
    pub fn new(velocity: u8) -> Result<Self, Error> {
        if (1..=127).contains(&velocity) { Ok(Self(velocity)) } else { Err(Error::Velocity(velocity)) }
    }

    /// The MIDI number, `1..=127`.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// The bin this velocity falls in: `(v - 1) / 4 + 1`.
    #[must_use]
    pub fn bin(self) -> VelocityBin {
        VelocityBin((self.0 - 1) / 4 + 1)
    }
}

/// One of 32 loudness bins, `1..=32`, four MIDI velocities each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VelocityBin(u8);

impl VelocityBin {
    /// # Errors
    /// If `bin` is not in `1..=32`.
    pub fn new(bin: u8) -> Result<Self, Error> {
        if (1..=N_VELOCITY_BINS).contains(&bin) { Ok(Self(bin)) } else { Err(Error::VelocityBin(bin)) }
    }

    /// The bin's number, `1..=32`.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// The center of the bin, so that a round trip has no bias (Magenta's lower edge loses 1.5 on average).
    /// Bin `b` holds `4b-3..=4b`; its center, rounded down, is `4b-2`.
    #[must_use]
    pub fn velocity(self) -> Velocity {
        Velocity(4 * self.0 - 2)
    }
}

impl Default for VelocityBin {
    /// The middle bin, 16: how loud notes are that come before the first VELOCITY.
    fn default() -> Self {
        Self(N_VELOCITY_BINS / 2)
    }
}

/// A TIME_SHIFT in steps of 8 ms, `1..=125` (8 ms to 1 s).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shift(u8);

impl Shift {
    /// The longest shift, one second.
    pub const MAX: Self = Self(MAX_SHIFT_STEPS);

    /// # Errors
    /// If `steps` is not in `1..=125`.
    pub fn new(steps: u8) -> Result<Self, Error> {
        if (1..=MAX_SHIFT_STEPS).contains(&steps) { Ok(Self(steps)) } else { Err(Error::Shift(steps)) }
    }

    /// Number of 8 ms steps, `1..=125`.
    #[must_use]
    pub fn steps(self) -> u8 {
        self.0
    }

    /// How long it is, in microseconds.
    #[must_use]
    pub fn micros(self) -> u64 {
        u64::from(self.0) * STEP_MICROS
    }

    /// The shifts that together take this long, rounded down to whole steps.
    pub fn spanning(micros: u64) -> impl Iterator<Item = Self> {
        let steps = micros / STEP_MICROS;
        let rest = (steps % u64::from(MAX_SHIFT_STEPS)) as u8;
        let whole = (steps / u64::from(MAX_SHIFT_STEPS)) as usize;
        std::iter::repeat_n(Self::MAX, whole).chain((rest > 0).then_some(Self(rest)))
    }
}

/// One event of a performance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A key goes down, at the last VELOCITY given.
    NoteOn(Pitch),
    /// A note ends (the key is up *and* the pedal no longer holds it).
    NoteOff(Pitch),
    /// Time passes.
    TimeShift(Shift),
    /// Loudness of all following notes.
    Velocity(VelocityBin),
}

/// An event as the network sees it: a number below [`N_TOKENS`].
///
/// ```
/// use performance::{Event, Pitch, Token};
/// let middle_c = Event::NoteOn(Pitch::new(60)?);
/// assert_eq!(Token::from(middle_c).get(), 60);
/// assert_eq!(Event::from(Token::new(60)?), middle_c);
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Token(u16);

impl Token {
    /// # Errors
    /// If `token` is not below [`N_TOKENS`].
    pub fn new(token: u16) -> Result<Self, Error> {
        if usize::from(token) < N_TOKENS { Ok(Self(token)) } else { Err(Error::Token(token)) }
    }

    /// The number, `0..413`.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }

    /// The number as an array index, `0..413`.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// All 413 tokens in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..N_TOKENS as u16).map(Self)
    }
}

impl TryFrom<u16> for Token {
    type Error = Error;

    fn try_from(token: u16) -> Result<Self, Error> {
        Self::new(token)
    }
}

impl From<Token> for u16 {
    fn from(token: Token) -> Self {
        token.0
    }
}

impl From<Event> for Token {
    fn from(event: Event) -> Self {
        Self(match event {
            Event::NoteOn(pitch) => u16::from(pitch.0),
            Event::NoteOff(pitch) => NOTE_OFF_BASE + u16::from(pitch.0),
            Event::TimeShift(shift) => TIME_SHIFT_BASE + u16::from(shift.0) - 1,
            Event::Velocity(bin) => VELOCITY_BASE + u16::from(bin.0) - 1,
        })
    }
}

impl From<Token> for Event {
    fn from(Token(token): Token) -> Self {
        // Each arm's difference fits its newtype's range because a `Token` is below 413.
        match token {
            0..NOTE_OFF_BASE => Self::NoteOn(Pitch(token as u8)),
            NOTE_OFF_BASE..TIME_SHIFT_BASE => Self::NoteOff(Pitch((token - NOTE_OFF_BASE) as u8)),
            TIME_SHIFT_BASE..VELOCITY_BASE => Self::TimeShift(Shift((token - TIME_SHIFT_BASE + 1) as u8)),
            _ => Self::Velocity(VelocityBin((token - VELOCITY_BASE + 1) as u8)),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::notation::show_tokens;

    #[test]
    fn every_token_is_one_event() {
        for token in Token::all() {
            assert_eq!(Token::from(Event::from(token)), token);
        }
        assert_eq!(Token::all().count(), N_TOKENS);
    }

    #[test]
    fn the_numbering_is_fixed() {
        let ends =
            [0, 127, 128, 255, 256, 380, 381, 412].map(|number| Token::new(number).expect("below 413"));
        expect!["+0 +127 -0 -127 >1 >125 v1 v32"].assert_eq(&show_tokens(&ends));
    }

    #[test]
    fn values_out_of_range_cannot_be_built() {
        #[track_caller]
        fn check<T: std::fmt::Debug>(result: Result<T, Error>, expected: Expect) {
            expected.assert_eq(&result.expect_err("out of range").to_string());
        }
        check(Pitch::new(128), expect!["expected a pitch of 0 to 127, found 128"]);
        check(Velocity::new(0), expect!["expected a velocity of 1 to 127, found 0"]);
        check(Velocity::new(128), expect!["expected a velocity of 1 to 127, found 128"]);
        check(VelocityBin::new(0), expect!["expected a velocity bin of 1 to 32, found 0"]);
        check(VelocityBin::new(33), expect!["expected a velocity bin of 1 to 32, found 33"]);
        check(Shift::new(0), expect!["expected a time shift of 1 to 125 steps, found 0"]);
        check(Shift::new(126), expect!["expected a time shift of 1 to 125 steps, found 126"]);
        check(Token::new(413), expect!["expected a token below 413, found 413"]);
    }

    #[test]
    fn bins_have_no_bias() {
        let mut error = 0;
        for velocity in (1..=127).map(|velocity| Velocity::new(velocity).expect("in range")) {
            let center = velocity.bin().velocity();
            assert_eq!(center.bin(), velocity.bin());
            error += i32::from(center.get()) - i32::from(velocity.get());
        }
        // Half a unit each would be the bias of "rounded down"; the lower edge's is -1.5.
        assert!(error.abs() <= 127 / 2 + 1, "{error}");
    }
}
