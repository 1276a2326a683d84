//! How much music a height of the roll shows.

/// Height of a second of music, in CSS pixels, unless zoomed. Larger spreads fast passages; smaller sees
/// further ahead.
const PX_PER_SEC: f64 = 96.0;
/// What one press on a button does.
const STEP: f64 = std::f64::consts::SQRT_2;
const FACTORS: std::ops::RangeInclusive<f64> = 0.25..=4.0;

/// How much the roll is enlarged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom(f64);

impl Default for Zoom {
    fn default() -> Self {
        Self(1.0)
    }
}

impl Zoom {
    /// Enlarged by `ratio`, within limits.
    #[must_use]
    pub fn by(self, ratio: f64) -> Self {
        let factor = self.0 * ratio;
        if factor.is_finite() { Self(factor.clamp(*FACTORS.start(), *FACTORS.end())) } else { self }
    }

    /// A step larger.
    #[must_use]
    pub fn enlarged(self) -> Self {
        self.by(STEP)
    }

    /// A step smaller.
    #[must_use]
    pub fn reduced(self) -> Self {
        self.by(1.0 / STEP)
    }

    /// Whether it can be enlarged, and whether it can be reduced.
    #[must_use]
    pub fn has_room(self) -> (bool, bool) {
        (self.enlarged() != self, self.reduced() != self)
    }

    /// Height of a second of music, in CSS pixels.
    #[must_use]
    pub fn px_per_sec(self) -> f64 {
        PX_PER_SEC * self.0
    }

    /// The text that [`Zoom::from_value`] reads.
    #[must_use]
    pub fn value(self) -> String {
        format!("{:.4}", self.0)
    }

    /// The zoom of a stored text; the usual one if it is none.
    #[must_use]
    pub fn from_value(value: &str) -> Self {
        value.parse().map_or_else(|_| Self::default(), |factor| Self::default().by(factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stay_within_limits_and_lead_back() {
        let usual = Zoom::default();
        assert_eq!(usual.enlarged().enlarged().px_per_sec().round(), 192.0);
        assert!((usual.enlarged().reduced().px_per_sec() - 96.0).abs() < 1e-9);
        let mut largest = usual;
        (0..9).for_each(|_| largest = largest.enlarged());
        assert_eq!((largest.px_per_sec(), largest.has_room()), (384.0, (false, true)));
        assert_eq!((usual.by(f64::NAN), usual.by(0.0).px_per_sec()), (usual, 24.0));
    }

    #[test]
    fn stored_texts_are_read_again() {
        assert_eq!(Zoom::from_value(&Zoom::default().by(2.0).value()).px_per_sec(), 192.0);
        for nonsense in ["", "large", "NaN", "inf"] {
            assert_eq!(Zoom::from_value(nonsense), Zoom::default(), "{nonsense}");
        }
    }
}
