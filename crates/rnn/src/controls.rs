//! What a listener may ask of the music: density, pitch classes, composer.
//!
//! Each control has an "unset" flag of its own and is dropped at random in training, so that every one
//! of them is optional at play time. Source: Magenta's conditional Performance RNN.

use performance::{EventCounts, Token, duration_secs, note_density, pitch_class_histogram};

use crate::{Error, ModelConfig};

/// Note densities are told apart at 1, 2, 4, 8, 16, 32 and 64 notes per second.
pub const N_DENSITY_BINS: usize = 8;
/// C, C sharp, …, B.
pub const N_PITCH_CLASSES: usize = 12;

/// As much of a primer tells what it is like. Larger forgets where it has got to; smaller takes a phrase for a piece.
const LIKE_SECS: f64 = 30.0;

/// Strikes of every pitch class in a primer beyond those there are: three notes do not make a scale, and a hundred do.
const DOUBT: f32 = 0.25;

/// People's mean density, in notes per second.
const USUAL_DENSITY: f64 = 9.0;

/// How many times further from the usual density than it is told the network plays, in doublings, when its logits are
/// taken further to what is asked (`takes::GUIDANCE`). Larger plays nearer to the usual.
///
/// Source: 16 minutes of each of 12 densities from 1 to 24 notes a second, with the weights of 126.9 million events;
/// `docs/quality.md` has what is played with it.
const DENSITY_REACH: f64 = 1.18;

/// Settings that steer the music. All unset by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Controls {
    /// Notes per second.
    pub density: Option<f32>,
    /// How often each pitch class occurs, C first; any scale, made to add up to one.
    pub pitch_classes: Option<[f32; N_PITCH_CLASSES]>,
    /// Index into the model's composers.
    pub composer: Option<usize>,
}

impl Controls {
    /// Asks for more of the same: the density and the pitch classes of the last half minute of a primer. Of itself
    /// the network loses both within ten seconds (`docs/quality.md`). Unset if there are no notes.
    #[must_use]
    pub fn like(primer: &[Token]) -> Self {
        let (tokens, secs) = last_half_minute(primer);
        let n_notes = EventCounts::of(tokens).note_on;
        if secs == 0.0 || n_notes == 0 {
            return Self::default();
        }
        let strikes = pitch_class_histogram(tokens, secs).map(|share| share * n_notes as f32 + DOUBT);
        Self { density: Some(note_density(tokens, secs)), pitch_classes: Some(strikes), composer: None }
    }

    /// The network's controls input, as in training.
    ///
    /// # Shapes
    /// `config.control_width()` numbers: density bins, unset; pitch classes, unset; composers, unset.
    ///
    /// # Errors
    /// If a control is not a usable number, or the composer is not one of the model's.
    pub fn encode(&self, config: &ModelConfig) -> Result<Vec<f32>, Error> {
        self.encode_reaching(1.0, config)
    }

    /// The controls input of a network whose logits are taken further to what is asked, as [`Takes`](crate::Takes) do:
    /// the density is told as much nearer to the usual one, so that the one that is asked for is played.
    ///
    /// # Shapes
    /// As [`Controls::encode`].
    ///
    /// # Errors
    /// As [`Controls::encode`].
    pub fn encode_guided(&self, config: &ModelConfig) -> Result<Vec<f32>, Error> {
        self.encode_reaching(DENSITY_REACH, config)
    }

    fn encode_reaching(&self, reach: f64, config: &ModelConfig) -> Result<Vec<f32>, Error> {
        let mut input = vec![0.0; config.control_width()];
        let (density, rest) = input.split_at_mut(N_DENSITY_BINS + 1);
        let (pitch_classes, composer) = rest.split_at_mut(N_PITCH_CLASSES + 1);
        match self.density {
            Some(d) if d.is_finite() && d >= 0.0 => {
                density_bins(d, reach).into_iter().for_each(|(bin, share)| density[bin] += share);
            }
            Some(d) => return Err(setting("density", "of 0 or more notes per second", d)),
            None => density[N_DENSITY_BINS] = 1.0,
        }
        match self.pitch_classes {
            Some(histogram) => {
                let sum: f32 = histogram.iter().sum();
                if histogram.iter().any(|&x| !x.is_finite() || x < 0.0) || sum <= 0.0 || !sum.is_finite() {
                    return Err(setting(
                        "pitch classes",
                        "of 12 weights, not all zero",
                        format!("{histogram:?}"),
                    ));
                }
                for (slot, x) in pitch_classes.iter_mut().zip(histogram) {
                    *slot = x / sum;
                }
            }
            None => pitch_classes[N_PITCH_CLASSES] = 1.0,
        }
        let n_composers = config.composers.len();
        composer[match self.composer {
            Some(index) if index < n_composers => index,
            Some(index) => return Err(setting("composer", &format!("below {n_composers}"), index)),
            None => n_composers,
        }] = 1.0;
        Ok(input)
    }
}

/// The end of a primer, by which what follows is measured, and how many seconds it takes.
pub(crate) fn last_half_minute(primer: &[Token]) -> (&[Token], f64) {
    let mut secs = 0.0;
    let begins_before = |token: &Token| {
        secs += duration_secs(&[*token]);
        secs > LIKE_SECS
    };
    let tokens = &primer[primer.iter().rposition(begins_before).unwrap_or(0)..];
    (tokens, duration_secs(tokens))
}

