//! Where events lie in time, how loud they are, and what sounds between them.

use crate::{Event, Shift, Sounding, Token, VelocityBin};

/// A position between two events of a performance: its time, the loudness of the notes that follow, and what
/// sounds.
///
/// ```
/// use performance::playback::Cursor;
/// use performance::{Event, Pitch, Shift};
/// let c = Pitch::new(60)?;
/// let mut cursor = Cursor::default();
/// cursor.step(Event::NoteOn(c).into());
/// let waited = cursor.step(Event::TimeShift(Shift::MAX).into());
/// assert_eq!((waited.at_us, cursor.at_us()), (0, 1_000_000));
/// assert!(cursor.sounding().contains(c));
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    at_us: u64,
    velocity: VelocityBin,
    sounding: Sounding,
}

/// An event, when it happens and at which loudness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedEvent {
    /// Microseconds since the first event.
    pub at_us: u64,
    /// The event.
    pub event: Event,
    /// The loudness of a note that is struck here.
    pub velocity: VelocityBin,
}

impl Cursor {
    /// The place after these events.
    #[must_use]
    pub fn after(tokens: &[Token]) -> Self {
        let mut cursor = Self::default();
        tokens.iter().for_each(|&token| {
            cursor.step(token);
        });
        cursor
    }

    /// Passes an event.
    pub fn step(&mut self, token: Token) -> TimedEvent {
        let event = Event::from(token);
        let at_us = self.at_us;
        self.sounding.apply(event);
        match event {
            Event::TimeShift(shift) => self.at_us += shift.micros(),
            Event::Velocity(bin) => self.velocity = bin,
            Event::NoteOn(_) | Event::NoteOff(_) => {}
        }
        TimedEvent { at_us, event, velocity: self.velocity }
    }

    /// Microseconds since the first event.
    #[must_use]
    pub fn at_us(&self) -> u64 {
        self.at_us
    }

    /// The loudness of the notes that follow.
    #[must_use]
    pub fn velocity(&self) -> VelocityBin {
        self.velocity
    }

    /// The pitches that sound.
    #[must_use]
    pub fn sounding(&self) -> Sounding {
        self.sounding
    }
}

/// The events with their times and loudness.
pub fn timed_events(tokens: &[Token]) -> impl Iterator<Item = TimedEvent> {
    let mut cursor = Cursor::default();
    tokens.iter().map(move |&token| cursor.step(token))
}

/// How much time the events take, in microseconds.
#[must_use]
pub fn micros(tokens: &[Token]) -> u64 {
    Cursor::after(tokens).at_us
}

/// Where to cut a performance at a time: how many events come before it, and the TIME_SHIFT that leads from
/// the last of them to it, if one was cut. Everything that happens at that time comes after the cut.
///
/// `at_us` is rounded down to the grid of 8 ms; beyond the end, the cut is at the end.
#[must_use]
pub fn cut_at(tokens: &[Token], at_us: u64) -> (usize, Option<Shift>) {
    let mut cursor = Cursor::default();
    for (index, &token) in tokens.iter().enumerate() {
        if cursor.at_us >= at_us {
            return (index, None);
        }
        let before = cursor;
        cursor.step(token);
        if cursor.at_us > at_us {
            let steps = (at_us - before.at_us) / crate::STEP_MICROS;
            return (index, u8::try_from(steps).ok().and_then(|steps| Shift::new(steps).ok()));
        }
    }
    (tokens.len(), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::tokens;

    #[test]
    fn events_have_times_and_loudness() {
        let events: Vec<(u64, u8)> = timed_events(&tokens("v9 +60 >5 v12 +64 >1 -60"))
            .filter(|timed| matches!(timed.event, Event::NoteOn(_) | Event::NoteOff(_)))
            .map(|timed| (timed.at_us, timed.velocity.get()))
            .collect();
        assert_eq!(events, [(0, 9), (40_000, 12), (48_000, 12)]);
        assert_eq!(micros(&tokens(">125 +60 >125 >2")), 2_016_000);
    }

    #[test]
    fn cuts_leave_what_comes_before() {
        #[track_caller]
        fn check(at_us: u64, expected: (usize, Option<u8>)) {
            let (keep, shift) = cut_at(&tokens("v9 +60 >10 +64 >5 -60 -64"), at_us);
            assert_eq!((keep, shift.map(Shift::steps)), expected, "at {at_us}");
        }
        check(0, (0, None));
        check(1, (2, None));
        check(8_000, (2, Some(1)));
        check(79_999, (2, Some(9)));
        check(80_000, (3, None));
        check(88_000, (4, Some(1)));
        check(120_000, (5, None));
        check(120_001, (7, None));
        check(9_000_000, (7, None));
    }
}
