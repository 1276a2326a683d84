//! Controls and sampling: values that the page, the command line and the network share.

use serde::{Deserialize, Serialize};

use crate::metrics::{EventCounts, N_PITCH_CLASSES, duration_secs, note_density, pitch_class_histogram};
use crate::{Error, Event, PitchClasses, ReturnRate, Token};

/// Length of a primer's end from which its controls are taken. Larger ignores where the music has got to;
/// smaller takes a phrase for a piece.
const LIKE_SECS: f64 = 30.0;

/// Added to the strikes of every pitch class of a primer: three notes do not make a scale, and a hundred do.
const PITCH_CLASS_PRIOR: f32 = 0.25;

/// What the music should be like. All controls are unset by default, and each is optional.
///
/// Source: Magenta's conditional Performance RNN.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedControls")]
pub struct Controls {
    /// Notes per second.
    pub density: Option<f32>,
    /// How often each pitch class occurs, C first; any scale, made to add up to one.
    pub pitch_classes: Option<[f32; N_PITCH_CLASSES]>,
    /// Index into the model's composers.
    pub composer: Option<usize>,
}

impl Controls {
    /// The density and the pitch classes of the last 30 seconds of a primer, for what follows. On its own the
    /// network loses both within ten seconds (`docs/quality.md`). Unset if there are no notes.
    #[must_use]
    pub fn like(primer: &[Token]) -> Self {
        let (tokens, secs) = last_half_minute(primer);
        let n_notes = EventCounts::of(tokens).note_on;
        if secs == 0.0 || n_notes == 0 {
            return Self::default();
        }
        let strikes =
            pitch_class_histogram(tokens, secs).map(|share| share * n_notes as f32 + PITCH_CLASS_PRIOR);
        Self { density: Some(note_density(tokens, secs)), pitch_classes: Some(strikes), composer: None }
    }

    /// # Errors
    /// If the density is not a number of 0 or more, or the pitch classes are not 12 weights of which one is
    /// above 0.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(density) = self.density.filter(|density| !(density.is_finite() && *density >= 0.0)) {
            return Err(Error::setting("density", "of 0 or more notes per second", density));
        }
        let is_usable = |weights: &[f32; N_PITCH_CLASSES]| {
            let sum: f32 = weights.iter().sum();
            weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) && sum > 0.0 && sum.is_finite()
        };
        if let Some(weights) = self.pitch_classes.filter(|weights| !is_usable(weights)) {
            return Err(Error::setting(
                "pitch classes",
                "of 12 weights, not all zero",
                format!("{weights:?}"),
            ));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedControls {
    density: Option<f32>,
    pitch_classes: Option<[f32; N_PITCH_CLASSES]>,
    composer: Option<usize>,
}

impl TryFrom<UncheckedControls> for Controls {
    type Error = Error;

    fn try_from(unchecked: UncheckedControls) -> Result<Self, Error> {
        let UncheckedControls { density, pitch_classes, composer } = unchecked;
        let controls = Self { density, pitch_classes, composer };
        controls.check().map(|()| controls)
    }
}

/// How the next event is drawn from the network's probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSampling")]
pub struct Sampling {
    /// Logits are divided by this: below 1 safer, above 1 wilder.
    pub temperature: f32,
    /// Only the likeliest events that together reach this probability are drawn from; 1 is all of them.
    pub top_p: f32,
    /// No other notes are begun. The primer and notes played by hand stay as they are.
    pub only: PitchClasses,
    /// How often themes come back. With never, what was played before does not count.
    pub themes: ReturnRate,
}

/// The network alone, where it sounds most like people (`docs/sampling.md`).
impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_p: 1.0, only: PitchClasses::ALL, themes: ReturnRate::NEVER }
    }
}

impl Sampling {
    /// As the page and the commands play if nothing else is asked for: themes come back as often as people's.
    #[must_use]
    pub fn returning() -> Self {
        Self { themes: ReturnRate::AS_PEOPLE, ..Self::default() }
    }

