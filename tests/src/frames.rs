//! How smoothly an hour's roll is drawn.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::endurance::tokens;
use crate::site::Site;

/// Composing an hour on a machine that does other things as well.
const COMPOSE: Duration = Duration::from_secs(900);
/// Between two presses on a key while it scrolls.
const PRESS: Duration = Duration::from_millis(100);
/// How long it is watched while it plays.
const PLAY: Duration = Duration::from_secs(10);

/// Times how long each frame's callbacks take, and the time between frames.
const WATCH: &str = "
(() => {
    const request = window.requestAnimationFrame.bind(window);
    const frames = window.__frames = { began: [], took: new Map() };
    window.requestAnimationFrame = callback => request(time => {
        const start = performance.now();
        callback(time);
        frames.took.set(time, (frames.took.get(time) ?? 0) + performance.now() - start);
    });
    const next = time => { frames.began.push(time); request(next); };
    request(next);
})();";

/// What was drawn since the last call: milliseconds between frames, and those that drawing took in each.
const TAKE: &str = "(() => {
    const { began, took } = window.__frames;
    const between = began.slice(1).map((time, i) => time - began[i]);
    const work = [...took.values()];
    began.length = 0;
    took.clear();
    return [between, work];
})()";

/// Times of frames, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    /// From frame to frame, sorted.
    between_ms: Vec<f64>,
    /// What drawing takes, sorted.
    work_ms: Vec<f64>,
}

/// While an hour is scrolled through, and while it plays in the middle.
#[derive(Clone, Debug, PartialEq)]
pub struct HourOfFrames {
    /// Events of the hour.
    pub events: usize,
    /// Pressing PageUp all through it.
    pub scrolling: Frames,
    /// Playing.
    pub playing: Frames,
}

impl Frames {
    #[track_caller]
    fn take(page: &Page) -> Self {
        let [mut between_ms, mut work_ms]: [Vec<f64>; 2] =
            serde_json::from_value(page.evaluate(TAKE)).expect("times of frames");
        between_ms.sort_by(f64::total_cmp);
        work_ms.sort_by(f64::total_cmp);
        Self { between_ms, work_ms }
    }

    /// What drawing takes in at least this share of the frames, in milliseconds.
    #[must_use]
    pub fn work_ms(&self, share: f64) -> f64 {
        quantile(&self.work_ms, share)
    }

    /// Time from frame to frame, at most so in this share of the frames, in milliseconds.
    #[must_use]
    pub fn between_ms(&self, share: f64) -> f64 {
        quantile(&self.between_ms, share)
    }

    /// For people.
    #[must_use]
    pub fn to_line(&self) -> String {
        let three = |value: &dyn Fn(f64) -> f64| {
            format!("p50 {:.1} ms, p95 {:.1} ms, max {:.1} ms", value(0.5), value(0.95), value(1.0))
        };
        format!(
            "{} frames; from frame to frame {}; drawing {}",
            self.between_ms.len(),
            three(&|share| self.between_ms(share)),
            three(&|share| self.work_ms(share)),
        )
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let three = |value: &dyn Fn(f64) -> f64| json!({ "p50_ms": value(0.5), "p95_ms": value(0.95), "max_ms": value(1.0) });
        json!({
            "frames": self.between_ms.len(),
            "between": three(&|share| self.between_ms(share)),
            "drawing": three(&|share| self.work_ms(share)),
        })
    }
}

impl HourOfFrames {
    /// Has the page compose `music_secs` of music, scrolls through it, and plays it from the middle on.
    #[must_use]
    pub fn measure(site: &Site, browser: &Browser, music_secs: u32) -> Self {
        let page = browser.open_blank();
        page.run_first(WATCH);
        page.go_to(&site.url(&format!("/?backend=cpu&seed=1&length={music_secs}")));
        page.button("Generate").click();
        let slider = || page.find("slider", "Position");
        page.wait_until("all of the music", COMPOSE, || {
            slider().attribute("aria-valuemax").parse::<u32>().is_ok_and(|secs| secs + 5 >= music_secs)
        });
        let events = tokens(&page).len();
        slider().focus();
        page.press("Home");
        std::thread::sleep(PLAY / 5);
        Frames::take(&page);
        for _ in 0..music_secs / 30 {
            page.press("PageUp");
            std::thread::sleep(PRESS);
        }
        let scrolling = Frames::take(&page);
        slider().click_at((0.5, 0.5));
        // It ended when the scrolling did.
        if let Some(play) = page.try_find("button", "Play") {
            play.click();
        }
        page.wait_until("music from the middle on", COMPOSE, || {
            page.evaluate("performanceRnn.playback()") == "Playing"
                && page.evaluate("performanceRnn.played()").as_f64() > Some(f64::from(music_secs) / 2.1)
        });
        Frames::take(&page);
        std::thread::sleep(PLAY);
        let playing = Frames::take(&page);
        page.button("Stop").click();
        Self { events, scrolling, playing }
    }

    /// For people.
    #[must_use]
    pub fn to_lines(&self) -> [String; 2] {
        [
            format!("scrolling through {} events: {}", self.events, self.scrolling.to_line()),
            format!("playing in their middle: {}", self.playing.to_line()),
        ]
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "events": self.events, "scrolling": self.scrolling.to_json(), "playing": self.playing.to_json(),
        })
    }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((share * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
}
