//! What follows a primer, and what does not change it.

use performance::{Event, Performance, Token, midi};
use tests::browser::{Browser, Page};
use tests::site::Site;

use super::primers::{scale, study};
use super::{SCALE_VELOCITY, SOON, START, composed, file, numbers, play, play_and_download, software_gpu};

#[test]
fn a_primer_is_continued() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/"));
    let (_folder, file) = file("scale.mid", &midi::write(&scale(SCALE_VELOCITY)));
    page.choose_files("Primer MIDI file", &[&file]);
    page.wait_for_text("scale.mid", SOON);
    let tokens = play_and_download(&page, 7);
    assert!(tokens.len() > 50, "{} events", tokens.len());
    page.assert_no_errors();
}

/// The same file that native code is compared with, `tests/released`: velocity offset and controls included.
#[test]
fn a_primer_is_continued_as_native_code_does_and_as_loud_as_it_was() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    let tokens = after_a_scale(&page);
    let velocity = |number| match Event::from(Token::new(number as u16).expect("a token")) {
        Event::Velocity(bin) => Some(u32::from(bin.velocity().get())),
        _ => None,
    };
    let velocities: Vec<u32> = tokens.into_iter().filter_map(velocity).collect();
    let mean = velocities.iter().sum::<u32>() / velocities.len() as u32;
    println!("after velocity {SCALE_VELOCITY} it plays {mean}");
    // Of itself the network comes back to about 60.
    assert!(mean.abs_diff(SCALE_VELOCITY.into()) < 20, "{mean} after {SCALE_VELOCITY}");
    page.assert_no_errors();
}

#[test]
fn webgpu_continues_a_primer_as_native_code_does() {
    let (Some(site), Some(browser)) = (Site::built(), software_gpu()) else { return };
    let page = browser.open(&site.url("/?backend=webgpu"));
    after_a_scale(&page);
    assert!(page.status().contains("software WebGPU"), "{}", page.status());
    page.assert_no_errors();
}

/// What the page plays with seed 7 after a scale, which is what native code plays.
#[track_caller]
fn after_a_scale(page: &Page) -> Vec<u64> {
    after(page, &scale(SCALE_VELOCITY), include_str!("../../released/after-a-scale.txt"))
}

/// The same after any primer.
#[track_caller]
fn after(page: &Page, primer: &Performance, native: &str) -> Vec<u64> {
    let native = numbers(native);
    assert_eq!(native.len(), 300);
    continue_from(page, primer);
    let tokens = composed(page, 300);
    assert_eq!(tokens, native);
    tokens
}

/// Has the page play on from a primer with seed 7.
#[track_caller]
fn continue_from(page: &Page, primer: &Performance) {
    let (_folder, file) = file("primer.mid", &midi::write(primer));
    page.choose_files("Primer MIDI file", &[&file]);
    page.wait_for_text("primer.mid", SOON);
    play(page, 7);
}

/// Primers by their number of events, and what native code plays after them.
const LONG_PRIMERS: [(usize, &str); 3] = [
    (300, include_str!("../../released/after-300.txt")),
    (5_000, include_str!("../../released/after-5000.txt")),
    (50_000, include_str!("../../released/after-50000.txt")),
];

/// Of the longer ones the end is read, here as in native code.
#[test]
fn long_primers_are_continued_as_native_code_does() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    for (n_events, native) in LONG_PRIMERS {
        let page = browser.open(&site.url("/?backend=cpu"));
        after(&page, &study(n_events), native);
        page.assert_no_errors();
    }
}

#[test]
fn webgpu_continues_long_primers_as_native_code_does() {
    let (Some(site), Some(browser)) = (Site::built(), software_gpu()) else { return };
    for (n_events, native) in LONG_PRIMERS {
        let page = browser.open(&site.url("/?backend=webgpu"));
        after(&page, &study(n_events), native);
        assert!(page.status().contains("software WebGPU"), "{}", page.status());
        page.assert_no_errors();
    }
}

/// However soft or loud the primer, and whenever a worker dies: not a note is changed.
#[test]
fn a_worker_that_dies_changes_nothing_of_what_follows_a_primer() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    for (velocity, native, deaths) in [
        (1, include_str!("../../released/after-velocity-1.txt"), [20, 150]),
        (64, include_str!("../../released/after-velocity-64.txt"), [1, 90]),
        (127, include_str!("../../released/after-velocity-127.txt"), [40, 200]),
    ] {
        let page = browser.open(&site.url("/?backend=cpu"));
        let (_folder, file) = file("primer.mid", &midi::write(&scale(velocity)));
        page.choose_files("Primer MIDI file", &[&file]);
        page.wait_for_text("primer.mid", SOON);
        page.find("spinbutton", "Seed").fill("7");
        page.button("Generate").click();
        for n in deaths {
            composed(&page, n);
            page.in_workers("void setTimeout(() => { throw new Error('killed by a test'); })");
            page.wait_until("the crash", SOON, || page.status().contains("killed by a test"));
        }
        assert_eq!(composed(&page, 300), numbers(native), "after velocity {velocity}");
    }
}

#[test]
fn a_gpu_that_is_lost_changes_nothing_of_what_follows_a_primer() {
    let Some(site) = Site::built() else { return };
    for (velocity, native, n) in [
        (1, include_str!("../../released/after-velocity-1.txt"), 1),
        (64, include_str!("../../released/after-velocity-64.txt"), 150),
        (127, include_str!("../../released/after-velocity-127.txt"), 70),
    ] {
        let Some(browser) = software_gpu() else { return };
        let page = browser.open(&site.url("/?backend=webgpu"));
        continue_from(&page, &scale(velocity));
        composed(&page, n);
        browser.crash_gpu();
        page.wait_until("the CPU at work", START, || page.status().contains("Running on CPU"));
        assert_eq!(composed(&page, 300), numbers(native), "after velocity {velocity}");
    }
}
