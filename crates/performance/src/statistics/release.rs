//! How readily notes end among few and among many.

use super::Excerpt;

/// Ages at which it is measured, in microseconds: most notes have ended before, and the longest follow the
/// music's form rather than the hand. Wider mixes in more of both.
const AGES_US: std::ops::Range<u64> = 250_000..2_000_000;

/// Releases, and the time in which they could have come, by how many notes sounded.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseRates {
    releases: [f64; Self::N_BINS],
    secs: [f64; Self::N_BINS],
}

impl ReleaseRates {
    /// Where the bins of notes that sound at once begin.
    pub const BINS: [usize; Self::N_BINS] = [1, 5, 9, 13, 17, 21, 25, 33];
    const N_BINS: usize = 8;

    /// Counts the releases in excerpts, of notes a quarter of a second to two seconds old.
    ///
    /// ```
    /// use performance::statistics::{Excerpt, ReleaseRates};
    /// use performance::{Note, Performance, Pitch, Velocity};
    /// let (pitch, velocity) = (Pitch::new(60)?, Velocity::new(64)?);
    /// let note = Note { pitch, velocity, start_us: 0, end_us: 1_000_000 };
    /// let excerpt = Excerpt::of(&Performance::new(vec![note]), 0..8_000_000);
    /// // One release in three quarters of a second, alone.
    /// assert_eq!(ReleaseRates::of([&excerpt]).per_sec(0.0)[0], Some(1.0 / 0.75));
    /// # Ok::<(), performance::Error>(())
    /// ```
    #[must_use]
    pub fn of<'a>(excerpts: impl IntoIterator<Item = &'a Excerpt>) -> Self {
        let mut rates = Self { releases: [0.0; Self::N_BINS], secs: [0.0; Self::N_BINS] };
        for excerpt in excerpts {
            let stretches = excerpt.polyphony();
            for note in excerpt.notes() {
                let from_us = note.start_us + AGES_US.start;
                let until_us = note.end_us.min(note.start_us + AGES_US.end);
                let first = stretches.partition_point(|(stretch, _)| stretch.end <= from_us);
                let mut last = None;
                for (stretch, n_notes) in stretches[first..].iter().take_while(|(s, _)| s.start < until_us) {
                    let bin = Self::bin(*n_notes);
                    let us = stretch.end.min(until_us) - stretch.start.max(from_us);
                    rates.secs[bin] += us as f64 / 1e6;
                    last = Some(bin);
                }
                // What the excerpt cuts off was not released.
                if let Some(bin) = last
                    && note.end_us == until_us
                    && note.end_us < excerpt.length_us()
                {
                    rates.releases[bin] += 1.0;
                }
            }
        }
        rates
    }

    /// Releases per second of a sounding note, by bin; none where notes sounded for less than `least_secs` in
    /// all.
    #[must_use]
    pub fn per_sec(&self, least_secs: f64) -> [Option<f64>; Self::N_BINS] {
        std::array::from_fn(|bin| (self.secs[bin] > least_secs).then(|| self.releases[bin] / self.secs[bin]))
    }

    fn bin(n_notes: usize) -> usize {
        Self::BINS.iter().rposition(|&start| n_notes >= start).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::performance;

    #[test]
    fn releases_are_counted_where_they_happen() {
        // Five notes, of which one ends after a second, four after two and a half.
        let text = "60/64 0..1000, 62/64 0..2500, 64/64 0..2500, 65/64 0..2500, 67/64 0..2500";
        let rates = ReleaseRates::of([&Excerpt::of(&performance(text), 0..8_000_000)]);
        // Among five: 5 notes for 0.75 s, one release. Among four: 4 notes for 1 s, all older when they end.
        assert_eq!((rates.releases[0], rates.releases[1]), (0.0, 1.0));
        assert_eq!((rates.secs[0], rates.secs[1]), (4.0, 3.75));
        assert_eq!(rates.per_sec(0.0)[..3], [Some(0.0), Some(1.0 / 3.75), None]);
    }

    #[test]
    fn an_end_of_the_excerpt_is_no_release() {
        let rates = ReleaseRates::of([&Excerpt::of(&performance("60/64 0..2500"), 0..1_000_000)]);
        assert_eq!((rates.releases[0], rates.secs[0]), (0.0, 0.75));
    }
}
