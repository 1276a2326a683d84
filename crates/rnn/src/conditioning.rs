//! Controls as the network's input.
//!
//! Each control has its own "unset" flag and is dropped at random in training. So each one is optional in
//! generation. Source: Magenta's conditional Performance RNN.

use performance::{Controls, N_PITCH_CLASSES};

use crate::{Error, ModelConfig};

/// Density bins, with borders at 1, 2, 4, 8, 16, 32 and 64 notes per second.
pub const N_DENSITY_BINS: usize = 8;

/// People's mean density, in notes per second.
pub const MEAN_DENSITY: f64 = 9.0;

/// Guidance (`takes::GUIDANCE`) overshoots density by this factor, in doublings from [`MEAN_DENSITY`], so the
/// density input is pulled toward the mean by the same factor. Larger plays nearer to the mean.
///
/// Source: `performance-rnn fit-density`, 16 minutes of each of 12 densities from 1 to 24 notes a second, with the
/// weights of 126.9 million events; `docs/quality.md` has what is played with it.
pub const DENSITY_OVERSHOOT: f64 = 1.18;

impl ModelConfig {
    /// The network's controls input, as in training.
    ///
    /// # Shapes
    /// [`control_width`](Self::control_width) numbers: density bins, unset; pitch classes, unset; composers,
    /// unset.
    ///
    /// # Errors
    /// If a control is not a usable number, or the composer is not one of the model's.
    pub fn encode(&self, controls: &Controls) -> Result<Vec<f32>, Error> {
        self.encode_overshooting(controls, 1.0)
    }

    /// The controls input for guided sampling, as [`Takes`](crate::Takes) use it: guidance overshoots
    /// density, so the density input is pulled toward the mean.
    ///
    /// # Shapes
    /// As [`encode`](Self::encode).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_guided(&self, controls: &Controls) -> Result<Vec<f32>, Error> {
        self.encode_overshooting(controls, DENSITY_OVERSHOOT)
    }

    fn encode_overshooting(&self, controls: &Controls, overshoot: f64) -> Result<Vec<f32>, Error> {
        controls.check()?;
        let mut input = vec![0.0; self.control_width()];
        let (density, rest) = input.split_at_mut(N_DENSITY_BINS + 1);
        let (pitch_classes, composer) = rest.split_at_mut(N_PITCH_CLASSES + 1);
        match controls.density {
            Some(d) => density_bins(d, overshoot).into_iter().for_each(|(bin, share)| density[bin] += share),
            None => density[N_DENSITY_BINS] = 1.0,
        }
        match controls.pitch_classes {
            Some(weights) => {
                let sum: f32 = weights.iter().sum();
                pitch_classes.iter_mut().zip(weights).for_each(|(slot, weight)| *slot = weight / sum);
            }
            None => pitch_classes[N_PITCH_CLASSES] = 1.0,
        }
        let n_composers = self.composers.len();
        composer[match controls.composer {
            Some(index) if index < n_composers => index,
            Some(index) => {
                let expected = format!("below {n_composers}");
                return Err(Error::Setting { name: "composer", expected, found: index.to_string() });
            }
            None => n_composers,
        }] = 1.0;
        Ok(input)
    }
}

/// A density in notes per second lies between the middles of two bins and is split between them. Bins are:
/// below 1, then doublings, then 64 and above. The distance from the mean, in doublings, is divided by
/// `overshoot`.
fn density_bins(notes_per_second: f32, overshoot: f64) -> [(usize, f32); 2] {
    let last = N_DENSITY_BINS - 1;
    // In 64 bits and then rounded, because in 32 the last bit of a logarithm depends on the platform.
    let mean = MEAN_DENSITY.log2();
    let doublings = mean + (f64::from(notes_per_second).log2() - mean) / overshoot;
    let place = ((doublings + 0.5) as f32).clamp(0.0, last as f32);
    let (bin, share) = (place as usize, place.fract());
    [(bin, 1.0 - share), ((bin + 1).min(last), share)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_fall_in_doublings() {
        let encoded = |density| {
            let controls = Controls { density: Some(density), ..Controls::default() };
            ModelConfig::default().encode(&controls).unwrap()[..=N_DENSITY_BINS].to_vec()
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
        let place = |density, overshoot| {
            let bins = density_bins(density, overshoot);
            bins.iter().map(|&(bin, share)| bin as f64 * f64::from(share)).sum::<f64>()
        };
        assert_eq!(place(9.0, DENSITY_OVERSHOOT), place(9.0, 1.0));
        for density in [1.0, 3.0, 20.0] {
            let (asked, told) = (place(density, 1.0), place(density, DENSITY_OVERSHOOT));
            let usual = place(9.0, 1.0);
            assert!(((asked - usual) - DENSITY_OVERSHOOT * (told - usual)).abs() < 1e-5, "{density}");
        }
        assert_eq!(density_bins(0.0, DENSITY_OVERSHOOT)[0], (0, 1.0));
    }

    #[test]
    fn unset_controls_raise_their_own_flags_only() {
        let config = ModelConfig { composers: vec!["A".into(), "B".into()], ..ModelConfig::default() };
        let input = config.encode(&Controls::default()).unwrap();
        let raised: Vec<usize> = (0..input.len()).filter(|&i| input[i] == 1.0).collect();
        assert_eq!(raised, [8, 8 + 1 + 12, input.len() - 1]);
        assert_eq!(input.iter().sum::<f32>(), 3.0);
    }

    #[test]
    fn nonsense_is_refused_with_what_was_found() {
        let refusal = |controls: Controls| ModelConfig::default().encode(&controls).unwrap_err().to_string();
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
