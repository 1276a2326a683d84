//! Pause, seek, branches, versions, spans that come back, and undo.

use std::time::Duration;

use performance::{Input, Recipe, Token};
use tests::browser::{Browser, Page, screenshots};
use tests::endurance::tokens;
use tests::site::Site;
use tests::steering::{as_heard, recipe};

use super::replay::replayed;
use super::{SILENCE, SOON, START};

fn played(page: &Page) -> f64 {
    page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default()
}

fn playback(page: &Page) -> String {
    page.evaluate("performanceRnn.playback()").as_str().unwrap_or_default().to_owned()
}

/// The performance on stage is what native code makes of its recipe.
#[track_caller]
fn assert_replays(page: &Page) -> (Recipe, Vec<Token>) {
    let (recipe, heard) = (recipe(page), tokens(page));
    assert_eq!(heard, as_heard(&recipe, &replayed(&recipe, heard.len())), "not what the recipe gives");
    (recipe, heard)
}

#[test]
fn music_rests_and_is_sought() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    assert!(page.try_find("button", "Pause").is_none(), "nothing to pause");
    page.button("Generate").click();
    page.wait_until("music", START, || played(&page) > 4.0);
    page.button("Pause").click();
    page.wait_until("silence", SOON, || page.sound_peak() < SILENCE);
    let rested = played(&page);
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!((playback(&page).as_str(), played(&page)), ("Paused", rested));
    page.button("Play").click();
    page.wait_until("music again", SOON, || played(&page) > rested + 0.5 && page.sound_peak() > 0.001);
    assert!(played(&page) < rested + 5.0, "it goes on where it was");
    let before = played(&page);
    page.press("ArrowLeft");
    page.wait_until("an earlier place", SOON, || played(&page) < before - 2.0);
    page.wait_until("music there", SOON, || playback(&page) == "Playing");
    // The keys of the help are there.
    page.press("p");
    page.wait_until("a pause", SOON, || playback(&page) == "Paused");
    page.press("p");
    page.wait_until("music", SOON, || playback(&page) == "Playing");
    page.button("Stop").click();
    page.wait_until("silence", SOON, || page.sound_peak() < SILENCE);
    let stopped = played(&page);
    page.button("Play").click();
    page.wait_until("the rest", SOON, || playback(&page) == "Playing" && played(&page) > stopped);
    assert_replays(&page);
    page.assert_no_errors();
}

#[test]
fn a_branch_and_four_versions_go_on_from_a_moment() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    page.button("Generate").click();
    page.wait_until("music", START, || played(&page) > 3.0);
    let first = tokens(&page);
    page.button("Branch").click();
    let branches = |page: &Page| {
        recipe(page).log.entries().iter().filter(|entry| matches!(entry.input, Input::Seed(_))).count()
    };
    page.wait_until("the branch", SOON, || branches(&page) == 1 && playback(&page) == "Playing");
    let (log, heard) = assert_replays(&page);
    let at = log.log.entries().last().expect("a seed").at;
    assert_eq!(heard[..at - 1], first[..at - 1], "the same until there");

    page.button("Four versions").click();
    page.wait_until("the versions", SOON, || branches(&page) == 2 && playback(&page) == "Playing");
    let mut ways = Vec::new();
    for key in ["1", "2", "3", "4"] {
        page.press(key);
        page.wait_until("the version", SOON, || {
            let is_chosen = page
                .button(&format!("Version {key}"))
                .call("function() { return this.ariaPressed }", serde_json::json!([]));
            is_chosen == "true" && playback(&page) == "Playing"
        });
        let way = assert_replays(&page).1;
        assert!(!ways.contains(&way), "each its own");
        ways.push(way);
    }
    page.press("2");
    page.wait_until("music", SOON, || playback(&page) == "Playing");
    page.screenshot(&screenshots().join("versions.png"));
    page.button("Keep this one").click();
    page.button("Stop").click();
    for id in 1..=6 {
        page.button(&format!("Play performance {id}"));
    }
    // Undo takes the versions away, and the branch; redo brings them back.
    page.button("Undo").click();
    page.wait_until("no versions", SOON, || page.try_find("button", "Play performance 6").is_none());
    page.button("Redo").click();
    page.button("Play performance 6");
    page.assert_no_errors();
}

#[test]
fn a_marked_span_comes_back_and_is_looped() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    page.button("Generate").click();
    page.wait_until("music", START, || played(&page) > 5.0);
    page.button("Mark to here").click();
    page.find("combobox", "Transposed by").choose("5");
    page.button("Bring back").click();
    let quote = page.wait_for("the span", SOON, || {
        let quoted = |input: &Input| match input {
            Input::Events(tokens) if tokens.len() > 1 => Some(tokens.clone()),
            _ => None,
        };
        recipe(&page).log.entries().iter().find_map(|entry| quoted(&entry.input))
    });
    let back_at = played(&page);
    page.wait_until("music after it", SOON, || played(&page) > back_at + 5.0);
    let (_, heard) = assert_replays(&page);
    let strikes = |tokens: &[Token]| {
        let events = tokens.iter().map(|&token| performance::Event::from(token));
        events.filter(|event| matches!(event, performance::Event::NoteOn(_))).count()
    };
    assert!(strikes(&quote) > 3, "{} notes come back", strikes(&quote));
    assert!(strikes(&heard) > strikes(&quote) + 5, "and the network goes on");

    page.button("Loop").click();
    let span_end = 5.5;
    page.evaluate(
        "window.wentBack = 0; window.lastPlayed = 0; setInterval(() => {
        const played = performanceRnn.played();
        if (played < window.lastPlayed - 1) window.wentBack += 1;
        window.lastPlayed = played;
    }, 20); undefined",
    );
    for _ in 0..4 {
        page.press("ArrowLeft");
    }
    page.wait_until("the span twice", Duration::from_secs(30), || {
        page.evaluate("window.wentBack").as_u64() >= Some(2) && played(&page) < span_end + 1.0
    });
    page.press("l");
    page.wait_until("music after the span", SOON, || played(&page) > span_end + 1.5);
    page.button("Stop").click();
    page.assert_no_errors();
}

#[test]
fn performances_are_named_starred_removed_and_none_is_lost() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7&length=30"));
    page.button("Generate").click();
    page.wait_until("music", START, || played(&page) > 1.0);
    page.button("Stop").click();
    page.button("Rename performance 1").click();
    page.find("textbox", "Name of performance 1").fill("Theme");
    page.wait_for_text("Theme", SOON);
    page.button("Star performance 1").click();
    page.button("Remove performance 1").click();
    page.wait_until("an empty list", SOON, || page.try_find("button", "Play performance 1").is_none());
    page.button("Undo").click();
    page.wait_for_text("Theme", SOON);
    page.button("Undo").click();
    page.button("Undo").click();
    page.wait_for_text("No. 1", SOON);
    page.assert_no_errors();
}
