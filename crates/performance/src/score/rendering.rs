//! The settings of a performance of a score, and the expression that follows from them.

use std::sync::OnceLock;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::builder::Score;
use super::expression::Expression;
use super::mood::{self, Corners};
use super::recurrent::Recurrent;
use super::ridge::Ridge;
use super::rules::{PALETTES, Rules};
use super::takes::Variation;
use crate::Error;

/// Places of gestures are counted in these parts of a quarter.
pub const TICKS_PER_QUARTER: u32 = 480;
/// Most gestures of a performance: two hours of beats at two a second, and as many moods.
pub const MAX_GESTURES: usize = 1 << 15;
/// Fastest and slowest beat of a conductor, in microseconds a quarter: 1,000 and 5 quarters a minute.
const PERIODS_US: std::ops::RangeInclusive<u32> = 60_000..=12_000_000;

/// How a score is to be performed: with the score, all that its performance follows from.
///
/// ```
/// use performance::score::Rendering;
/// let rendering = Rendering { expression: 150, interpretation: 3, ..Rendering::default() };
/// assert!(rendering.check().is_ok());
/// assert!(Rendering { expression: 201, ..rendering }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendering {
    /// How much of what was learned from people, in percent; the rest is by rule.
    pub learned: u8,
    /// The rules, as an index into [`PALETTES`].
    pub palette: u8,
    /// One of [`INTERPRETATIONS`](Self::INTERPRETATIONS): a seed.
    pub interpretation: u8,
    /// How much expression, in percent: 0 is the score as it is written, 200 twice the deviations.
    pub expression: u8,
    /// Tempo, in percent.
    pub tempo: u16,
    /// Whether loudness is as it is written.
    pub keeps_dynamics: bool,
    /// Without any expression, for comparison.
    pub is_flat: bool,
    /// What a conductor did, by place.
    pub gestures: Vec<Gesture>,
}

/// Something that a conductor did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gesture {
    /// Where in the score, in [`TICKS_PER_QUARTER`]. It holds from there on.
    pub at: u32,
    /// What.
    pub kind: GestureKind,
}

/// See [`Gesture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GestureKind {
    /// A beat: the tempo, in microseconds a quarter.
    Beat {
        /// How long a quarter takes.
        period_us: u32,
    },
    /// A mood, each side from -100 to 100.
    Mood {
        /// From calm to vigorous.
        energy: i8,
        /// From sad to happy.
        valence: i8,
    },
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            learned: 100,
            palette: 0,
            interpretation: 1,
            expression: 100,
            tempo: 100,
            keeps_dynamics: false,
            is_flat: false,
            gestures: Vec::new(),
        }
    }
}

impl Rendering {
    /// The interpretations that are offered.
    pub const INTERPRETATIONS: std::ops::RangeInclusive<u8> = 1..=5;
    /// The tempos that are offered, in percent.
    pub const TEMPOS: std::ops::RangeInclusive<u16> = 50..=200;
    /// Most expression, in percent.
    pub const MOST_EXPRESSION: u8 = 200;

    /// # Errors
    /// If a setting is none that can be chosen.
    pub fn check(&self) -> Result<(), Error> {
        let is_in = |name, expected: &str, found: u32, is_right: bool| {
            if is_right { Ok(()) } else { Err(Error::setting(name, expected, found)) }
        };
        is_in("learned", "of 0 to 100 %", self.learned.into(), self.learned <= 100)?;
        is_in("palette", "of 0 to 4", self.palette.into(), usize::from(self.palette) < PALETTES.len())?;
        let is_offered = Self::INTERPRETATIONS.contains(&self.interpretation);
        is_in("interpretation", "of 1 to 5", self.interpretation.into(), is_offered)?;
        let is_offered = self.expression <= Self::MOST_EXPRESSION;
        is_in("expression", "of 0 to 200 %", self.expression.into(), is_offered)?;
        is_in("tempo", "of 50 to 200 %", self.tempo.into(), Self::TEMPOS.contains(&self.tempo))?;
        let n = self.gestures.len();
        is_in("gestures", &format!("up to {MAX_GESTURES}"), n as u32, n <= MAX_GESTURES)?;
        let is_sound = |gesture: &Gesture| match gesture.kind {
            GestureKind::Beat { period_us } => PERIODS_US.contains(&period_us),
            GestureKind::Mood { energy, valence } => energy.abs().max(valence.abs()) <= 100,
        };
        let are_sound =
            self.gestures.iter().all(is_sound) && self.gestures.is_sorted_by_key(|gesture| gesture.at);
        is_in("gestures", "in order and in range", n as u32, are_sound)
    }

