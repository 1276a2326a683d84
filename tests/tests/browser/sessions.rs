//! Nothing is lost: reloads, crashes, other tabs, full disks, and files that bring everything back.

use std::fs;
use std::time::Duration;

use performance::playback::micros;
use performance::{Lineage, Made, Token, midi};
use serde_json::Value;
use tests::browser::{Browser, Page, Setup, Storage};
use tests::endurance::tokens;
use tests::kept::{kept, wait_until_kept};
use tests::site::Site;
use tests::steering::{as_heard, recipe, set_temperature};

use super::replay::replayed;
use super::{SOON, START, composed, file};

/// Plays a seed for some seconds of music, and stops.
#[track_caller]
fn perform(page: &Page, seed: u32, secs: f64) -> Vec<Token> {
    page.find("spinbutton", "Seed").fill(&seed.to_string());
    page.button("Generate").click();
    wait_for_music(page, secs);
    page.button("Stop").click();
    page.wait_until("the end", SOON, || playback(page) == "Stopped");
    tokens(page)
}

#[track_caller]
fn wait_for_music(page: &Page, secs: f64) {
    page.wait_until("music", START, || played(page) > secs);
}

fn played(page: &Page) -> f64 {
    page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default()
}

fn playback(page: &Page) -> String {
    page.evaluate("performanceRnn.playback()").as_str().unwrap_or_default().to_owned()
}

/// Waits until what was kept is on the page again.
#[track_caller]
fn wait_until_opened(page: &Page) {
    page.wait_until("the session", START, || !kept(page).session.is_empty());
}

/// The names of the performances in the list.
fn listed(page: &Page) -> Vec<String> {
    let names = "[...document.querySelectorAll('.takes:not(.session) li .name > :first-child')].map(e => e.textContent.trim())";
    serde_json::from_value(page.evaluate(names)).expect("texts")
}

/// While it plays, in the middle of a performance that was changed: it goes on as if nothing had been.
#[test]
fn a_reload_keeps_all_at_the_same_place() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    let first = perform(&page, 7, 3.0);
    page.button("Star performance 1").click();
    page.find("spinbutton", "Seed").fill("8");
    page.find("slider", "Volume").choose("35");
    page.button("Generate").click();
    wait_for_music(&page, 2.0);
    set_temperature(&page, 10);
    wait_for_music(&page, 5.0);
    let before = (tokens(&page), recipe(&page), played(&page));
    page.reload();
    wait_until_opened(&page);
    page.wait_until("the performance", SOON, || !tokens(&page).is_empty());

    assert_eq!(playback(&page), "Stopped", "silent until Play");
    assert_eq!(recipe(&page), before.1);
    // What was heard is there. What was composed ahead in the last moment may come anew, and is the same.
    let kept = tokens(&page);
    let n = kept.len().min(before.0.len());
    assert_eq!(kept[..n], before.0[..n]);
    assert!(micros(&kept) as f64 > 1e6 * before.2, "{} of {} events", kept.len(), before.0.len());
    let position: u64 = page.select(".time").text().trim_start_matches("0:").parse().expect("seconds");
    assert!((before.2 - position as f64).abs() < 1.5, "at {position} s instead of {} s", before.2);
    assert_eq!(listed(&page), ["No. 2", "No. 1"]);
    assert_eq!(page.find("slider", "Volume").value(), "35");
    assert_eq!(page.find("spinbutton", "Seed").value(), "8");
    assert_eq!(page.find("slider", "Temperature").value(), "0.7");
    assert_eq!(
        page.button("Star performance 1").call("function() { return this.ariaPressed }", Value::Null),
        "true"
    );
    assert_eq!(page.sound_peak(), 0.0);

    // It goes on in the worker, which gets recipe and tokens.
    page.button("Play").click();
    page.wait_until("more music", START, || tokens(&page).len() > before.0.len() + 100);
    let (heard, recipe) = (tokens(&page), recipe(&page));
    page.button("Stop").click();
    assert_eq!(heard, as_heard(&recipe, &replayed(&recipe, heard.len())), "not what the recipe gives");
    // The other one is all there.
    page.button("Play performance 1").click();
    page.wait_until("the other performance", SOON, || tokens(&page) == first);
    page.assert_no_errors();
}

