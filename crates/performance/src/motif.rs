//! Finds where the last notes were played before, and what followed there.
//!
//! A [`Matcher`] reads events. After each it says which note followed where the same notes were played
//! before (in the same key or in any), how long the match is, and when that note is due. It remembers the
//! last 4096 strikes in at most 48 KB, takes no more time for each however long the music is, and computes in
//! integers that fit 32 bits.

mod pointer;
mod strikes;

use crate::{Event, Pitch};
use pointer::Pointer;
pub use strikes::Strike;
use strikes::Strikes;

/// Number of strikes that are remembered: seven minutes at nine a second. Larger takes memory and finds
/// what is further back.
pub const MEMORY: usize = 4096;
/// Longest length of a match, in notes; a longer match counts as this.
pub const MAX_MATCH: usize = 32;
/// Misses are counted among this many notes of a match.
pub const RECENT: u32 = 8;
/// How many searches run side by side: for 3 and for 6 notes in the same key, for 5 and for 8 intervals in
/// any key.
pub const N_SEARCHES: usize = 4;
/// Whether each compares intervals instead of pitches, and how many.
pub const SEARCHES: [(bool, u32); N_SEARCHES] = [(false, 3), (false, 6), (true, 5), (true, 8)];

/// The present is taken as at most this many times faster or slower than the past.
const PACE_BOUND: i32 = 2;
/// A stretch of the past has to be longer than this for its pace to be compared, in steps.
const PACE_LEAST_STEPS: i32 = 20;
/// Pace is compared over at most this many notes.
const PACE_NOTES: u32 = 8;
/// Loudness is compared over at most this many notes.
const LOUDNESS_NOTES: u32 = 4;
/// Longer stretches count as this, two minutes, so that all products fit 32 bits.
const MOST_STEPS: u32 = 1 << 14;

/// Reads a performance and finds what was played before.
///
/// ```
/// use performance::motif::Matcher;
/// use performance::{Event, Pitch, Shift};
/// let mut matcher = Matcher::default();
/// // A tune, and its beginning again.
/// for pitch in [60, 64, 62, 67, 65, 72, 60, 64, 62] {
///     matcher.apply(Event::TimeShift(Shift::new(50)?));
///     matcher.apply(Event::NoteOn(Pitch::new(pitch)?));
/// }
/// let next = matcher.candidates().next().map(|next| (next.pitch.get(), next.confidence.length));
/// assert_eq!(next, Some((67, 3)));
/// assert_eq!(matcher.due().map(|due| due.steps), Some(50));
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    strikes: Strikes,
    pointers: [Pointer; N_SEARCHES],
    /// Steps of 8 ms so far; wraps around after a year.
    now: u32,
    /// Loudness of the next note, a bin of VELOCITY.
    bin: u8,
    plan: Option<Plan>,
}

/// What follows the match that is trusted most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    confidence: Confidence,
    /// Steps from the last strike to the next.
    gap: i32,
    /// A bin of VELOCITY, not bounded.
    bin: i32,
}

/// How far a match is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confidence {
    /// Equal notes up to now, up to [`MAX_MATCH`].
    pub length: u32,
    /// Notes of the last [`RECENT`] at which something else was played than at the place that the match
    /// follows.
    pub misses: u32,
}

/// A note that followed where the same was played before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which search found it, below [`N_SEARCHES`].
    pub search: usize,
    /// The note.
    pub pitch: Pitch,
    /// How far to trust it.
    pub confidence: Confidence,
}

/// When the next strike would come, and how loud, were the match that is trusted most to go on at the
/// present pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// How far to trust it.
    pub confidence: Confidence,
    /// Steps from now on; below 0 if it is late.
    pub steps: i32,
    /// The bin of VELOCITY, which may be out of its bounds.
    pub bin: i32,
}

impl Default for Matcher {
    /// One that has read nothing.
    fn default() -> Self {
        Self::with_memory(MEMORY)
    }
}

impl Matcher {
    /// One that remembers the last `n_strikes`.
    fn with_memory(n_strikes: usize) -> Self {
        Self {
            strikes: Strikes::new(n_strikes),
            pointers: SEARCHES.map(|(is_relative, least)| Pointer::new(is_relative, least)),
            now: 0,
            bin: crate::VelocityBin::default().get(),
            plan: None,
        }
    }

