//! Which music time lies at which height of the roll.

use super::{RollView, Smooth, Zoom};

/// What of the music the roll shows. The keys lie below it, and heights are counted from its top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lens {
    /// Height of the roll above the keys, in CSS pixels.
    pub height_px: f64,
    /// Where the play-head is: at the keys, or on its way up a page.
    pub head_px: f64,
    /// Music time at the keys, in microseconds; below 0 before the music.
    bottom_us: f64,
    px_per_us: f64,
}

impl Lens {
    /// Notes fall, and the lower edge of each reaches the keys when it sounds. Without motion, pages are
    /// turned, and the play-head goes up.
    #[must_use]
    pub fn new(view: &RollView, height_px: f64, zoom: Zoom, smooth: Smooth) -> Self {
        let px_per_us = zoom.px_per_sec() / 1e6;
        let bottom_us = match smooth {
            Smooth::Yes => view.shown_us,
            Smooth::No => {
                let page_us = (height_px / px_per_us).max(1.0);
                (view.shown_us / page_us).floor() * page_us
            }
        };
        let head_px = height_px - (view.shown_us - bottom_us) * px_per_us;
        Self { height_px, head_px, bottom_us, px_per_us }
    }

    /// Where a time lies.
    #[must_use]
    pub fn y_px(&self, at_us: f64) -> f64 {
        self.height_px - (at_us - self.bottom_us) * self.px_per_us
    }

    /// The time at a height.
    #[must_use]
    pub fn at_us(&self, y_px: f64) -> f64 {
        self.bottom_us + (self.height_px - y_px) / self.px_per_us
    }

    /// What is in view, in microseconds since the music's start.
    #[must_use]
    pub fn range_us(&self) -> (u64, u64) {
        (self.bottom_us.max(0.0) as u64, self.at_us(0.0).max(0.0) as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shown_us: f64) -> RollView {
        let mut view = RollView::default();
        view.shown_us = shown_us;
        view
    }

    #[test]
    fn a_note_reaches_the_keys_when_it_sounds() {
        let lens = Lens::new(&view(5_000_000.0), 288.0, Zoom::default(), Smooth::Yes);
        assert_eq!((lens.y_px(5_000_000.0), lens.head_px), (288.0, 288.0));
        assert_eq!(lens.y_px(6_000_000.0), 192.0, "a second ahead");
        assert_eq!((lens.at_us(288.0), lens.at_us(0.0)), (5_000_000.0, 8_000_000.0));
        assert_eq!(lens.range_us(), (5_000_000, 8_000_001));
        assert_eq!(Lens::new(&view(-1_000_000.0), 288.0, Zoom::default(), Smooth::Yes).range_us().0, 0);
    }

    #[test]
    fn without_motion_pages_are_turned() {
        let lens_at = |us| Lens::new(&view(us), 288.0, Zoom::default(), Smooth::No);
        let (first, later, next) = (lens_at(100_000.0), lens_at(2_900_000.0), lens_at(3_000_000.0));
        assert_eq!(first.range_us(), later.range_us(), "notes stand still");
        assert_eq!(
            [first.head_px, later.head_px].map(|px| (px * 10.0).round()),
            [2784.0, 96.0],
            "the play-head goes up"
        );
        assert_eq!((next.range_us().0, next.head_px), (3_000_000, 288.0), "a page further");
    }
}
