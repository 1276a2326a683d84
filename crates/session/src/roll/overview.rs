//! The whole performance on a strip.

use performance::VelocityBin;
use performance::playback::{Origin, Timeline};

/// The shortest time that a strip shows: less is mostly empty at first.
const SHORTEST_US: u64 = 60_000_000;
/// Notes are counted over at least this time around a column. Larger is smoother.
const WINDOW_US: u64 = 500_000;
/// A column is full at this many notes a second.
const FULL_PACE: f64 = 32.0;

/// Where music time lies on a strip of a width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What the strip shows, in microseconds.
    pub length_us: u64,
    /// Its width, in CSS pixels.
    pub width_px: f64,
}

impl Scale {
    /// For music that is `music_us` long so far and is to become `asked_us` long, if that is known.
    ///
    /// Music that grows gets room in steps of a third to a half, so that the strip changes its scale rarely.
    #[must_use]
    pub fn new(music_us: u64, asked_us: Option<u64>, width_px: f64) -> Self {
        let mut length_us = SHORTEST_US;
        if let Some(asked_us) = asked_us {
            length_us = asked_us.max(music_us).max(1_000_000);
        } else {
            // 1, 1.5, 2, 3, 4, 6, 8 … minutes.
            let mut is_whole = true;
            while length_us < music_us {
                length_us = if is_whole { length_us / 2 * 3 } else { length_us / 3 * 4 };
                is_whole = !is_whole;
            }
        }
        Self { length_us, width_px }
    }

    /// Where a time lies, in CSS pixels from the left.
    #[must_use]
    pub fn x_px(&self, at_us: f64) -> f64 {
        at_us / self.length_us as f64 * self.width_px
    }

    /// Where a time lies, as a share of the width.
    #[must_use]
    pub fn share(&self, at_us: u64) -> f64 {
        at_us as f64 / self.length_us as f64
    }

    /// The time at a place; places off the strip count as its ends.
    #[must_use]
    pub fn at_us(&self, x_px: f64) -> u64 {
        let share = if self.width_px > 0.0 { x_px / self.width_px } else { 0.0 };
        (share.clamp(0.0, 1.0) * self.length_us as f64).round() as u64
    }
}

/// What a column of the strip says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Notes per second.
    pub pace: f64,
    /// How loud they are on average.
    pub bin: VelocityBin,
    /// Whose most of them are.
    pub origin: Origin,
}

impl Column {
    /// Of the notes that begin in `from_us..to_us`, or around it if that is very short; none without notes.
    #[must_use]
    pub fn new(timeline: &Timeline, from_us: u64, to_us: u64) -> Option<Self> {
        let widen_us = WINDOW_US.saturating_sub(to_us - from_us) / 2;
        let (from_us, to_us) = (from_us.saturating_sub(widen_us), to_us + widen_us);
        let bars = timeline.onsets(from_us, to_us);
        let sum: usize = bars.iter().map(|bar| usize::from(bar.bin.get())).sum();
        let mean = sum.checked_div(bars.len())?;
        let n_primer = bars.iter().filter(|bar| bar.origin == Origin::Primer).count();
        Some(Self {
            pace: bars.len() as f64 * 1e6 / (to_us - from_us).max(1) as f64,
            bin: u8::try_from(mean).ok().and_then(|bin| VelocityBin::new(bin).ok())?,
            origin: if 2 * n_primer > bars.len() { Origin::Primer } else { Origin::Network },
        })
    }

    /// Its height, as a share of the strip's: twice as many notes are always as much higher.
    #[must_use]
    pub fn height(&self) -> f64 {
        ((1.0 + self.pace).ln() / (1.0 + FULL_PACE).ln()).min(1.0)
    }

    /// How far notes that begin at a time change columns before and after it, in microseconds.
    #[must_use]
    pub fn reach_us() -> u64 {
        WINDOW_US / 2
    }
}

#[cfg(test)]
mod tests {
    use performance::Token;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn growing_music_gets_room_in_steps() {
        #[track_caller]
        fn check(music_secs: u64, asked_secs: Option<u64>, expected_secs: u64) {
            let scale = Scale::new(music_secs * 1_000_000, asked_secs.map(|secs| secs * 1_000_000), 100.0);
            assert_eq!(scale.length_us, expected_secs * 1_000_000);
        }
        check(0, None, 60);
        check(60, None, 60);
        check(61, None, 90);
        check(91, None, 120);
        check(121, None, 180);
        check(3_600, None, 3_840);
        check(0, Some(30), 30);
        check(31, Some(30), 31);
        check(0, Some(0), 1);
    }

    #[test]
    fn columns_say_how_many_notes_and_how_loud() {
        let tokens: Vec<Token> =
            [388 - 7, 60, 380 - 63, 62, 380 - 63, 64, 380].map(|n| Token::new(n).unwrap()).into();
        let mut timeline = Timeline::default();
        timeline.extend(&tokens, Origin::Primer);
        let column = Column::new(&timeline, 0, 1_000_000).unwrap();
        assert_eq!((column.pace, column.bin.get(), column.origin), (3.0, 1, Origin::Primer));
        assert!(Column::new(&timeline, 4_000_000, 5_000_000).is_none());
        let heights = [1.0, 2.0, 8.0, 40.0].map(|pace| Column { pace, ..column }.height());
        assert!(heights.is_sorted() && heights[3] == 1.0, "{heights:?}");
    }

    proptest! {
        #[test]
        fn places_and_times_lead_to_each_other(at_us in 0u64..3_600_000_000, width_px in 100.0f64..3000.0) {
            let scale = Scale::new(3_600_000_000, None, width_px);
            prop_assert!(scale.at_us(scale.x_px(at_us as f64)).abs_diff(at_us) <= 1);
            prop_assert_eq!(scale.at_us(-5.0), 0);
            prop_assert_eq!(scale.at_us(width_px + 5.0), scale.length_us);
        }
    }
}
