//! Notes on one keyboard: the form in which everything but the network sees a performance.

use crate::{Pitch, STEP_MICROS, Velocity};

/// One note: what was struck, how hard, and from when to when it sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// The key.
    pub pitch: Pitch,
    /// How hard it was struck.
    pub velocity: Velocity,
    /// Onset, in microseconds from the performance's time 0.
    pub start_us: u64,
    /// When the sound stops, in microseconds from the performance's time 0; never before `start_us`.
    /// The pedal is already part of it: this is the later of key-up and pedal-up.
    pub end_us: u64,
}

/// A performance: notes in the order of their onsets, as one keyboard can play them.
///
/// One keyboard means that a key which sounds has to be released before it can be struck again, so
/// notes of equal pitch never overlap. [`Performance::new`] makes it so.
///
/// ```
/// use performance::{Note, Performance, Pitch, Velocity};
/// let c = |start_us, end_us| Note {
///     pitch: Pitch::new(60).unwrap(),
///     velocity: Velocity::new(80).unwrap(),
///     start_us,
///     end_us,
/// };
/// let struck_twice = Performance::new(vec![c(500_000, 900_000), c(0, 600_000)]);
/// assert_eq!(struck_twice.notes(), [c(0, 500_000), c(500_000, 900_000)]);
/// assert_eq!(struck_twice.duration_us(), 900_000);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    notes: Vec<Note>,
}

impl Performance {
    /// Puts notes in any order on one keyboard.
    ///
    /// They are sorted by onset, then pitch. A note that still sounds when its pitch is struck again
    /// ends there. Strikes of one pitch at one instant (two channels in unison) are one note: the
    /// louder velocity, the later end. A note that would end before it starts has no length.
    #[must_use]
    pub fn new(mut notes: Vec<Note>) -> Self {
        notes.sort_by_key(|note| (note.start_us, note.pitch));
        let mut kept: Vec<Note> = Vec::with_capacity(notes.len());
        let mut last_of_pitch = [None; crate::N_PITCHES];
        for mut note in notes {
            note.end_us = note.end_us.max(note.start_us);
            let last: &mut Option<usize> = &mut last_of_pitch[note.pitch.index()];
            if let Some(earlier) = last.map(|idx| &mut kept[idx]) {
                if earlier.start_us == note.start_us {
                    earlier.velocity = earlier.velocity.max(note.velocity);
                    earlier.end_us = earlier.end_us.max(note.end_us);
                    continue;
                }
                earlier.end_us = earlier.end_us.min(note.start_us);
            }
            *last = Some(kept.len());
            kept.push(note);
        }
        Self { notes: kept }
    }

    /// The notes, by onset, then pitch.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// When the last sound stops, in microseconds from time 0; 0 when there are no notes.
    #[must_use]
    pub fn duration_us(&self) -> u64 {
        self.notes.iter().map(|note| note.end_us).max().unwrap_or(0)
    }

    /// Whether there are no notes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// The same performance with its first onset at time 0.
    #[must_use]
    pub fn starting_at_zero(&self) -> Self {
        let first_us = self.notes.first().map_or(0, |note| note.start_us);
        let shifted = |note: &Note| Note {
            start_us: note.start_us - first_us,
            end_us: note.end_us - first_us,
            ..*note
        };
        Self { notes: self.notes.iter().map(shifted).collect() }
    }

    /// The performance as the event vocabulary can express it, and so what survives the codec. Times are on
    /// the 8 ms grid (from time 0), a note lasts at least one step, velocities are the centers of their bins,
    /// and then the first onset is time 0. Quantizing twice changes nothing.
    #[must_use]
    pub fn quantized(&self) -> Self {
        let mut quantized = self.snapped(STEP_MICROS).starting_at_zero();
        for note in &mut quantized.notes {
            note.velocity = note.velocity.bin().velocity();
        }
        quantized
    }

    /// Times rounded to the nearest multiple of `step_us` (halves up), each absolute time on its own
    /// so that no rounding accumulates; a note lasts at least one step. Strikes of one pitch that
    /// fall into one step are one note, as [`Performance::new`] has it.
    pub(crate) fn snapped(&self, step_us: u64) -> Self {
        let snap = |us: u64| {
            (us / step_us)
                .saturating_add(u64::from(us % step_us >= step_us.div_ceil(2)))
                .saturating_mul(step_us)
        };
        let snapped = |note: &Note| {
            let start_us = snap(note.start_us);
            Note { start_us, end_us: snap(note.end_us).max(start_us.saturating_add(step_us)), ..*note }
        };
        Self::new(self.notes.iter().map(snapped).collect())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::notation::{performance, show};

    #[track_caller]
    fn check(actual: &Performance, expected: Expect) {
        expected.assert_eq(&show(actual));
    }

    #[test]
    fn a_keyboard_has_each_key_once() {
        // Sorted by onset, then pitch.
        check(
            &performance("64/80 10..20, 62/80 0..5, 60/80 10..30"),
            expect!["62/80 0..5, 60/80 10..30, 64/80 10..20"],
        );
        // A re-strike ends the note before, also a longer one.
        check(&performance("60/80 0..100, 60/70 40..60"), expect!["60/80 0..40, 60/70 40..60"]);
        check(&performance("60/80 0..40, 60/70 40..60"), expect!["60/80 0..40, 60/70 40..60"]);
        // A unison of two channels is one note.
        check(&performance("60/80 0..40, 60/90 0..20"), expect!["60/90 0..40"]);
        // No note ends before it starts.
        check(&performance("60/80 50..40"), expect!["60/80 50..50"]);
        check(&performance(""), expect![""]);
    }

    #[test]
    fn duration_is_the_end_of_the_last_sound() {
        assert_eq!(performance("60/80 0..90, 62/80 10..20").duration_us(), 90_000);
        assert_eq!(Performance::default().duration_us(), 0);
    }

    #[test]
    fn starting_at_zero_shifts_all_times() {
        check(
            &performance("60/80 250..300, 62/80 260..270").starting_at_zero(),
            expect!["60/80 0..50, 62/80 10..20"],
        );
        check(&Performance::default().starting_at_zero(), expect![""]);
    }

    #[test]
    fn quantized_times_are_on_the_grid() {
        // Rounded to the nearest 8 ms, halves up.
        check(&performance("60/62 0..11.999, 62/62 12..20"), expect!["60/62 0..11.999, 62/62 12..20"]);
        check(&performance("60/62 0..11.999, 62/62 12..20").quantized(), expect!["60/62 0..8, 62/62 16..24"]);
        // The grid lies at time 0, then the first onset becomes 0: 3 is at 0, 12 at 16.
        check(&performance("60/62 3..50, 62/62 12..50").quantized(), expect!["60/62 0..48, 62/62 16..48"]);
        // A note lasts at least one step.
        check(&performance("60/62 0..0, 62/62 7..8").quantized(), expect!["60/62 0..8, 62/62 8..16"]);
        // Two strikes of a key in one step are one note.
        check(&performance("60/30 0..1, 60/62 2..40").quantized(), expect!["60/62 0..40"]);
        // Velocities are the centers of their bins.
        check(
            &performance("60/1 0..8, 61/4 0..8, 62/127 0..8").quantized(),
            expect!["60/2 0..8, 61/2 0..8, 62/126 0..8"],
        );
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let mut note = performance("60/62 0..8").notes()[0];
        (note.start_us, note.end_us) = (u64::MAX - 1, u64::MAX);
        let quantized = Performance::new(vec![note]).quantized();
        assert_eq!(quantized.notes().len(), 1);
    }
}