    /// Reads one more event.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::NoteOn(pitch) => self.note_on(pitch),
            Event::TimeShift(shift) => self.now = self.now.wrapping_add(u32::from(shift.steps())),
            Event::Velocity(bin) => self.bin = bin.get(),
            Event::NoteOff(_) => {}
        }
    }

    /// The notes that may come next, one of each search that has found a place.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> {
        let candidate = |(search, pointer): (usize, &Pointer)| {
            let pitch = pointer.next_pitch(&self.strikes)?;
            Some(Candidate { search, pitch, confidence: pointer.confidence() })
        };
        self.pointers.iter().enumerate().filter_map(candidate)
    }

    /// When the next strike is due; none without a match.
    #[must_use]
    pub fn due(&self) -> Option<Due> {
        let Plan { confidence, gap, bin } = self.plan?;
        let last = self.strikes.get(self.strikes.len().checked_sub(1)?)?;
        let elapsed = self.now.wrapping_sub(last.step).min(1 << 20);
        Some(Due { confidence, steps: gap - elapsed as i32, bin })
    }

    /// How many strikes there were, forgotten ones included.
    #[must_use]
    pub fn n_strikes(&self) -> u32 {
        self.strikes.len()
    }

    /// A strike by its number from 0; none if it is forgotten or yet to come.
    #[must_use]
    pub fn strike(&self, number: u32) -> Option<Strike> {
        self.strikes.get(number)
    }

    /// Steps of 8 ms so far.
    #[must_use]
    pub fn now(&self) -> u32 {
        self.now
    }

    /// How loud the next note will be, a bin of VELOCITY.
    #[must_use]
    pub fn bin(&self) -> u8 {
        self.bin
    }

    fn note_on(&mut self, pitch: Pitch) {
        self.pointers.iter_mut().for_each(|pointer| pointer.judge(&self.strikes, pitch));
        self.strikes.push(Strike { pitch, bin: self.bin, step: self.now });
        self.pointers.iter_mut().for_each(|pointer| pointer.advance(&self.strikes));
        self.plan = self.best().and_then(|pointer| self.plan_after(pointer));
    }

    /// The pointer whose match is the longest, each miss taken as three notes less.
    fn best(&self) -> Option<&Pointer> {
        let mut best: Option<(&Pointer, i32)> = None;
        for pointer in self.pointers.iter().filter(|pointer| pointer.place().is_some()) {
            let Confidence { length, misses } = pointer.confidence();
            let trust = length as i32 - 3 * misses as i32;
            if best.is_none_or(|(_, most)| trust > most) {
                best = Some((pointer, trust));
            }
        }
        best.map(|(pointer, _)| pointer)
    }

    /// What followed at the place of a pointer, at the present pace and as loud as the last notes.
    fn plan_after(&self, pointer: &Pointer) -> Option<Plan> {
        let (place, n) = (pointer.place()?, self.strikes.len());
        let confidence = pointer.confidence();
        let [next, there, here] = [place, place - 1, n - 1].map(|place| self.strikes.get(place));
        let (next, there, here) = (next?, there?, here?);
        // No further back than the beginning, and one note at least.
        let notes = PACE_NOTES.min(confidence.length.max(1)).min(place - 1);
        let since = |last: Strike, place: u32| {
            let first = self.strikes.get(place.checked_sub(notes)?)?;
            Some(last.step.wrapping_sub(first.step).min(MOST_STEPS) as i32)
        };
        let gap = next.step.wrapping_sub(there.step).min(MOST_STEPS) as i32;
        let gap = match (since(here, n - 1), since(there, place - 1)) {
            (Some(now), Some(then)) if then > PACE_LEAST_STEPS && now > 0 => {
                let now = now.clamp((then + PACE_BOUND - 1) / PACE_BOUND, then * PACE_BOUND);
                divide(gap * now, then)
            }
            _ => gap,
        };
        let notes = LOUDNESS_NOTES.min(notes + 1);
        let sum = |end: u32| -> i32 {
            let strikes = (end.saturating_sub(notes)..end).filter_map(|place| self.strikes.get(place));
            strikes.map(|strike| i32::from(strike.bin)).sum()
        };
        let louder = divide(sum(n) - sum(place), notes as i32);
        Some(Plan { confidence, gap, bin: i32::from(next.bin) + louder })
    }
}

/// The quotient, rounded to the nearest whole number; halves upwards. `divisor` is above 0.
fn divide(number: i32, divisor: i32) -> i32 {
    (2 * number + divisor).div_euclid(2 * divisor)
}

#[cfg(test)]
mod tests;
