//! A stretch of a performance: what everything here measures.

use std::ops::Range;

use crate::{Note, Performance, STEP_MICROS};

/// The notes that begin within a stretch of time, on the 8 ms grid, as it would sound alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    notes: Vec<Note>,
    length_us: u64,
}

impl Excerpt {
    /// What begins within `range_us`; time 0 is the start of the range, and notes are cut at its end.
    ///
    /// Times are rounded to the grid of the vocabulary, so that performances from files and from a network
    /// differ by the music and not by the resolution of their clocks. What sounds from before the range is
    /// left out.
    ///
    /// ```
    /// use performance::statistics::Excerpt;
    /// use performance::{Note, Performance, Pitch, Velocity};
    /// let (pitch, velocity) = (Pitch::new(60)?, Velocity::new(64)?);
    /// let note = Note { pitch, velocity, start_us: 9_001_000, end_us: 20_000_000 };
    /// let excerpt = Excerpt::of(&Performance::new(vec![note]), 8_000_000..16_000_000);
    /// assert_eq!(excerpt.notes(), [Note { start_us: 1_000_000, end_us: 8_000_000, ..note }]);
    /// # Ok::<(), performance::Error>(())
    /// ```
    #[must_use]
    pub fn of(performance: &Performance, range_us: Range<u64>) -> Self {
        let length_us = range_us.end.saturating_sub(range_us.start);
        let cut = |note: &Note| Note {
            start_us: note.start_us - range_us.start,
            end_us: note.end_us.min(range_us.end) - range_us.start,
            ..*note
        };
        let snapped = performance.snapped(STEP_MICROS);
        let within = snapped.notes().iter().filter(|note| range_us.contains(&note.start_us));
        Self { notes: within.map(cut).collect(), length_us }
    }

    /// All of a performance, from time 0 to the end of its last sound.
    #[must_use]
    pub fn whole(performance: &Performance) -> Self {
        let notes = performance.snapped(STEP_MICROS).notes().to_vec();
        let length_us = notes.iter().map(|note| note.end_us).max().unwrap_or(0);
        Self { notes, length_us }
    }

    /// The notes, by onset, then pitch; times in microseconds from the start of the excerpt.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// How long it is, in microseconds, silence at its ends included.
    #[must_use]
    pub fn length_us(&self) -> u64 {
        self.length_us
    }

    /// How long it is, in seconds.
    #[must_use]
    pub fn secs(&self) -> f64 {
        self.length_us as f64 / 1e6
    }

    /// Notes that begin, per second; 0 for an excerpt of no length.
    #[must_use]
    pub fn note_density(&self) -> f64 {
        if self.length_us == 0 { 0.0 } else { self.notes.len() as f64 / self.secs() }
    }

    /// Stretches of one number of sounding notes, in order and without gaps: from, to (microseconds) and how
    /// many sound.
    pub(crate) fn polyphony(&self) -> Vec<(Range<u64>, usize)> {
        let mut edges: Vec<(u64, i32)> =
            self.notes.iter().flat_map(|note| [(note.start_us, 1), (note.end_us, -1)]).collect();
        edges.push((self.length_us, 0));
        edges.sort_unstable();
        let (mut stretches, mut now_us, mut n_sounding) = (Vec::new(), 0, 0_i32);
        for (at_us, change) in edges {
            if at_us > now_us {
                // Never below zero: a note's end sorts after its start, or makes no stretch.
                stretches.push((now_us..at_us, n_sounding.max(0) as usize));
                now_us = at_us;
            }
            n_sounding += change;
        }
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::performance;

    #[test]
    fn it_takes_what_begins_within() {
        let performance = performance("60/64 0..960, 62/64 800..1600, 64/64 1600..1700");
        let excerpt = Excerpt::of(&performance, 800_000..1_600_000);
        assert_eq!(excerpt.notes().len(), 1);
        assert_eq!((excerpt.notes()[0].start_us, excerpt.notes()[0].end_us), (0, 800_000));
        assert_eq!((excerpt.secs(), excerpt.note_density()), (0.8, 1.25));
        assert_eq!(Excerpt::whole(&performance).length_us(), 1_704_000);
    }

    #[test]
    fn nothing_is_an_excerpt_too() {
        for excerpt in [
            Excerpt::whole(&Performance::default()),
            Excerpt::of(&Performance::default(), Range { start: 9, end: 3 }),
        ] {
            assert_eq!((excerpt.length_us(), excerpt.note_density()), (0, 0.0));
            assert!(excerpt.polyphony().is_empty());
        }
    }

    #[test]
    fn polyphony_has_no_gaps() {
        let excerpt = Excerpt::of(&performance("60/64 80..160, 64/64 80..240, 60/64 160..240"), 0..400_000);
        let expected = [(0..80_000, 0), (80_000..160_000, 2), (160_000..240_000, 2), (240_000..400_000, 0)];
        assert_eq!(excerpt.polyphony(), expected);
    }
}
