//! The browser harness on a page made for it: every way of looking and acting that `tests::browser` offers.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::browser::{Browser, Page, Scheme, Setup, WebGpu};
use tests::midi_device::MidiDevice;
use tests::site::{Site, Trouble};

const SOON: Duration = Duration::from_secs(10);

fn site() -> Site {
    Site::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/harness"))
}

#[track_caller]
fn said(page: &Page, text: &str) {
    page.wait_until(&format!("the status {text:?}"), SOON, || page.status() == text);
}

#[test]
fn controls_are_found_by_name_and_used() {
    let Some(browser) = Browser::launch() else { return };
    let page = browser.open(&site().url("/"));
    page.button("Later").click(); // Disabled at first.
    said(&page, "later");
    page.button("Covered").click(); // Something lies over it at first.
    said(&page, "covered");
    page.find("spinbutton", "Seed").fill("42");
    said(&page, "seed 42");
    page.find("slider", "Temperature").choose("1.5");
    said(&page, "temperature 1.5");
    let output = page.find("combobox", "Output");
    assert_eq!(output.options(), ["Built-in piano", "Other"]);
    output.choose("Other");
    said(&page, "output b");
    assert_eq!(output.value(), "b");
    assert!(page.button("Play").is_enabled());
    assert!(page.try_find("button", "Nonsense").is_none());
    page.evaluate("document.activeElement.blur()");
    page.press("Space");
    said(&page, "key Space");
    page.press("d");
    said(&page, "key KeyD");
    page.assert_no_errors();
}

#[test]
fn files_are_chosen_dropped_and_downloaded() {
    let Some(browser) = Browser::launch() else { return };
    let page = browser.open(&site().url("/"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mid");
    fs::write(&file, "MThd").unwrap();
    page.choose_files("Primer file", &[&file]);
    said(&page, "primer a.mid MThd");
    page.select("#drop").drop_files(&[&file]);
    said(&page, "dropped a.mid MThd");
    let saved = page.download(|| page.find("link", "Save").click());
    assert_eq!(saved.file_name().unwrap(), "a.mid");
    assert_eq!(fs::read(saved).unwrap(), b"MThd");
}

#[test]
fn sound_is_heard_after_a_click_only() {
    let Some(browser) = Browser::launch() else { return };
    let page = browser.open(&site().url("/"));
    page.evaluate("play.onclick()");
    assert_eq!(page.sound_states(), "suspended", "a scripted call must not count as a gesture");
    assert_eq!(page.sound_peak(), 0.0);
    page.reload();
    page.button("Play").click();
    page.wait_until("the tone", SOON, || (page.sound_peak() - 0.25).abs() < 0.01);
    page.button("Stop").click();
    page.wait_until("silence", SOON, || page.sound_peak() == 0.0);
}

#[test]
fn errors_are_caught_in_page_and_worker() {
    let Some(browser) = Browser::launch() else { return };
    let page = browser.open(&site().url("/"));
    page.assert_no_errors();
    page.evaluate("void broken()");
    let has = |words: &str| page.errors().iter().any(|error| error.contains(words));
    page.wait_until("the worker's exception", SOON, || has("the worker broke"));
    page.wait_until("the worker's words", SOON, || page.console() == ["the worker runs"]);
    page.evaluate("void setTimeout(() => { throw new Error('the page broke') })");
    page.wait_until("the page's exception", SOON, || has("the page broke"));
    page.evaluate("fetch('missing.bin').then(() => {})");
    page.wait_until("the failed request", SOON, || has("missing.bin"));
}

#[test]
fn pictures_have_the_size_and_scheme_asked_for() {
    let Some(browser) = Browser::launch() else { return };
    let page = browser.open_blank();
    page.resize(360, 740);
    page.prefer(Scheme::Dark);
    page.go_to(&site().url("/"));
    assert_eq!(page.evaluate("`${innerWidth} ${innerHeight}`"), "360 740");
    assert_eq!(page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(0, 0, 0)");
    page.prefer(Scheme::Light);
    assert_eq!(page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.png");
    page.screenshot(&file);
    let png = fs::read(file).unwrap();
    assert_eq!(png[16..24], [0, 0, 1, 104, 0, 0, 2, 228], "360 × 740 in the PNG's header");
}

#[test]
fn webgpu_is_absent_or_computed_by_the_processor() {
    let adapter = "navigator.gpu ? navigator.gpu.requestAdapter().then(a => a ? a.info.vendor + ' ' + a.info.architecture : 'none') : 'none'";
    let Some(browser) = Browser::launch() else { return };
    assert_eq!(browser.open(&site().url("/")).evaluate(adapter), "none");
    let Some(browser) = Browser::launch_with(&Setup { webgpu: WebGpu::Software, ..Setup::default() }) else {
        return;
    };
    let found = browser.open(&site().url("/")).evaluate(adapter);
    assert!(found.as_str().unwrap_or_default().contains("swiftshader"), "found {found}");
}

#[test]
fn midi_reaches_the_device_on_time() {
    let Some(device) = MidiDevice::plug_in() else { return };
    let Some(browser) = Browser::launch_with(&Setup { midi: Some(&device), ..Setup::default() }) else {
        return;
    };
    browser.allow_midi();
    let page = browser.open(&site().url("/"));
    assert_eq!(page.evaluate("midi()"), MidiDevice::NAME);
    page.wait_until("two messages", SOON, || device.received().len() == 2);
    let received = device.received();
    assert_eq!(received[0].bytes, [0x90, 60, 64]);
    assert_eq!(received[1].bytes[..2], [0x80, 60]);
    let apart = (received[1].at - received[0].at).as_secs_f64();
    assert!((apart - 0.25).abs() < 0.05, "250 ms apart, not {apart} s");
}

#[test]
fn midi_can_be_refused() {
    let Some(device) = MidiDevice::plug_in() else { return };
    let Some(browser) = Browser::launch_with(&Setup { midi: Some(&device), ..Setup::default() }) else {
        return;
    };
    browser.refuse_midi();
    let page = browser.open(&site().url("/"));
    assert_eq!(page.evaluate("navigator.requestMIDIAccess().catch(error => error.name)"), "NotAllowedError");
}

#[test]
fn connections_break_and_mend() {
    let Some(browser) = Browser::launch() else { return };
    let site = site();
    let page = browser.open(&site.url("/"));
    let fetch =
        "fetch('worker.js?x').then(answer => answer.text()).then(text => text.length, error => error.name)";
    let length = fs::read(site.folder().join("worker.js")).unwrap().len();
    assert_eq!(page.evaluate(fetch), length);
    site.trouble("worker.js", Trouble::BreaksAfter(200));
    assert_eq!(page.evaluate(fetch), "TypeError");
    site.mend();
    site.trouble("worker.js", Trouble::Slow(2000));
    assert_eq!(page.evaluate(fetch), length);
    assert_eq!(site.requests(), ["/", "/worker.js?x", "/worker.js?x", "/worker.js?x"]);
}
