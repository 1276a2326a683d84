//! A place in the past that the present follows.

use super::strikes::Strikes;
use super::{Confidence, MAX_MATCH, RECENT};
use crate::Pitch;

/// After more misses among the last [`RECENT`] notes a match is given up.
const MAX_MISSES: u32 = 5;
/// A match is left for one that is longer by more than this, so that it is not left for every cadence.
const MARGIN: u32 = 4;

/// Follows the longest match of the last notes, goes on over wrong ones, and changes to a longer match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// Whether intervals are compared, in any key, instead of pitches.
    is_relative: bool,
    /// Symbols of a match that is begun.
    least: u32,
    /// The number of the strike that would come next.
    place: Option<u32>,
    length: u32,
    /// One bit for each note since the place was chosen, the last one lowest: 1 for a miss.
    missed: u32,
}

impl Pointer {
    pub(super) fn new(is_relative: bool, least: u32) -> Self {
        Self { is_relative, least, place: None, length: 0, missed: 0 }
    }

    pub(super) fn place(&self) -> Option<u32> {
        self.place
    }

    pub(super) fn confidence(&self) -> Confidence {
        Confidence { length: self.length, misses: self.missed.count_ones() }
    }

    /// What comes next if the present goes on like the past; none if it is no key of any piano.
    pub(super) fn next_pitch(&self, strikes: &Strikes) -> Option<Pitch> {
        let place = self.place?;
        let pitch = |number: u32| strikes.get(number).map(|strike| i16::from(strike.pitch.get()));
        let transposed = if self.is_relative { pitch(strikes.len() - 1)? - pitch(place - 1)? } else { 0 };
        Pitch::new(u8::try_from(pitch(place)? + transposed).ok()?).ok()
    }

    /// Compares what is struck with what was to come.
    pub(super) fn judge(&mut self, strikes: &Strikes, pitch: Pitch) {
        if self.place.is_some() {
            let is_miss = self.next_pitch(strikes) != Some(pitch);
            self.missed = (self.missed << 1 | u32::from(is_miss)) & ((1 << RECENT) - 1);
        }
    }

    /// Goes on by one strike, which is the last of `strikes`, or to a better place.
    pub(super) fn advance(&mut self, strikes: &Strikes) {
        if let Some(place) = &mut self.place {
            *place += 1;
            let place = *place;
            self.length = self.match_length(strikes, place);
            if self.missed.count_ones() > MAX_MISSES {
                self.place = None;
            }
        }
        if let Some(found) = strikes.find(self.is_relative, self.least as usize) {
            let length = self.match_length(strikes, found);
            let margin = if self.length < self.least { 0 } else { MARGIN };
            if self.place.is_none() || length > self.length + margin {
                if self.place != Some(found) {
                    self.missed = 0;
                }
                (self.place, self.length) = (Some(found), length);
            }
        }
    }

    /// Whether the symbol `back` before `place` is the one that lies as far before the present.
    fn is_same(&self, strikes: &Strikes, place: u32, back: u32) -> bool {
        let same = |offset: u32| {
            let pitch = |end: u32| {
                let number = end.checked_sub(offset + 1)?;
                strikes.get(number).map(|strike| i16::from(strike.pitch.get()))
            };
            Some((pitch(place)?, pitch(strikes.len())?))
        };
        match (same(back), self.is_relative) {
            (None, _) => false,
            (Some((then, now)), false) => then == now,
            (Some((then, now)), true) => {
                same(back + 1).is_some_and(|(then_before, now_before)| then - then_before == now - now_before)
            }
        }
    }

    /// How many symbols before `place` are those before the present.
    fn match_length(&self, strikes: &Strikes, place: u32) -> u32 {
        (0..MAX_MATCH as u32).take_while(|&back| self.is_same(strikes, place, back)).count() as u32
    }
}
