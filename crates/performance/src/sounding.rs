//! Which pitches are down, derived from the events alone.

use crate::{Event, N_PITCHES, Pitch};

/// The set of pitches that sound after the events seen so far.
///
/// It is the network's *sounding notes* input and the source of the legality mask: a NOTE_ON of a
/// sounding pitch and a NOTE_OFF of a silent one are illegal.
///
/// ```
/// use performance::{Event, Pitch, Sounding};
/// let c = Pitch::new(60)?;
/// let mut sounding = Sounding::default();
/// sounding.apply(Event::NoteOn(c));
/// assert!(sounding.contains(c) && !sounding.allows(Event::NoteOn(c)));
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sounding(u128);

impl Sounding {
    /// Takes note of one more event.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::NoteOn(pitch) => self.0 |= 1 << pitch.get(),
            Event::NoteOff(pitch) => self.0 &= !(1 << pitch.get()),
            Event::TimeShift(_) | Event::Velocity(_) => {}
        }
    }

    /// Whether `pitch` is down.
    #[must_use]
    pub fn contains(self, pitch: Pitch) -> bool {
        self.0 >> pitch.get() & 1 == 1
    }

    /// Whether `event` may come next.
    #[must_use]
    pub fn allows(self, event: Event) -> bool {
        match event {
            Event::NoteOn(pitch) => !self.contains(pitch),
            Event::NoteOff(pitch) => self.contains(pitch),
            Event::TimeShift(_) | Event::Velocity(_) => true,
        }
    }

    /// The pitches that are down, low to high.
    pub fn pitches(self) -> impl Iterator<Item = Pitch> {
        Pitch::all().filter(move |&pitch| self.contains(pitch))
    }

    /// How many pitches are down.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether nothing sounds.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Steps that one strike takes at the pace that [`NoteTracker::strike_excess`] is measured from: 31 strikes a
/// second.
pub const STRIKE_STEPS: u64 = 4;
/// Steps that one strike of the same pitch takes at the pace that [`NoteTracker::strike_excess_on`] is
/// measured from: 8 a second.
pub const PITCH_STRIKE_STEPS: u64 = 16;

/// The pitches that sound, for how long they have, and how hastily they were struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteTracker {
    sounding: Sounding,
    /// Steps of 8 ms so far.
    now: u64,
    /// When each pitch was last struck.
    struck: [u64; N_PITCHES],
    /// When any of them was.
    last_struck: u64,
    /// When all strikes so far would be done, were each to take [`STRIKE_STEPS`] from the one before.
    done: u64,
    /// When those of each pitch would be, at [`PITCH_STRIKE_STEPS`].
    pitch_done: [u64; N_PITCHES],
}

impl Default for NoteTracker {
    fn default() -> Self {
        Self {
            sounding: Sounding::default(),
            now: 0,
            struck: [0; N_PITCHES],
            last_struck: 0,
            done: 0,
            pitch_done: [0; N_PITCHES],
        }
    }
}

impl NoteTracker {
    /// Takes note of one more event.
    pub fn apply(&mut self, event: Event) {
        self.sounding.apply(event);
        match event {
            Event::NoteOn(pitch) => {
                self.struck[pitch.index()] = self.now;
                self.last_struck = self.now;
                self.done = self.done.max(self.now) + STRIKE_STEPS;
                let pitch_done = &mut self.pitch_done[pitch.index()];
                *pitch_done = (*pitch_done).max(self.now) + PITCH_STRIKE_STEPS;
            }
            Event::TimeShift(shift) => self.now += u64::from(shift.steps()),
            Event::NoteOff(_) | Event::Velocity(_) => {}
        }
    }

    /// The pitches that sound.
    #[must_use]
    pub fn sounding(&self) -> Sounding {
        self.sounding
    }

    /// For how many steps `pitch` has sounded; 0 if it does not.
    #[must_use]
    pub fn steps(&self, pitch: Pitch) -> u64 {
        if self.sounding.contains(pitch) { self.now - self.struck[pitch.index()] } else { 0 }
    }

    /// For how many steps no pitch was struck.
    #[must_use]
    pub fn rest(&self) -> u64 {
        self.now - self.last_struck
    }

    /// By how many steps the strikes are ahead of a pace of one in [`STRIKE_STEPS`]. A chord raises it
    /// briefly, fast playing more and more; slower playing lets it fall to 0.
    #[must_use]
    pub fn strike_excess(&self) -> u64 {
        self.done.saturating_sub(self.now)
    }

    /// By how many steps the strikes of `pitch` are ahead of a pace of one in [`PITCH_STRIKE_STEPS`].
    #[must_use]
    pub fn strike_excess_on(&self, pitch: Pitch) -> u64 {
        self.pitch_done[pitch.index()].saturating_sub(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::tokens;

    #[test]
    fn it_follows_the_events() {
        #[track_caller]
        fn check(events: &str, expected: &[u8]) {
            let mut sounding = Sounding::default();
            for token in tokens(events) {
                sounding.apply(token.into());
            }
            assert_eq!(sounding.pitches().map(Pitch::get).collect::<Vec<_>>(), expected);
            assert_eq!((sounding.len(), sounding.is_empty()), (expected.len(), expected.is_empty()));
            for pitch in Pitch::all() {
                let is_down = expected.contains(&pitch.get());
                assert_eq!(sounding.contains(pitch), is_down);
                assert_eq!(sounding.allows(Event::NoteOff(pitch)), is_down);
                assert_eq!(sounding.allows(Event::NoteOn(pitch)), !is_down);
            }
        }
        check("", &[]);
        check("v3 +127 >5 +0 +60", &[0, 60, 127]);
        check("+60 +64 >1 -60", &[64]);
        check("-60 +64 +64 -64", &[]);
    }

    #[test]
    fn held_notes_grow_old() {
        let mut held = NoteTracker::default();
        let [c, e] = [60, 64].map(|pitch| Pitch::new(pitch).unwrap());
        for token in tokens("+60 >10 +64 >5") {
            held.apply(token.into());
        }
        assert_eq!((held.steps(c), held.steps(e), held.rest()), (15, 5, 5));
        for token in tokens("-60 >1 +60 >2") {
            held.apply(token.into());
        }
        assert_eq!((held.steps(c), held.steps(e), held.rest()), (2, 8, 2), "a new strike begins anew");
        assert_eq!(held.sounding().pitches().collect::<Vec<_>>(), [c, e]);
    }

    #[test]
    fn haste_grows_with_strikes_and_passes_with_time() {
        let mut held = NoteTracker::default();
        let [c, e] = [60, 64].map(|pitch| Pitch::new(pitch).unwrap());
        let mut hastes = |events: &str| {
            tokens(events).into_iter().for_each(|token| held.apply(token.into()));
            (held.strike_excess(), held.strike_excess_on(c), held.strike_excess_on(e))
        };
        assert_eq!(hastes(">50"), (0, 0, 0));
        assert_eq!(hastes("+60 +64"), (8, 16, 16));
        assert_eq!(hastes(">2 -60 +60"), (10, 30, 14));
        assert_eq!(hastes(">12"), (0, 18, 2));
        assert_eq!(hastes(">100 -60 +60"), (4, 16, 0), "rests are not saved up");
    }
}
