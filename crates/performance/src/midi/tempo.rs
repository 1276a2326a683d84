//! From ticks to microseconds, exactly.

use super::chunks::Division;

/// 120 quarter notes a minute, until the file says otherwise.
const DEFAULT_MICROS_PER_QUARTER: u32 = 500_000;

/// The time of every tick.
///
/// Times are kept as whole numbers of a fraction of a microsecond, so that a thousand tempo changes
/// leave no rounding error behind. The largest file (10 MiB, delta times of 28 bits) comes to
/// 2^50 ticks of 2^24 µs: far below 128 bits.
#[derive(Clone, Debug)]
pub(super) struct TempoMap {
    segments: Vec<Segment>,
    units_per_micro: u32,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    start_tick: u64,
    start_units: u128,
    units_per_tick: u32,
}

impl TempoMap {
    /// `changes` are ticks, in order, and microseconds per quarter note, not 0.
    pub(super) fn new(division: Division, changes: impl IntoIterator<Item = (u64, u32)>) -> Self {
        let (units_per_tick, units_per_micro) = match division {
            Division::TicksPerQuarter(ticks) => (DEFAULT_MICROS_PER_QUARTER, u32::from(ticks)),
            // 30/1.001 frames a second: 1/3 µs is the unit, a frame has 100,100 of them.
            Division::Smpte { frames_per_second: 29, ticks_per_frame } => {
                (100_100, 3 * u32::from(ticks_per_frame))
            }
            Division::Smpte { frames_per_second, ticks_per_frame } => {
                (1_000_000, u32::from(frames_per_second) * u32::from(ticks_per_frame))
            }
        };
        let mut map = Self {
            segments: vec![Segment { start_tick: 0, start_units: 0, units_per_tick }],
            units_per_micro,
        };
        if let Division::TicksPerQuarter(_) = division {
            for (tick, micros_per_quarter) in changes {
                let start_units = map.units(tick);
                map.segments.push(Segment {
                    start_tick: tick,
                    start_units,
                    units_per_tick: micros_per_quarter,
                });
            }
        }
        map
    }

    /// Time of `tick` in microseconds, rounded to nearest.
    pub(super) fn micros(&self, tick: u64) -> u64 {
        let per_micro = u128::from(self.units_per_micro);
        u64::try_from((self.units(tick) + per_micro / 2) / per_micro).unwrap_or(u64::MAX)
    }

    fn units(&self, tick: u64) -> u128 {
        // The first segment starts at 0, so there always is one before.
        let idx = self.segments.partition_point(|segment| segment.start_tick <= tick).saturating_sub(1);
        let Segment { start_tick, start_units, units_per_tick } = self.segments[idx];
        start_units + u128::from(tick - start_tick) * u128::from(units_per_tick)
    }
}
