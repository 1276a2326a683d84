//! Files that are dropped, a host that sends pages for what it has not, and waits that have an end.

use std::fs;
use std::path::Path;
use std::time::Duration;

use performance::midi;
use tests::browser::{Browser, Page, Setup};
use tests::midi_device::{MidiDevice, choose_device, keys_down};
use tests::site::{Site, Trouble};

use super::primers::scale;
use super::{SCALE_VELOCITY, SOON, START, composed, file, offline, play};

#[test]
fn of_several_files_one_is_taken_and_the_others_are_not_forgotten() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    page.button("Generate");
    let music = midi::write(&scale(SCALE_VELOCITY));
    let files = [
        file("notes.txt", b"none"),
        file("first.MID", &music),
        file("second.mid", &music),
        file("best.safetensors", b"none"),
    ];
    let paths: Vec<_> = files.iter().map(|(_, path)| path.as_path()).collect();
    page.select("body").drop_files(&paths);
    page.wait_for_text("Of 4 files, first.MID was taken.", SOON);
    page.wait_until("the primer", SOON, || page.select(".primer").text().contains("first.MID"));
    // A name of any length leaves the page as wide as it is.
    let (_folder, long) = file(&format!("{}.kar", "long".repeat(60)), &music);
    page.select("body").drop_files(&[&long]);
    page.wait_until("the primer", SOON, || page.select(".primer").text().contains("longlong"));
    let wider = page.evaluate("document.documentElement.scrollWidth - innerWidth");
    assert!(wider.as_i64() <= Some(0), "{wider} px wider");
    page.assert_no_errors();
}

/// The music goes on while a model is tried that turns out to be none.
#[test]
fn weights_that_are_dropped_are_offered_as_a_model() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    play(&page, 7);
    let (_folder, broken) = file("mine.safetensors", b"these are no weights");
    page.select("body").drop_files(&[&broken]);
    page.wait_for_text("mine.safetensors is a model.", SOON);
    page.button("Use this model").click();
    page.wait_for_text("mine.safetensors cannot be used as a model", SOON);
    let played = || page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default();
    let end = played() + 15.0;
    page.wait_until("music from beyond what was composed before", START, || played() > end);
    assert_eq!(page.evaluate("performanceRnn.playback()"), "Playing");
    // The released weights, by another name.
    let weights = fs::read_dir(site.folder().join("weights")).expect("weights");
    let weights = weights.map(|entry| entry.expect("a file").path());
    let weights =
        weights.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "safetensors"));
    let (_folder, mine) = file("mine.safetensors", &fs::read(weights.expect("weights")).expect("a file"));
    page.select("body").drop_files(&[&mine]);
    page.button("Use this model").click();
    page.wait_until("the model", START, || page.status().contains("mine"));
    page.assert_no_errors();
}

#[test]
fn a_page_in_place_of_a_file_is_recognized() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    site.trouble("/weights/", Trouble::PageInstead);
    let page = browser.open(&site.url("/?backend=cpu"));
    page.wait_until("a sentence", START, || page.status().contains("it sent a web page instead"));
    assert!(!page.status().contains("damaged"), "{}", page.status());
    site.mend();
    page.button("Retry").click();
    play(&page, 7);
    // One that has no worker yet.
    let Some(browser) = Browser::launch() else { return };
    site.trouble("worker_cpu", Trouble::PageInstead);
    let page = browser.open(&site.url("/?backend=cpu"));
    page.wait_until("a sentence", START, || page.status().contains("web page instead"));
}

/// The weights' name is their hash: bits that flipped on the disk do not play other music.
#[test]
fn a_bit_that_flipped_in_the_cache_is_noticed() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let visit = |page: &Page| {
        page.find("spinbutton", "Seed").fill("7");
        page.button("Generate").click();
        let music = composed(page, 200);
        page.button("Stop").click();
        music
    };
    let page = browser.open(&site.url("/?backend=cpu"));
    let music = visit(&page);
    // The worker's cache, and later the service worker's, too.
    let cached = |flip: u32| {
        page.evaluate(&format!(
            "(async () => {{
                const found = [];
                for (const name of await caches.keys()) {{
                    const cache = await caches.open(name);
                    for (const request of await cache.keys()) {{
                        if (!request.url.endsWith('.safetensors')) continue;
                        const bytes = new Uint8Array(await (await cache.match(request)).arrayBuffer());
                        const at = bytes.length - 2000;
                        bytes[at] ^= {flip};
                        if ({flip}) await cache.put(request, new Response(bytes));
                        found.push(bytes[at]);
                    }}
                }}
                return found;
            }})()"
        ))
    };
    offline::wait_until_complete(&page, &offline::version_of(&site));
    let right = cached(0);
    assert_eq!(right.as_array().map(Vec::len), Some(2), "{right}");
    assert_ne!(cached(0x40), right);
    page.reload();
    assert_eq!(visit(&page), music);
    page.wait_until("right bytes in the caches", SOON, || cached(0) == right);
    page.assert_no_errors();
}

/// `trunk serve` has the page without what `cargo xtask build` adds to it: names by content, a policy, a service worker.
#[test]
fn the_page_of_plain_trunk_plays() {
    let Some(folder) = std::env::var_os("PERFORMANCE_RNN_TRUNK") else {
        println!("skipped: PERFORMANCE_RNN_TRUNK does not name what Trunk built (`cargo xtask test` does)");
        return;
    };
    let (site, Some(browser)) = (Site::of(Path::new(&folder)), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    play(&page, 7);
    page.assert_no_errors();
}

#[test]
fn a_download_that_stalls_comes_to_an_end() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    site.trouble("/weights/", Trouble::StallsAfter(100_000));
    let page = browser.open(&site.url("/?backend=cpu"));
    let patience = Duration::from_secs(60);
    page.wait_until("a sentence", patience, || page.status().contains("nothing more has come"));
    site.mend();
    page.button("Retry").click();
    play(&page, 7);
}

/// A laptop is closed in the middle of the music, and opened again.
#[test]
fn the_music_goes_on_when_the_computer_wakes() {
    let (Some(site), Some(device)) = (Site::built(), MidiDevice::plug_in()) else { return };
    let Some(browser) = Browser::launch_with(&Setup { midi: Some(&device), ..Setup::default() }) else {
        return;
    };
    let page = browser.open(&site.url("/?backend=cpu"));
    play(&page, 7);
    let played = || page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default();
    page.wait_until("music", START, || played() > 2.0);
    browser.sleep(Duration::from_secs(15));
    let woken = played();
    page.wait_until("music again", SOON, || played() > woken + 2.0 && page.sound_peak() > 0.01);
    assert!(played() < woken + 10.0, "music was left out");

    // A device gets none of what it slept through at once.
    choose_device(&page, &browser);
    let before = device.received().len();
    page.wait_until("music at the device", START, || device.received().len() > before + 20);
    browser.sleep(Duration::from_secs(15));
    let asleep = device.received().len();
    page.wait_until("music at the device again", SOON, || device.received().len() > asleep + 20);
    let strikes: Vec<f64> = device.received()[asleep..]
        .iter()
        .filter(|message| message.strike().is_some())
        .map(|message| message.at.as_secs_f64())
        .collect();
    let most_at_once = strikes
        .iter()
        .map(|from| strikes.iter().filter(|&at| (*from..from + 0.1).contains(at)).count())
        .max();
    assert!(most_at_once < Some(15), "{most_at_once:?} strikes within 0.1 s");
    page.button("Stop").click();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(keys_down(&device.received()), [0_u8; 0]);
    page.assert_no_errors();
}