/// The tab's process is killed, and then the whole browser: what is a second old is kept.
#[test]
fn a_crash_loses_no_more_than_a_second() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    page.button("Generate").click();
    wait_for_music(&page, 3.0);
    let known = tokens(&page);
    std::thread::sleep(Duration::from_millis(2_500));
    page.crash();

    let page = browser.open(&site.url("/?backend=cpu"));
    wait_until_opened(&page);
    page.wait_until("the performance", SOON, || tokens(&page).starts_with(&known));
    let second = perform(&page, 8, 2.0);
    wait_until_kept(&page);

    let Some(browser) = browser.kill_and_restart() else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    wait_until_opened(&page);
    page.wait_until("the performance", SOON, || tokens(&page) == second);
    assert_eq!(listed(&page), ["No. 2", "No. 1"]);
    assert!(!page.status().contains("Another tab"), "{}", page.status());
}

const ELSEWHERE: &str =
    "Another tab has this session open. This one began a new one; the other's takes are in the list.";

/// A new tab and a duplicated one begin sessions of their own, and neither overwrites the first.
#[test]
fn two_tabs_never_overwrite_each_other() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let first = browser.open(&site.url("/?backend=cpu"));
    let music = perform(&first, 7, 2.0);
    wait_until_kept(&first);

    let second = browser.open(&site.url("/?backend=cpu"));
    second.wait_for_text(ELSEWHERE, SOON);
    second.wait_for_text("open in another tab", SOON);
    let other = perform(&second, 8, 2.0);
    wait_until_kept(&second);
    let copy = first.duplicate();
    copy.wait_for_text(ELSEWHERE, SOON);
    perform(&copy, 9, 2.0);
    wait_until_kept(&copy);
    let sessions = [&first, &second, &copy].map(|page| kept(page).session);
    assert!(
        sessions[0] != sessions[1] && sessions[0] != sessions[2] && sessions[1] != sessions[2],
        "{sessions:?}"
    );

    // BeepBox's case: the copy is closed, the first is discarded and comes back.
    copy.close();
    first.reload();
    wait_until_opened(&first);
    first.wait_until("the performance", SOON, || tokens(&first) == music);
    assert_eq!(kept(&first).session, sessions[0]);
    assert_eq!(listed(&first), ["No. 1"]);
    assert!(!first.status().contains("Another tab"), "{}", first.status());

    // The other's takes can be brought here, and stay there.
    let bring = "document.querySelector('.session li button').click()";
    let other_line = "[...document.querySelectorAll('.session li')].findIndex(e => e.innerText.includes('open in another tab'))";
    let index = first.evaluate(other_line).as_u64().expect("the other session");
    first.evaluate(&bring.replace("li button", &format!("li:nth-child({}) button", index + 1)));
    first.wait_until("the other's performance", SOON, || listed(&first).len() == 2);
    first.button("Play performance 2").click();
    first.wait_until("its music", SOON, || tokens(&first) == other);
    assert_eq!(tokens(&second), other);
    for page in [&first, &second] {
        page.assert_no_errors();
    }
}

/// The sentence, and nothing lost while the tab lives; when there is room again, all of it is kept.
#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    wait_until_opened(&page);
    page.limit_storage(Some(1));
    let music = perform(&page, 7, 2.0);
    page.wait_for_text(
        "The browser has no room left for performances. They stay until the tab is closed",
        SOON,
    );
    assert_eq!(tokens(&page), music);
    let saved = page.download(|| page.button("Save session…").click());
    assert!(fs::metadata(saved).expect("the file").len() > 300);

    page.limit_storage(None);
    page.wait_until("the music on the disk", Duration::from_secs(60), || {
        !page.status().contains("no room left")
    });
    page.reload();
    page.wait_until("the performance", START, || tokens(&page) == music);
}

#[test]
fn a_browser_that_keeps_nothing_plays_and_says_so() {
    let setup = Setup { storage: Storage::Refused, ..Setup::default() };
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch_with(&setup)) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    page.button("Generate");
    assert!(!page.status().contains("keeps nothing"), "nothing to read before the first note");
    let music = perform(&page, 7, 2.0);
    page.wait_for_text("This browser keeps nothing for this page", SOON);
    assert_eq!(tokens(&page), music);
    assert_eq!(listed(&page), ["No. 1"]);
    let saved = page.download(|| page.button("Save session…").click());
    page.reload();
    page.button("Generate");
    page.choose_files("Open session…", &[&saved]);
    page.wait_until("the performance", SOON, || tokens(&page) == music);
}

