//! Without a loudspeaker: the music goes by the computer's clock, and is heard when there is sound again.

use std::time::Duration;

use tests::browser::{Browser, Page};
use tests::site::Site;

const START: Duration = Duration::from_secs(60);

/// A stand-in for a sound device that can be pulled: while `pulled` holds a state, contexts have that state and a clock
/// that stands still.
const DEVICE: &str = "
(() => {
    const base = BaseAudioContext.prototype;
    const real = name => Object.getOwnPropertyDescriptor(base, name).get;
    const [time, state] = [real('currentTime'), real('state')];
    let stopped = new WeakMap();
    window.pulled = null;
    const isPulled = context => window.pulled !== null && context instanceof AudioContext;
    Object.defineProperty(base, 'currentTime', { configurable: true, get() {
        const now = time.call(this);
        if (!isPulled(this)) { stopped.delete(this); return now; }
        if (!stopped.has(this)) stopped.set(this, now);
        return stopped.get(this);
    } });
    Object.defineProperty(base, 'state', { configurable: true, get() {
        return isPulled(this) ? window.pulled : state.call(this);
    } });
})();";

fn open(browser: &Browser, site: &Site) -> Page {
    let page = browser.open_blank();
    page.run_first(DEVICE);
    page.go_to(&site.url("/?backend=cpu&seed=3"));
    page
}

fn played(page: &Page) -> f64 {
    page.evaluate("performanceRnn.played()").as_f64().unwrap_or(0.0)
}

const WORDS: &str = "no sound device";

#[test]
fn without_a_sound_device_the_music_is_seen_and_kept_and_heard_when_one_comes() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    for state in ["running", "suspended"] {
        let page = open(&browser, &site);
        page.evaluate(&format!("pulled = '{state}'"));
        page.button("Generate").click();
        page.wait_until("music on the computer's clock", START, || played(&page) > 2.0);
        page.wait_until("the words", START, || page.status().contains(WORDS));
        assert!(!page.status().contains("holding the sound"), "{state}: {}", page.status());
        let file = page.download(|| page.button("Download MIDI").click());
        assert!(std::fs::metadata(file).expect("the download").len() > 100);
        page.evaluate("pulled = null");
        page.wait_until("sound", START, || page.sound_peak() > 1e-3);
        assert!(!page.status().contains(WORDS), "{state}: {}", page.status());
        page.button("Stop").click();
        page.wait_until("silence", START, || page.sound_peak() < 1e-4);
        page.assert_no_errors();
    }
}

#[test]
fn a_clock_that_freezes_while_it_plays_is_not_waited_for() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = open(&browser, &site);
    page.button("Generate").click();
    page.wait_until("sound", START, || page.sound_peak() > 1e-3);
    page.evaluate("pulled = 'running'");
    let at_secs = played(&page);
    page.wait_until("music without sound", START, || played(&page) > at_secs + 2.0);
    assert!(page.status().contains(WORDS), "{}", page.status());
    page.evaluate("pulled = null");
    page.wait_until("the words to go", START, || !page.status().contains(WORDS));
    let at_secs = played(&page);
    page.wait_until("music goes on", START, || played(&page) > at_secs + 1.0);
    page.assert_no_errors();
}

/// A call on a phone, a locked screen.
#[test]
fn music_waits_for_a_sound_that_was_taken_away() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = open(&browser, &site);
    page.button("Generate").click();
    page.wait_until("music", START, || played(&page) > 1.0);
    for state in ["suspended", "interrupted"] {
        page.evaluate(&format!("pulled = '{state}'"));
        page.wait_until("a sentence", START, || page.status().contains("took the sound away"));
        let at_secs = played(&page);
        std::thread::sleep(Duration::from_secs(3));
        assert!(played(&page) - at_secs < 0.2, "{state}: from {at_secs} to {} s", played(&page));
        page.evaluate("pulled = null");
        page.wait_until("music goes on", START, || played(&page) > at_secs + 1.0);
        page.wait_until("the sentence to go", START, || !page.status().contains("took the sound away"));
    }
    page.assert_no_errors();
}