    /// Adds a gesture in place of those of its kind from there on.
    pub fn conduct(&mut self, gesture: Gesture) {
        let kind = std::mem::discriminant(&gesture.kind);
        self.gestures.retain(|other| other.at < gesture.at || std::mem::discriminant(&other.kind) != kind);
        if self.gestures.len() < MAX_GESTURES {
            let place = self.gestures.partition_point(|other| other.at <= gesture.at);
            self.gestures.insert(place, gesture);
        }
    }

    /// Whether two performances differ only in what is computed from the same renderers' output.
    #[must_use]
    pub fn plays_as(&self, other: &Self) -> bool {
        let key = |rendering: &Self| (rendering.learned, rendering.palette, rendering.interpretation);
        key(self) == key(other)
    }

    fn rules(&self) -> Rules {
        PALETTES.get(usize::from(self.palette)).map_or_else(Rules::default, |palette| palette.rules)
    }
}

/// What the renderers make of one score, computed when it is first asked for.
#[derive(Debug, Default)]
pub struct Renderers {
    learned: OnceLock<Option<Expression>>,
    corners: OnceLock<Corners>,
}

impl Renderers {
    /// What the chosen renderers play, before [`Renderers::expression`] scales it.
    #[must_use]
    pub fn played(&self, score: &Score, rendering: &Rendering) -> Expression {
        let rng = || ChaCha8Rng::seed_from_u64(rendering.interpretation.into());
        let by_rule = || {
            let mut rng = rng();
            let mean = rendering.rules().vary(&mut rng).render(score);
            Variation::RULES.take(score, &mean, &mut rng)
        };
        // The files in the program are of this version; without them there are the rules.
        let render = || Some(Recurrent::released().ok()?.render(score, &Ridge::released().ok()?));
        let mean = if rendering.learned == 0 { None } else { self.learned.get_or_init(render).as_ref() };
        let Some(mean) = mean else { return by_rule() };
        let learned = Variation::RECURRENT.take(score, mean, &mut rng());
        if rendering.learned >= 100 {
            return learned;
        }
        by_rule().blend(&learned, f64::from(rendering.learned) / 100.0)
    }

    /// The expression of a performance from what its renderers play ([`Renderers::played`]). Fast enough for every
    /// move of a slider.
    #[must_use]
    pub fn expression(&self, score: &Score, rendering: &Rendering, played: &Expression) -> Expression {
        let written = Expression::written(score);
        let mut expression = written.scaled(score, played, f64::from(rendering.expression) / 100.0);
        if rendering.keeps_dynamics {
            expression.velocity.clone_from(&written.velocity);
        }
        let moods = rendering.gestures.iter().filter_map(mood::Mood::of);
        let moods: Vec<mood::Mood> = moods.collect();
        if !moods.is_empty() {
            let corners = self.corners.get_or_init(|| Corners::of(score));
            corners.color(score, &moods, &mut expression);
        }
        if rendering.is_flat {
            let secs = expression.chord_secs(score).last().copied().unwrap_or(0.0);
            expression = Expression::flat(score).lasting(score, secs);
        }
        let faster = (f64::from(rendering.tempo) / 100.0).log2();
        expression.log_period.iter_mut().for_each(|log_period| *log_period -= faster);
        follow_beats(score, &rendering.gestures, &mut expression);
        expression
    }
}

/// From a conductor's first beat on, the tempo is his.
fn follow_beats(score: &Score, gestures: &[Gesture], expression: &mut Expression) {
    let beats = gestures.iter().filter_map(|gesture| match gesture.kind {
        GestureKind::Beat { period_us } => {
            Some((f64::from(gesture.at) / f64::from(TICKS_PER_QUARTER), f64::from(period_us) / 1e6))
        }
        GestureKind::Mood { .. } => None,
    });
    let beats: Vec<(f64, f64)> = beats.collect();
    let Some(&(first, _)) = beats.first() else { return };
    let chords = score.chords();
    for (idx, log_period) in expression.log_period.iter_mut().enumerate() {
        let from = chords[idx].onset_quarters;
        let to = chords.get(idx + 1).map_or(from + 1.0, |next| next.onset_quarters);
        if to <= first {
            continue;
        }
        // Piece by piece between beats.
        let mut secs = (first - from).max(0.0) * log_period.exp2();
        let mut beat = beats.partition_point(|&(at, _)| at <= from).saturating_sub(1);
        while let Some(&(at, period)) = beats.get(beat).filter(|&&(at, _)| at < to) {
            let end = beats.get(beat + 1).map_or(to, |next| next.0.min(to));
            secs += (end - at.max(from)).max(0.0) * period;
            beat += 1;
        }
        *log_period = (secs / (to - from)).log2();
    }
}