/// A private window keeps everything as long as it is open, and shares nothing.
#[test]
fn a_private_window_keeps_its_own() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let open = browser.open(&site.url("/?backend=cpu"));
    perform(&open, 8, 1.0);
    wait_until_kept(&open);
    let page = browser.open_private();
    page.go_to(&site.url("/?backend=cpu"));
    let music = perform(&page, 7, 2.0);
    wait_until_kept(&page);
    page.reload();
    page.wait_until("the performance", START, || tokens(&page) == music);
    assert_eq!(listed(&page), ["No. 1"]);
    page.assert_no_errors();
}

#[test]
fn a_session_is_a_file_and_comes_back_beside_what_is_there() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    let music = perform(&page, 7, 2.0);
    let saved = page.download(|| page.button("Save session…").click());
    assert_eq!(saved.extension().and_then(|name| name.to_str()), Some("prnn"));
    let bytes = fs::read(&saved).expect("the file");

    // In another profile: everything as it was, once there is nothing else.
    let Some(other) = Browser::launch() else { return };
    let there = other.open(&site.url("/?backend=cpu"));
    there.button("Generate");
    there.select("main").drop_files(&[&saved]);
    there.wait_until("the performance", SOON, || tokens(&there) == music);
    there.wait_for_text("1\u{a0}performance is in the list", SOON);
    assert_eq!(playback(&there), "Stopped");
    let own = perform(&there, 8, 2.0);
    // Beside what is there.
    there.choose_files("Open session…", &[&saved]);
    there.wait_until("both", SOON, || listed(&there).len() == 3);
    assert_eq!(tokens(&there), own, "what is on stage stays there");
    there.button("Undo").click();
    there.wait_until("one less", SOON, || listed(&there).len() == 2);

    // Damaged ones change nothing.
    for (name, bytes) in [
        ("cut.prnn", bytes[..20].to_vec()),
        ("newer.prnn", [b"PRNN\x09", &bytes[5..]].concat()),
        ("noise.prnn", [b"PRNN\x01", [0xA5; 4096].as_slice()].concat()),
    ] {
        let (_folder, path) = file(name, &bytes);
        there.select("main").drop_files(&[&path]);
        there.wait_for_text(&format!("{name} cannot be opened: it"), SOON);
        assert_eq!((listed(&there).len(), tokens(&there)), (2, own.clone()), "{name}");
    }
    there.assert_no_errors();
}

/// A downloaded file brings its recipe back: it can be branched, and is no mere primer.
#[test]
fn a_downloaded_file_comes_back_as_a_performance() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    let music = perform(&page, 7, 3.0);
    let recipe_there = recipe(&page);
    let downloaded = page.download(|| page.button("Download MIDI").click());
    let import = midi::read(&fs::read(&downloaded).expect("the file")).expect("music");
    let Some(Lineage { origin: Some(origin), recipe: carried, made: Made::Tokens(_) }) = import.lineage
    else {
        panic!("no recipe in the file");
    };
    assert_eq!((&carried, origin.revision), (&recipe_there, rnn::REVISION));

    let Some(other) = Browser::launch() else { return };
    let there = other.open(&site.url("/?backend=cpu"));
    there.button("Generate");
    there.select("main").drop_files(&[&downloaded]);
    there.wait_for_text("carries its recipe", SOON);
    assert_eq!((tokens(&there), recipe(&there)), (music.clone(), recipe_there));
    assert_eq!(playback(&there), "Stopped");
    assert_eq!(listed(&there), ["performance-rnn-7"]);
    // It is not the next primer, unless that is asked for.
    assert!(!there.text().contains("performance-rnn-7.mid ·"));
    there.button("Use as a primer").click();
    there.wait_until("the primer", SOON, || {
        there.select(".field.primer").text().contains("performance-rnn-7.mid")
    });

    // Damaged, it is music.
    let mut bytes = fs::read(&downloaded).expect("the file");
    let at = bytes.windows(5).position(|window| window == b"\x7DPRNN").expect("the event") + 40;
    bytes[at] ^= 1;
    let (_folder, path) = file("damaged.mid", &bytes);
    there.select("main").drop_files(&[&path]);
    there.wait_until("the primer", SOON, || there.select(".field.primer").text().contains("damaged.mid"));
    assert!(there.text().contains("its recipe is damaged and was not used"));
    assert_eq!(tokens(&there), music);
    assert!(composed(&there, 10).len() == 10);
    there.assert_no_errors();
}
