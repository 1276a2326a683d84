//! The piano learns from a visitor's music, and plays what it learned.

use std::path::PathBuf;
use std::time::Duration;

use performance::{Note, Performance, Pitch, Velocity, midi};
use pollster::block_on;
use rnn::{Continuation, Quantized};
use sha2::{Digest, Sha256};
use tests::browser::{Browser, Page, screenshots};
use tests::site::Site;

use super::{SOON, START, composed, play};

/// Learning some thousand events on two busy cores.
pub(crate) const LEARNED: Duration = Duration::from_secs(400);

/// A figure that goes round and round, in a key of its own: easy to learn, and not what the released weights
/// expect.
pub(crate) fn study(key: u8) -> Performance {
    let note = |i: u64| Note {
        pitch: Pitch::new(48 + key + [0, 7, 12, 16, 19, 16, 12, 7][i as usize % 8]).expect("a pitch"),
        velocity: Velocity::new(64).expect("a velocity"),
        start_us: i * 160_000,
        end_us: i * 160_000 + 120_000,
    };
    Performance::new((0..400).map(note).collect())
}

/// Three studies, one of them twice, and a file that is no music.
pub(crate) fn music() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let studies = [0, 3, 7, 7].map(|key| midi::write(&study(key)));
    let mut files = Vec::new();
    for (i, bytes) in studies.iter().map(Vec::as_slice).chain([&b"no music"[..]]).enumerate() {
        files.push(folder.path().join(format!("study-{i}.mid")));
        std::fs::write(&files[i], bytes).expect("a temporary file");
    }
    (folder, files)
}

/// Opens the panel, brings the music, and waits until it is read.
pub(crate) fn bring(page: &Page, files: &[PathBuf]) {
    page.button("Teach").click();
    let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
    page.choose_files("Music to learn from", &files);
    page.wait_for_text("2 of 5 left out", START);
    page.wait_for_text("3\u{a0}pieces", SOON);
}

/// Losses before and after, from the sentence that says what came of it.
#[track_caller]
pub(crate) fn losses(page: &Page) -> [f64; 2] {
    let status = page.status();
    let said = status.split("from ").nth(1).unwrap_or_else(|| panic!("no losses in {status}"));
    let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [from, to, ..] = numbers[..] else { panic!("no losses in {said}") };
    [from, to]
}

#[test]
fn a_visitor_teaches_the_piano_and_it_plays_what_it_learned() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&teach_events=9000"));
    let (_folder, files) = music();
    page.button("Generate");
    assert!(!site.requests().iter().any(|path| path.contains("worker_burn")), "nobody has asked for it yet");
    bring(&page, &files);
    page.button("Start learning").click();
    page.wait_until("learning", START, || page.status().contains("% learned"));
    page.screenshot(&screenshots().join("learning.png"));
    page.wait_until("an outcome", LEARNED, || page.status().contains("Learned: from"));
    page.screenshot(&screenshots().join("learned.png"));
    let [from, to] = losses(&page);
    println!("from {from} to {to} nats/event");
    assert!(to < from - 0.1, "from {from} to {to}");

    // It plays already; what it plays follows from the file that the visitor can keep.
    page.wait_for_text("Model: study-0 and 2 more", START);
    let file = page.download(|| page.button("Save the model study-0 and 2 more").click());
    let weights = std::fs::read(file).expect("the download");
    let network = Quantized::load(&weights).expect("weights");
    play(&page, 7);
    let played = composed(&page, 100);
    let recipe = page.evaluate("performanceRnn.recipe()");
    let recipe = serde_json::from_str(recipe.as_str().expect("a recipe")).expect("a recipe");
    let mut native = Continuation::new(&network, recipe).expect("a take");
    block_on(native.advance(100)).expect("a hundred events");
    let native: Vec<u64> = native.tokens().iter().map(|token| token.get().into()).collect();
    assert_eq!(played, native[..100], "native code plays what the page plays");
    let recipe = midi::read(&std::fs::read(page.download(|| page.button("Download MIDI").click())).unwrap());
    let origin = recipe.expect("a MIDI file").lineage.and_then(|lineage| lineage.origin).expect("a recipe");
    let hash: String = Sha256::digest(&weights).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(hash.starts_with(&origin.hex()), "the recipe names {}, the model is {hash}", origin.hex());

    // Another model takes over in the middle of the music, and back.
    page.find("radio", "The released model").click();
    page.wait_for_text("Model: base", START);
    let n = super::tokens(&page).len();
    composed(&page, n + 50);
    assert_eq!(page.evaluate("performanceRnn.playback()"), "Playing", "it never stopped");

    // It is there on the next visit, until it is deleted; the released model plays while it does.
    page.reload();
    page.button("Teach").click();
    page.wait_for_text("study-0 and 2 more", START);
    page.button("Delete the model study-0 and 2 more").click();
    page.wait_until("no models", SOON, || !page.text().contains("study-0 and 2 more"));
    page.assert_no_errors();
}

