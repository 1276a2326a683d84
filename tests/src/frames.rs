//! How smoothly an hour's roll is drawn.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::endurance::tokens;
use crate::site::Site;
use crate::times::Times;

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

/// Frames that were drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    /// From frame to frame.
    pub between: Times,
    /// What drawing takes of each.
    pub drawing: Times,
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
        let [between, drawing]: [Vec<f64>; 2] =
            serde_json::from_value(page.evaluate(TAKE)).expect("times of frames");
        Self { between: Times::new(between), drawing: Times::new(drawing) }
    }

    /// For people.
    #[must_use]
    pub fn to_words(&self) -> String {
        format!("from frame to frame {}; drawing {}", self.between.to_words(), self.drawing.to_words())
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "between": self.between.to_json(), "drawing": self.drawing.to_json() })
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
            format!("scrolling through {} events: {}", self.events, self.scrolling.to_words()),
            format!("playing in their middle: {}", self.playing.to_words()),
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