fn setting(name: &'static str, expected: &str, found: impl ToString) -> Error {
    Error::Setting { name, expected: expected.to_owned(), found: found.to_string() }
}

/// A density in notes per second lies between the middles of two bins, which have shares of it. Bins are: below 1,
/// then doublings, then 64 and above. What plays so many times further from the usual than it is told is told less.
fn density_bins(notes_per_second: f32, reach: f64) -> [(usize, f32); 2] {
    let last = N_DENSITY_BINS - 1;
    // In 64 bits and then rounded, because in 32 the last bit of a logarithm depends on the platform.
    let usual = USUAL_DENSITY.log2();
    let doublings = usual + (f64::from(notes_per_second).log2() - usual) / reach;
    let place = ((doublings + 0.5) as f32).clamp(0.0, last as f32);
    let (bin, share) = (place as usize, place.fract());
    [(bin, 1.0 - share), ((bin + 1).min(last), share)]
}

#[cfg(test)]
mod tests {
    use performance::{Event, Pitch, Shift};

    use super::*;

    #[test]
    fn densities_fall_in_doublings() {
        let encoded = |density| {
            let controls = Controls { density: Some(density), ..Controls::default() };
            controls.encode(&ModelConfig::default()).unwrap()[..=N_DENSITY_BINS].to_vec()
        };
        let raised = |shares: &[(usize, f32)]| {
            let mut bins = vec![0.0; N_DENSITY_BINS + 1];
            shares.iter().for_each(|&(bin, share)| bins[bin] = share);
            bins
        };
        for (density, bin) in [(0.0, 0), (0.5, 0), (128.0, 7), (500.0, 7)] {
            assert_eq!(encoded(density), raised(&[(bin, 1.0)]), "{density}");
        }
        // On the border of two bins is half in each; in the middle is in one.
        for border in 0..7 {
            assert_eq!(encoded((1 << border) as f32), raised(&[(border, 0.5), (border + 1, 0.5)]));
        }
        let middle = encoded(2f32.powf(2.5));
        assert!((middle[3] - 1.0).abs() < 1e-6, "{middle:?}");
    }

    #[test]
    fn guided_densities_are_told_nearer_to_the_usual() {
        let place = |density, reach| {
            let bins = density_bins(density, reach);
            bins.iter().map(|&(bin, share)| bin as f64 * f64::from(share)).sum::<f64>()
        };
        assert_eq!(place(9.0, DENSITY_REACH), place(9.0, 1.0));
        for density in [1.0, 3.0, 20.0] {
            let (asked, told) = (place(density, 1.0), place(density, DENSITY_REACH));
            let usual = place(9.0, 1.0);
            assert!(((asked - usual) - DENSITY_REACH * (told - usual)).abs() < 1e-5, "{density}");
        }
        assert_eq!(density_bins(0.0, DENSITY_REACH)[0], (0, 1.0));
    }

    #[test]
    fn more_of_the_same_is_as_dense_and_in_the_same_key() {
        let shift = |steps| Event::TimeShift(Shift::new(steps).unwrap()).into();
        let on = |pitch| Event::NoteOn(Pitch::new(pitch).unwrap()).into();
        let tokens = [on(60), shift(50), on(72), on(64), shift(75)];
        let like = Controls::like(&tokens);
        assert_eq!(like.density, Some(3.0));
        let mut expected = [DOUBT; N_PITCH_CLASSES];
        (expected[0], expected[4]) = (2.0 + DOUBT, 1.0 + DOUBT);
        assert_eq!(like.pitch_classes, Some(expected));
        // Only what came last.
        let long = [vec![on(61); 50], vec![shift(100); 40], tokens.to_vec()].concat();
        assert_eq!(Controls::like(&long).pitch_classes, Some(expected));
        for silent in [&[][..], &[shift(10)], &[on(60)]] {
            assert_eq!(Controls::like(silent), Controls::default());
        }
    }

    #[test]
    fn unset_controls_raise_their_own_flags_only() {
        let config = ModelConfig { composers: vec!["A".into(), "B".into()], ..ModelConfig::default() };
        let input = Controls::default().encode(&config).unwrap();
        let raised: Vec<usize> = (0..input.len()).filter(|&i| input[i] == 1.0).collect();
        assert_eq!(raised, [8, 8 + 1 + 12, input.len() - 1]);
        assert_eq!(input.iter().sum::<f32>(), 3.0);
    }

    #[test]
    fn nonsense_is_refused_with_what_was_found() {
        let refusal = |controls: Controls| controls.encode(&ModelConfig::default()).unwrap_err().to_string();
        assert_eq!(
            refusal(Controls { composer: Some(3), ..Controls::default() }),
            "expected composer below 0, found 3"
        );
        assert_eq!(
            refusal(Controls { density: Some(f32::NAN), ..Controls::default() }),
            "expected density of 0 or more notes per second, found NaN"
        );
        assert!(
            refusal(Controls { pitch_classes: Some([0.0; 12]), ..Controls::default() })
                .contains("not all zero")
        );
    }
}