#[test]
fn learning_goes_on_after_a_reload() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&teach_events=6000"));
    let (_folder, files) = music();
    bring(&page, &files);
    page.button("Start learning").click();
    page.wait_until("some steps", LEARNED, || {
        let status = page.status();
        status.contains("% learned") && !status.contains("0 % learned,")
    });
    page.button("Pause").click();
    page.wait_until("a rest", SOON, || page.status().contains("paused"));
    // The page says that it rests at once; the worker keeps where it stands after the step that it is in.
    page.wait_until("a checkpoint", START, || {
        let keys = "new Promise(resolve => {
            const request = indexedDB.open('performance-rnn');
            request.onsuccess = () => {
                const keys = request.result.transaction('taught').objectStore('taught').getAllKeys();
                keys.onsuccess = () => { request.result.close(); resolve(keys.result.join(' ')); };
            };
        })";
        page.evaluate(keys).as_str().is_some_and(|keys| keys.contains("run/checkpoint"))
    });
    page.reload();
    page.button("Teach").click();
    page.wait_for_text("An earlier visit had learned", START);
    page.button("Go on from there").click();
    page.wait_until("an outcome", LEARNED, || page.status().contains("Learned: from"));
    page.assert_no_errors();
}

/// Models lay in a database of their own once.
#[test]
fn what_an_earlier_version_kept_is_there() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    page.evaluate(
        r#"new Promise((resolve, reject) => {
            const request = indexedDB.open('performance-rnn-teaching', 1);
            request.onupgradeneeded = () => request.result.createObjectStore('files');
            request.onerror = () => reject(request.error);
            request.onsuccess = () => {
                const model = { id: 'etude 1', name: 'etude', made_ms: 1, pieces: 1, nats: [2.5, 2.25] };
                const transaction = request.result.transaction('files', 'readwrite');
                transaction.objectStore('files').put(JSON.stringify(model), 'model/etude 1');
                transaction.objectStore('files').put(new Uint8Array([1, 2, 3]), 'model/etude 1/weights');
                transaction.oncomplete = () => { request.result.close(); resolve(true); };
            };
        })"#,
    );
    page.button("Teach").click();
    page.wait_for_text("etude", START);
    let file = page.download(|| page.button("Save the model etude").click());
    assert_eq!(std::fs::read(file).expect("the download"), [1, 2, 3]);
    let names = page.evaluate("indexedDB.databases().then(all => all.map(one => one.name).sort().join())");
    assert_eq!(names, "performance-rnn", "the earlier database is gone");
    page.reload();
    page.button("Teach").click();
    page.wait_for_text("etude", START);
    page.assert_no_errors();
}

#[test]
fn too_little_music_gets_a_sentence() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    let (_folder, files) = music();
    page.button("Teach").click();
    page.choose_files("Music to learn from", &[&files[4]]);
    page.wait_for_text("1 of 1 left out", START);
    assert!(page.try_find("button", "Start learning").is_none(), "there is nothing to learn from");
    let short = files[4].with_file_name("short.mid");
    let notes = study(0).notes()[..40].to_vec();
    std::fs::write(&short, midi::write(&Performance::new(notes))).unwrap();
    page.choose_files("Music to learn from", &[&short]);
    page.button("Start learning").click();
    page.wait_until("a sentence", START, || page.status().contains("too little music to learn from"));
    page.assert_no_errors();
}
