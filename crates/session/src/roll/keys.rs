//! Where the keys are.

use performance::Pitch;

/// The lowest and highest key of a piano.
const LOWEST: u8 = 21;
const HIGHEST: u8 = 108;
/// White keys of a piano.
const N_WHITE: f64 = 52.0;
/// A white key is at least this wide, in CSS pixels. Wider shows fewer octaves on a phone.
const MIN_WHITE_PX: f64 = 13.0;
/// Width of a black key, in white keys.
const BLACK: f64 = 0.58;
/// White keys below each pitch class, counted from C.
const WHITES_BELOW: [u8; 12] = [0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6];
/// How far a black key lies off the crack between its neighbors, in white keys: as on a real keyboard.
const BLACK_OFFSET: [f64; 12] = [0.0, -0.1, 0.0, 0.1, 0.0, 0.0, -0.14, 0.0, 0.0, 0.0, 0.14, 0.0];

/// The part of the keyboard that is in view, over a given width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keys {
    /// Width of a white key, in CSS pixels.
    pub white_px: f64,
    /// White keys left of the view; not whole while it moves.
    pub left: f64,
}

impl Keys {
    /// All keys if they fit, else those that do, from `left` on.
    #[must_use]
    pub fn new(width_px: f64, left: f64) -> Self {
        let n_visible = (width_px / MIN_WHITE_PX).floor().clamp(7.0, N_WHITE);
        Self { white_px: width_px / n_visible, left: left.clamp(0.0, N_WHITE - n_visible) }
    }

    /// Where the view would have to begin for `pitch` to be in its middle.
    #[must_use]
    pub fn left_for(width_px: f64, pitch: f64) -> f64 {
        let n_visible = (width_px / MIN_WHITE_PX).floor().clamp(7.0, N_WHITE);
        let white = (pitch - f64::from(LOWEST)) * 7.0 / 12.0;
        (white - n_visible / 2.0).clamp(0.0, N_WHITE - n_visible)
    }

    /// The keys of a piano, white ones first, so that black ones are drawn over them.
    pub fn all() -> impl Iterator<Item = Pitch> {
        let keys = || Pitch::all().filter(|pitch| (LOWEST..=HIGHEST).contains(&pitch.get()));
        keys().filter(|&pitch| !is_black(pitch)).chain(keys().filter(|&pitch| is_black(pitch)))
    }

    /// Left edge and width of a key, in CSS pixels.
    #[must_use]
    pub fn placement(&self, pitch: Pitch) -> (f64, f64) {
        let class = usize::from(pitch.get() % 12);
        let octave = f64::from(pitch.get() / 12) - 1.0;
        // A0, the lowest white key, is the sixth of octave 0.
        let white = octave * 7.0 + f64::from(WHITES_BELOW[class]) - 5.0 - self.left;
        if is_black(pitch) {
            ((white - BLACK / 2.0 + BLACK_OFFSET[class]) * self.white_px, BLACK * self.white_px)
        } else {
            (white * self.white_px, self.white_px)
        }
    }

    /// Left edge and width of the lane in which a key's notes fall: narrower than a white key, so that
    /// neighbors stay apart.
    #[must_use]
    pub fn lane(&self, pitch: Pitch) -> (f64, f64) {
        let (x, width) = self.placement(pitch);
        if is_black(pitch) { (x, width) } else { (x + 0.13 * width, 0.74 * width) }
    }
}

/// Whether a key is black.
#[must_use]
pub fn is_black(pitch: Pitch) -> bool {
    matches!(pitch.get() % 12, 1 | 3 | 6 | 8 | 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pitch(number: u8) -> Pitch {
        Pitch::new(number).unwrap()
    }

    #[test]
    fn a_piano_fills_the_width() {
        let keys = Keys::new(1040.0, 0.0);
        assert_eq!(keys.placement(pitch(21)), (0.0, 20.0));
        assert_eq!(keys.placement(pitch(60)), (23.0 * 20.0, 20.0));
        assert_eq!(keys.placement(pitch(108)), (1020.0, 20.0));
        assert_eq!(Keys::all().count(), 88);
        assert_eq!(Keys::all().filter(|&pitch| is_black(pitch)).count(), 36);
    }

    #[test]
    fn a_phone_shows_some_octaves_around_the_music() {
        let left = Keys::left_for(328.0, 60.0);
        let keys = Keys::new(328.0, left);
        let (x, width) = keys.placement(pitch(60));
        assert!(width >= MIN_WHITE_PX && (x - 164.0).abs() < 3.0 * width, "{x} {width}");
        assert_eq!(Keys::left_for(328.0, 21.0), 0.0);
        assert_eq!(Keys::left_for(2000.0, 60.0), 0.0);
    }
}