    /// # Errors
    /// If the temperature is not in `0.05..=5` or top-p not above 0 and up to 1.
    pub fn check(self) -> Result<Self, Error> {
        if !(0.05..=5.0).contains(&self.temperature) {
            Err(Error::setting("temperature", "of 0.05 to 5", self.temperature))
        } else if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            Err(Error::setting("top-p", "above 0, up to 1", self.top_p))
        } else {
            Ok(self)
        }
    }

    /// Whether `event` may be drawn: any but a NOTE_ON of another pitch class.
    #[must_use]
    pub fn allows(self, event: Event) -> bool {
        !matches!(event, Event::NoteOn(pitch) if !self.only.contains(pitch))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedSampling {
    temperature: f32,
    top_p: f32,
    #[serde(default)]
    only: PitchClasses,
    #[serde(default)]
    themes: ReturnRate,
}

impl TryFrom<UncheckedSampling> for Sampling {
    type Error = Error;

    fn try_from(unchecked: UncheckedSampling) -> Result<Self, Error> {
        let UncheckedSampling { temperature, top_p, only, themes } = unchecked;
        Self { temperature, top_p, only, themes }.check()
    }
}

/// The end of a primer from which controls and velocity offset are taken, and its length in seconds.
pub(crate) fn last_half_minute(primer: &[Token]) -> (&[Token], f64) {
    let mut secs = 0.0;
    let begins_before = |token: &Token| {
        secs += duration_secs(&[*token]);
        secs > LIKE_SECS
    };
    let tokens = &primer[primer.iter().rposition(begins_before).unwrap_or(0)..];
    (tokens, duration_secs(tokens))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pitch, Shift};

    #[test]
    fn more_of_the_same_is_as_dense_and_in_the_same_key() {
        let shift = |steps| Event::TimeShift(Shift::new(steps).unwrap()).into();
        let on = |pitch| Event::NoteOn(Pitch::new(pitch).unwrap()).into();
        let tokens = [on(60), shift(50), on(72), on(64), shift(75)];
        let like = Controls::like(&tokens);
        assert_eq!(like.density, Some(3.0));
        let mut expected = [PITCH_CLASS_PRIOR; N_PITCH_CLASSES];
        (expected[0], expected[4]) = (2.0 + PITCH_CLASS_PRIOR, 1.0 + PITCH_CLASS_PRIOR);
        assert_eq!(like.pitch_classes, Some(expected));
        // Only what came last.
        let long = [vec![on(61); 50], vec![shift(100); 40], tokens.to_vec()].concat();
        assert_eq!(Controls::like(&long).pitch_classes, Some(expected));
        for silent in [&[][..], &[shift(10)], &[on(60)]] {
            assert_eq!(Controls::like(silent), Controls::default());
        }
    }

    #[test]
    fn nonsense_does_not_come_over_the_wire() {
        #[track_caller]
        fn check<T: serde::de::DeserializeOwned + std::fmt::Debug>(json: &str, expected: &str) {
            let error = serde_json::from_str::<T>(json).expect_err("nonsense").to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        check::<Sampling>(r#"{"temperature":9,"top_p":1}"#, "expected temperature of 0.05 to 5, found 9");
        check::<Sampling>(r#"{"temperature":1,"top_p":0}"#, "expected top-p above 0, up to 1, found 0");
        check::<Sampling>(r#"{"temperature":null,"top_p":1}"#, "invalid type: null");
        check::<Sampling>(
            r#"{"temperature":1,"top_p":1,"only":5000}"#,
            "expected pitch classes of twelve bits",
        );
        check::<Controls>(
            r#"{"density":-1,"pitch_classes":null,"composer":null}"#,
            "expected density of 0 or more notes per second, found -1",
        );
        check::<Controls>(
            r#"{"density":1,"pitch_classes":[0,0,0,0,0,0,0,0,0,0,0,0],"composer":null}"#,
            "expected pitch classes of 12 weights, not all zero",
        );
        check::<Token>("413", "expected a token below 413, found 413");
        let controls = Controls { density: Some(0.1), pitch_classes: Some([0.7; 12]), composer: Some(3) };
        let json = serde_json::to_string(&controls).unwrap();
        assert_eq!(serde_json::from_str::<Controls>(&json).unwrap(), controls);
        let sampling = Sampling { only: "C,E,G".parse().unwrap(), ..Sampling::default() };
        let json = serde_json::to_string(&sampling).unwrap();
        assert_eq!(serde_json::from_str::<Sampling>(&json).unwrap(), sampling);
        let older: Sampling = serde_json::from_str(r#"{"temperature":1,"top_p":1}"#).unwrap();
        assert_eq!(older, Sampling::default(), "recipes of before there was a mask and themes came back");
    }
}
