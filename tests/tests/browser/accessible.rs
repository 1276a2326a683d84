//! The page without a mouse, without eyes, and at every width.

use std::fs;

use serde_json::Value;
use tests::browser::{Browser, Page, Scheme, screenshots};
use tests::performing::fugue;
use tests::site::Site;

use super::{SILENCE, SOON, START, file};

/// What axe-core finds, as lines; WCAG 2.2 up to AA, and best practices.
fn violations(page: &Page) -> Vec<String> {
    let found = page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(result => result.violations.flatMap(
            violation => violation.nodes.map(node => `${violation.id}: ${node.target} ${node.failureSummary}`)))",
    );
    let lines = found.as_array().cloned().unwrap_or_default();
    lines.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn axe_finds_nothing_in_either_theme_at_any_width() {
    let Ok(axe) = std::env::var("AXE") else {
        println!("skipped: AXE names no axe.min.js (npm fetches it for `cargo xtask test`)");
        return;
    };
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open_blank();
    page.run_first(&fs::read_to_string(axe).expect("axe.min.js"));
    page.go_to(&site.url("/?backend=cpu&seed=7"));
    let played = |secs: f64| page.evaluate("performanceRnn.played()").as_f64() > Some(secs);
    page.button("Generate").click();
    page.wait_until("music", START, || played(2.0));
    page.button("Shape").click();
    page.button("Mark to here").click();
    page.button("Four versions").click();
    page.wait_until("versions", SOON, || page.try_find("button", "Version 4").is_some());
    page.button("Pause").click();
    let mut found = violations_everywhere(&page, "axe");
    // A score, and everything there is to perform it.
    page.button("Done").click();
    let (_folder, score) = file("fugue.musicxml", fugue(8).as_bytes());
    page.select("main").drop_files(&[&score]);
    page.wait_until("a performance", START, || page.evaluate("performanceRnn.performed()").is_string());
    page.button("Conduct").click();
    page.button("Pause").click();
    found.extend(violations_everywhere(&page, "axe-perform"));
    found.dedup();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// In both themes and at all widths, with screenshots.
fn violations_everywhere(page: &Page, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for scheme in [Scheme::Light, Scheme::Dark] {
        page.prefer(scheme);
        for (width, height) in [(360, 740), (768, 1024), (1280, 800), (2560, 1440)] {
            page.resize(width, height);
            // Colors fade for a moment.
            std::thread::sleep(std::time::Duration::from_millis(400));
            page.screenshot(&screenshots().join(format!("{name}-{width}-{scheme:?}.png")));
            let too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth").as_f64();
            assert!(too_wide <= Some(0.0), "{too_wide:?} px too wide at {width}");
            found.extend(violations(page).into_iter().map(|line| format!("{width} {scheme:?}: {line}")));
        }
    }
    found
}

/// Generate, steer, branch, name, undo, without a mouse.
#[test]
fn the_keyboard_is_enough() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    page.button("Generate");
    let played = || page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default();
    let focused = || {
        page.evaluate(
            "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent
                ?? document.activeElement.textContent).trim()",
        )
    };
    let tab_to = |name: &str| {
        for _ in 0..120 {
            if focused() == name {
                return;
            }
            page.press("Tab");
        }
        panic!("Tab does not reach {name}, but {}", focused());
    };
    tab_to("Generate");
    page.press("Enter");
    page.wait_until("music", START, || played() > 1.0);
    page.press("h");
    page.find("slider", "Density");
    tab_to("Density");
    let before = page.find("slider", "Density").value();
    page.press("ArrowRight");
    page.wait_until("another density", SOON, || page.find("slider", "Density").value() != before);
    page.press("b");
    page.wait_until("a branch", SOON, || page.text().contains("No. 2"));
    tab_to("Rename performance 2");
    page.press("Enter");
    page.find("textbox", "Name of performance 2").fill("Other way");
    page.wait_for_text("Other way", SOON);
    // Single letters can be switched off.
    page.press("?");
    page.find("checkbox", "Single letters and digits are shortcuts").click();
    page.press("Escape");
    page.wait_until("no dialog", SOON, || page.evaluate("document.querySelector('dialog').open") == false);
    page.press("b");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!page.text().contains("No. 3"), "a letter that is switched off");
    page.press("Escape");
    page.wait_until("silence", SOON, || page.sound_peak() < SILENCE);
    page.assert_no_errors();
}

/// A notice moves nothing that somebody is about to press, is seen wherever the page is scrolled to, and hides nothing
/// that has the focus (WCAG 2.2, 2.4.11).
#[test]
fn notices_stay_out_of_the_way() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    let (_folder, broken) = file("song.mid", b"MThd\0\0");
    let buttons =
        "[...document.querySelectorAll('.transport > button')].map(e => e.getBoundingClientRect().x)";
    page.button("Generate");
    let opened = page.evaluate(buttons);
    page.button("Generate").click();
    page.wait_until("music", START, || page.try_find("button", "Pause").is_some());
    assert_eq!(page.evaluate(buttons), opened, "loading and playing move buttons");
    page.press("Escape");
    let places = "[...document.querySelectorAll('main button, main input, main select')]
        .filter(element => !element.closest('.notices')).map(element => {
            const box = element.getBoundingClientRect();
            return [box.x, box.y + scrollY].map(Math.round);
        })";
    for (width, height) in [(360, 740), (1280, 800)] {
        page.resize(width, height);
        let before = page.evaluate(places);
        page.choose_files("Primer MIDI file", &[&broken]);
        page.wait_until("a notice", SOON, || page.try_find("button", "Dismiss").is_some());
        page.screenshot(&screenshots().join(format!("notice-{width}.png")));
        assert_eq!(page.evaluate(places), before, "at {width}");

        page.evaluate("scrollTo(0, document.body.scrollHeight)");
        let seen = "(() => {
            const box = document.querySelector('.notices li').getBoundingClientRect();
            return box.top >= 0 && box.bottom <= innerHeight;
        })()";
        page.wait_until("the notice at the page's end", SOON, || page.evaluate(seen) == true);
        let hidden = page.evaluate(
            "[...document.querySelectorAll('main button, main input, main select')].reverse().filter(element => {
                element.focus();
                const box = element.getBoundingClientRect();
                const above = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                return document.activeElement === element && !element.closest('.notices') && above?.closest('.notices');
            }).map(element => element.outerHTML)",
        );
        assert_eq!(hidden, serde_json::json!([]), "at {width}");
        page.evaluate("scrollTo(0, 0)");
        page.button("Dismiss").click();
    }
    page.assert_no_errors();
}
