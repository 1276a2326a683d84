//! A score as few bytes: for links, sessions and files.
//!
//! Places are whole multiples of the largest unit that fits them all, at worst 1/322,560 quarter, so a score that was
//! packed once is the same bytes and the same score from then on.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde::{Deserialize, Serialize};

use super::builder::{NewNote, Score};
use super::error::ScoreError;
use super::note::{Bar, Marks, Span};
use super::tempo::TempoMark;
use crate::{Pitch, Velocity};

/// Holds all usual ticks, and parts of 3, 5, 7 and 9.
const TICKS_PER_QUARTER: f64 = 322_560.0;
/// Largest packed score that is read, unpacked.
pub const MAX_PACKED_BYTES: usize = 8 << 20;
/// The best compression.
const LEVEL: u8 = 10;

/// The format. Fields stay as they are and in their order.
#[derive(Debug, Serialize, Deserialize)]
struct PackedScore {
    /// Ticks of which all places are multiples.
    unit: u64,
    /// Of each note since the one before.
    onsets: Vec<u64>,
    durations: Vec<u64>,
    pitches: Vec<u8>,
    velocities: Vec<u8>,
    /// 0 is none.
    voices: Vec<u16>,
    marks: Vec<u16>,
    bars: Vec<PackedBar>,
    /// Place and microseconds a quarter.
    tempos: Vec<(u64, u32)>,
    /// Beginnings and lengths.
    pedals: Vec<(u64, u64)>,
    may_be_played: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct PackedBar {
    /// Since the bar before.
    after: u64,
    beats: u8,
    beat_unit: u8,
    skipped: u64,
}

/// What a packed score is recognized by (FNV-1a, 64 bits).
#[must_use]
pub fn hash(packed: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    packed.iter().fold(BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

impl Score {
    /// The score as bytes. What [`Score::left_out`] says is not kept.
    ///
    /// ```
    /// # use performance::Pitch;
    /// # use performance::score::{NewNote, Score};
    /// let note = |idx: u8| NewNote::new(Pitch::new(60 + idx).unwrap(), f64::from(idx) / 3.0, 0.25);
    /// let score = Score::builder().notes((0..24).map(note)).build()?;
    /// let bytes = score.to_packed();
    /// let again = Score::from_packed(&bytes)?;
    /// assert_eq!(again.notes().len(), 24);
    /// assert_eq!(again.to_packed(), bytes);
    /// # Ok::<(), performance::score::ScoreError>(())
    /// ```
    #[must_use]
    pub fn to_packed(&self) -> Vec<u8> {
        let onsets: Vec<u64> = self.notes().iter().map(|note| ticks(note.onset_quarters)).collect();
        let durations: Vec<u64> =
            self.notes().iter().map(|note| ticks(note.duration_quarters).max(1)).collect();
        let bars: Vec<(u64, &Bar)> = self.bars().iter().map(|bar| (ticks(bar.onset_quarters), bar)).collect();
        let tempos: Vec<(u64, u32)> = if self.has_tempo() {
            let mark = |mark: TempoMark| {
                (ticks(mark.onset_quarters), (60e6 / mark.quarters_per_minute).round() as u32)
            };
            self.tempo().marks().into_iter().map(mark).collect()
        } else {
            Vec::new()
        };
        let pedals: Vec<(u64, u64)> = self
            .pedals()
            .iter()
            .map(|pedal| {
                (ticks(pedal.start_quarters), ticks((pedal.end_quarters - pedal.start_quarters).max(0.0)))
            })
            .collect();
        let places = onsets
            .iter()
            .chain(&durations)
            .copied()
            .chain(bars.iter().flat_map(|(at, bar)| [*at, ticks(bar.skipped_quarters)]))
            .chain(tempos.iter().map(|tempo| tempo.0))
            .chain(pedals.iter().flat_map(|&(at, length)| [at, length]));
        let unit = places.fold(0, gcd).max(1);
        let mut before = 0;
        let mut since = |at: u64| {
            let at = at / unit;
            at.saturating_sub(std::mem::replace(&mut before, at))
        };
        let notes = self.notes();
        let mut bar_before = 0;
        let packed = PackedScore {
            unit,
            onsets: onsets.into_iter().map(&mut since).collect(),
            durations: durations.into_iter().map(|ticks| ticks / unit).collect(),
            pitches: notes.iter().map(|note| note.pitch.get()).collect(),
            velocities: notes.iter().map(|note| note.velocity.get()).collect(),
            voices: notes.iter().map(|note| note.voice.map_or(0, |voice| u16::from(voice) + 1)).collect(),
            marks: notes.iter().map(|note| note.marks.bits()).collect(),
            bars: bars
                .into_iter()
                .map(|(at, bar)| PackedBar {
                    after: (at / unit).saturating_sub(std::mem::replace(&mut bar_before, at / unit)),
                    beats: bar.beats,
                    beat_unit: bar.beat_unit,
                    skipped: ticks(bar.skipped_quarters) / unit,
                })
                .collect(),
            tempos: tempos.into_iter().map(|(at, period_us)| (at / unit, period_us)).collect(),
            pedals: pedals.into_iter().map(|(at, length)| (at / unit, length / unit)).collect(),
            may_be_played: self.may_be_played(),
        };
        // Fails only for values whose length is not known beforehand.
        compress_to_vec(&postcard::to_allocvec(&packed).unwrap_or_default(), LEVEL)
    }

    /// Reads what [`Score::to_packed`] wrote.
    ///
    /// # Errors
    /// If it is something else, or has more notes or quarters than a score may.
    pub fn from_packed(bytes: &[u8]) -> Result<Self, ScoreError> {
        let damaged = || ScoreError::Packed;
        let bytes = decompress_to_vec_with_limit(bytes, MAX_PACKED_BYTES).map_err(|_| damaged())?;
        let (packed, rest) = postcard::take_from_bytes::<PackedScore>(&bytes).map_err(|_| damaged())?;
        let n = packed.onsets.len();
        let lengths = [packed.durations.len(), packed.pitches.len(), packed.velocities.len()];
        let are_equal =
            lengths.into_iter().chain([packed.voices.len(), packed.marks.len()]).all(|len| len == n);
        if !rest.is_empty() || !are_equal {
            return Err(damaged());
        }
        let quarters = |units: u64| units.saturating_mul(packed.unit) as f64 / TICKS_PER_QUARTER;
        let mut onset = 0_u64;
        let mut notes = Vec::with_capacity(n);
        for idx in 0..n {
            onset = onset.saturating_add(packed.onsets[idx]);
            notes.push(NewNote {
                pitch: Pitch::new(packed.pitches[idx]).map_err(|_| damaged())?,
                onset_quarters: quarters(onset),
                duration_quarters: quarters(packed.durations[idx]),
                velocity: Velocity::new(packed.velocities[idx]).map_err(|_| damaged())?,
                voice: packed.voices[idx].checked_sub(1).and_then(|voice| u8::try_from(voice).ok()),
                marks: Marks::from_bits(packed.marks[idx]),
            });
        }
        let mut bar_onset = 0_u64;
        let bars = packed.bars.iter().map(|bar| {
            bar_onset = bar_onset.saturating_add(bar.after);
            Bar {
                onset_quarters: quarters(bar_onset),
                beats: bar.beats,
                beat_unit: bar.beat_unit,
                skipped_quarters: quarters(bar.skipped),
            }
        });
        let tempos = packed.tempos.iter().map(|&(at, period_us)| TempoMark {
            onset_quarters: quarters(at),
            quarters_per_minute: 60e6 / f64::from(period_us.max(1)),
        });
        let pedals = packed.pedals.iter().map(|&(at, length)| Span {
            start_quarters: quarters(at),
            end_quarters: quarters(at.saturating_add(length)),
        });
        let mut builder = Self::builder().notes(notes).bars(bars).tempos(tempos).pedals(pedals);
        if packed.may_be_played {
            builder = builder.may_be_played();
        }
        builder.build()
    }
}

fn ticks(quarters: f64) -> u64 {
    // A score's places are finite, and a day long at most.
    (quarters.max(0.0) * TICKS_PER_QUARTER).round() as u64
}

fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
