//! Conducting: taps give the tempo.
//!
//! The period follows taps as a phase-locked loop does: each interval between taps pulls it half of the way, and what
//! the music is ahead of or behind the beat is made up for until the next.

use performance::score::{Gesture, GestureKind, TICKS_PER_QUARTER};

use crate::Performed;

/// How much of a new interval the period takes over. Larger follows sooner; smaller is steadier.
const FOLLOWS: f64 = 0.5;
/// How much of being early or late is made up for until the next beat.
const CATCHES_UP: f64 = 0.5;
/// The music makes up for it by no more than this part of its tempo.
const MOST_CATCH_UP: f64 = 0.35;
/// An interval of so many beats is of more than one.
const MISSED: f64 = 1.7;
/// Taps so far apart begin anew.
const LONGEST_SECS: f64 = 3.0;
/// Slowest and fastest, in seconds a beat.
const BEATS_SECS: (f64, f64) = (0.12, 3.0);

/// Follows taps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conductor {
    /// When the last tap was, in milliseconds of the page's clock.
    last_ms: Option<f64>,
    /// Seconds a beat.
    beat_secs: Option<f64>,
}

impl Conductor {
    /// A tap while the music is at a time; what follows from it, from the next note on.
    pub(crate) fn tap(&mut self, performed: &Performed, at_us: u64, from_us: u64, now_ms: f64) -> Gesture {
        let quarters = performed.quarters_at(at_us);
        let (bar, place) = performed.piece.score.place_in_bar(quarters);
        let beat_quarters = bar.beat_quarters().max(0.25);
        let interval = self.last_ms.replace(now_ms).map(|last_ms| (now_ms - last_ms) / 1e3);
        let playing = self.beat_secs.unwrap_or_else(|| {
            let secs = |quarters| performed.us_at(quarters) as f64 / 1e6;
            secs(quarters + beat_quarters) - secs(quarters)
        });
        let clamp = |secs: f64| secs.clamp(BEATS_SECS.0, BEATS_SECS.1);
        let beat_secs = match interval.filter(|secs| (BEATS_SECS.0 / 2.0..LONGEST_SECS).contains(secs)) {
            // Of several beats, if some went by without a tap.
            Some(interval) => {
                let ratio = interval / playing;
                let n = if ratio < MISSED { 1.0 } else { ratio.round() };
                clamp(playing + FOLLOWS * (interval / n - playing))
            }
            None => clamp(playing),
        };
        self.beat_secs = Some(beat_secs);
        // How far the music is beyond the nearest beat, in beats.
        let within = place / beat_quarters;
        let ahead = within - within.round();
        let share = (CATCHES_UP * ahead).clamp(-MOST_CATCH_UP, MOST_CATCH_UP);
        let period_us = 1e6 * beat_secs * (1.0 + share) / beat_quarters;
        Gesture {
            at: ticks(performed.quarters_at(from_us)),
            kind: GestureKind::Beat { period_us: (period_us.round() as u32).clamp(60_000, 12_000_000) },
        }
    }
}

/// A place of a gesture.
pub(crate) fn ticks(quarters: f64) -> u32 {
    (quarters.max(0.0) * f64::from(TICKS_PER_QUARTER)).round() as u32
}
