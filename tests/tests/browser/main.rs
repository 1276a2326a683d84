//! The built page in a real browser.

mod accessible;
mod burn;
mod continued;
mod device;
mod doors;
mod engines;
mod offline;
mod perform;
#[path = "../../released/primers.rs"]
mod primers;
mod replay;
mod roll;
mod sessions;
mod shape;
mod share;
mod silent;
mod steering;
mod takes;
mod teach;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use performance::{Note, Token, encode, midi};
use primers::scale;
use tests::browser::{Browser, Page, Scheme, Setup, WebGpu, screenshots};
use tests::endurance::{begins_secs, endure, on_time, tokens};
use tests::listening::{Sound, recorded};
use tests::midi_device::MidiDevice;
use tests::site::{Site, Trouble};

/// Compiling the page, fetching the weights and reading them, on two busy cores.
const START: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_secs(20);

/// Quieter than this is silence: the last of the reverb.
const SILENCE: f64 = 1e-3;

/// A stop is silent after this many milliseconds. 100 on a machine that has nothing else to do.
const STOP_MS: f64 = 200.0;

#[test]
fn the_page_opens_without_errors() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/"));
    page.button("Generate");
    assert_eq!(page.evaluate("document.title"), "Performance RNN");
    page.assert_no_errors();
}

#[test]
fn a_performance_is_generated_heard_stopped_and_downloaded() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/"));
    play(&page, 482_913);
    page.wait_until("some seconds of music", START, || {
        page.evaluate("performanceRnn.played()").as_f64() > Some(5.0)
    });
    page.wait_until("WebAssembly at work", SOON, || page.status().contains("CPU"));
    page.button("Stop").click();
    let milliseconds = page.wait_for("silence", SOON, || page.silent_after_click());
    println!("silent {milliseconds:.0} ms after the click on Stop");
    assert!(milliseconds < STOP_MS, "silent only {milliseconds} ms after the click on Stop");
    page.wait_until("lasting silence", SOON, || page.sound_peak() < SILENCE);
    let written = performance::decode(&download(&page)).performance;
    let onsets = page.sound_onsets();
    let began = onsets.iter().copied().fold(f64::MAX, f64::min);
    let heard = onsets.iter().copied().fold(f64::MIN, f64::max) - began;
    let first = written.notes()[0].start_us;
    let begins: Vec<_> = written.notes().iter().map(|note| (note.start_us - first) as f64 / 1e6).collect();
    let played: Vec<_> = begins.iter().filter(|begin| **begin < heard).collect();
    assert!(played.len() > 10, "{} notes", played.len());
    for begin in played {
        let is_heard = onsets.iter().any(|onset| (onset - began - begin).abs() < 0.002);
        assert!(is_heard, "nothing begins {begin} s after the first note, but {onsets:?}");
    }
    page.assert_no_errors();
}

/// The file of sound has what the file of notes has, when it has it.
#[test]
fn a_performance_is_downloaded_as_sound() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7&length=70"));
    // Longer than a part of the recording, so that one follows on another.
    let sound = Sound::read(&recorded(&page, 70));
    let written = performance::decode(&download(&page)).performance;
    let end_secs = written.duration_us() as f64 / 1e6;
    let heard = sound.heard();
    println!("{heard:?}");
    assert!((end_secs..end_secs + 5.0).contains(&heard.secs), "{heard:?}, but the notes end at {end_secs} s");
    assert!(heard.peak_db < -0.1 && heard.loudness_db > -40.0 && heard.cut == 0, "{heard:?}");
    // What is handed to an instrument begins a little after nothing.
    let lead_secs = 0.06;
    let begin_secs = |note: &Note| note.start_us as f64 / 1e6 + lead_secs;
    let notes = written.notes();
    assert_eq!(sound.power(0.0, begin_secs(&notes[0]) - 0.01), 0.0, "before the first note");
    // A soft note need not be heard above a loud one that sounds.
    let stands_out = |note: &Note| {
        let mut sounding =
            notes.iter().filter(|other| (other.start_us..other.end_us).contains(&note.start_us));
        sounding.all(|other| other.velocity <= note.velocity)
    };
    let apart = notes.windows(2).filter(|pair| pair[1].start_us - pair[0].start_us > 100_000);
    let (mut n, mut louder) = (0, 0);
    for begin in apart.map(|pair| &pair[1]).filter(|note| stands_out(note)).map(begin_secs) {
        n += 1;
        louder += usize::from(sound.power(begin, begin + 0.04) > sound.power(begin - 0.04, begin - 0.005));
    }
    println!("{louder} of {n} notes");
    assert!(n > 20 && louder * 10 >= n * 8, "it gets louder at {louder} of {n} notes");
    page.assert_no_errors();
}

/// The same button cancels a recording, and then offers to make one again.
#[test]
fn making_sound_can_be_cancelled() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=7&length=600"));
    page.resize(1280, 720);
    page.button("Generate").click();
    // Long enough to be looked at while sound is made of it.
    composed(&page, 2000);
    page.button("Stop").click();
    page.button("Download audio").click();
    let cancel = page.button("Cancel audio");
    page.screenshot(&screenshots().join("recording.png"));
    cancel.click();
    page.button("Download audio");
    page.assert_no_errors();
}

#[test]
fn the_same_seed_plays_the_same_music() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/"));
    let first = play_and_download(&page, 7);
    assert_eq!(play_and_download(&page, 7)[..50], first[..50]);
    assert_ne!(play_and_download(&page, 8)[..50], first[..50]);
}

/// Everybody's first music is the one that was chosen for it, and only the first.
#[test]
fn a_first_visit_begins_with_a_chosen_seed() {
    let Some(site) = Site::built() else { return };
    let heard = |page: &Page| {
        page.button("Generate").click();
        page.wait_until("the piano", START, || page.sound_peak() > 0.01);
        page.evaluate("document.getElementById('seed').value")
    };
    let [first, other] = [0, 1].map(|_| {
        Browser::launch().map(|browser| {
            let page = browser.open(&site.url("/"));
            let first = heard(&page);
            page.button("Stop").click();
            page.reload();
            (first, heard(&page))
        })
    });
    let (Some(first), Some(other)) = (first, other) else { return };
    assert_eq!(first.0, other.0, "first visits");
    assert!(first.1 != first.0 && first.1 != other.1, "later visits: {first:?} {other:?}");
}

/// The same file that native code is compared with, `tests/released`.
#[test]
fn the_browser_plays_what_native_code_plays() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let native = numbers(include_str!("../../released/seed-1.txt"));
    assert_eq!(native.len(), 500);
    let page = browser.open(&site.url("/?backend=cpu"));
    play(&page, 1);
    assert_eq!(composed(&page, 500), native);
    let requests = site.requests();
    assert!(requests.iter().any(|path| path.contains("worker_cpu")), "{requests:?}");
    assert!(!requests.iter().any(|path| path.contains("worker_gpu")), "nobody needs Burn here: {requests:?}");
    page.assert_no_errors();
}

/// With kernels of its own, on WebGPU that is emulated in software.
#[test]
fn webgpu_plays_what_native_code_plays() {
    let (Some(site), Some(browser)) = (Site::built(), software_gpu()) else { return };
    let native = numbers(include_str!("../../released/seed-1.txt"));
    let page = browser.open(&site.url("/?backend=webgpu"));
    play(&page, 1);
    assert!(page.status().contains("software WebGPU"), "{}", page.status());
    assert_eq!(composed(&page, 500), native);
    page.assert_no_errors();
}

#[test]
fn the_processor_goes_on_where_a_gpu_is_lost() {
    let (Some(site), Some(browser)) = (Site::built(), software_gpu()) else { return };
    let native = numbers(include_str!("../../released/seed-1.txt"));
    let page = browser.open(&site.url("/?backend=webgpu"));
    play(&page, 1);
    composed(&page, 60);
    browser.crash_gpu();
    page.wait_until("the processor at work", START, || page.status().contains("Running on CPU"));
    assert!(page.status().contains("The GPU was lost"), "{}", page.status());
    assert_eq!(composed(&page, 500), native, "not a note is lost or changed");
}

#[test]
fn the_faster_place_is_measured_and_remembered() {
    let (Some(site), Some(browser)) = (Site::built(), software_gpu()) else { return };
    let page = browser.open(&site.url("/?backend=measure"));
    play(&page, 1);
    page.wait_until("the measurement", START, || page.status().contains("slower at this than the processor"));
    let trial = page.evaluate("JSON.parse(localStorage['performance-rnn-trial-2'])");
    let [cpu, gpu] = ["cpu", "gpu"].map(|place| trial[place].as_f64().expect("events per second"));
    println!("{cpu:.0} events/s on the processor, {gpu:.0} on {}", trial["adapter"]);
    assert!(cpu > gpu && gpu > 0.0, "{trial}");
    // Both play the same, and neither disturbs the other.
    assert_eq!(composed(&page, 500), numbers(include_str!("../../released/seed-1.txt")));
    page.button("About and help").click();
    page.find("combobox", "It runs on").choose("the GPU");
    page.wait_until("WebGPU at the visitor's wish", START, || {
        page.status().contains("Running on software WebGPU")
    });
    page.reload();
}

fn software_gpu() -> Option<Browser> {
    Browser::launch_with(&Setup { webgpu: WebGpu::Software, ..Setup::default() })
}

#[test]
fn a_dropped_primer_is_continued() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/"));
    page.button("Generate");
    let (_folder, file) = file("scale.mid", &midi::write(&scale(SCALE_VELOCITY)));
    page.select("body").drop_files(&[&file]);
    page.wait_for_text("scale.mid", SOON);
}

#[test]
fn a_broken_primer_gets_a_sentence() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/"));
    for (name, bytes) in
        [("song.mid", &b"MThd\0\0"[..]), ("photo.jpg", b"\xff\xd8\xff\xe0"), ("empty.mid", b"")]
    {
        let (_folder, file) = file(name, bytes);
        page.choose_files("Primer MIDI file", &[&file]);
        page.wait_until(&format!("a sentence about {name}"), SOON, || page.status().contains(name));
    }
    page.assert_no_errors();
}

#[test]
fn a_broken_download_gets_a_sentence_and_can_be_tried_again() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    site.trouble("weights", Trouble::BreaksAfter(100_000));
    let page = browser.open(&site.url("/"));
    page.wait_until("a sentence", START, || page.status().contains("could not be downloaded"));
    site.mend();
    page.button("Retry").click();
    play(&page, 7);
}

/// Everything but the page itself is named after its content and kept for good. (Browsers ask by themselves whether the
/// service worker has changed.)
#[test]
fn a_second_visit_fetches_the_page_alone() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/"));
    play(&page, 7);
    page.wait_until("all samples", START, || asked_for(&site, ".mp3") == 150);
    assert_eq!(asked_for(&site, ".safetensors"), 1, "{:?}", site.requests());
    offline::wait_until_complete(&page, &offline::version_of(&site));
    assert_eq!(asked_for(&site, ".mp3"), 150, "none twice");
    assert_eq!(asked_for(&site, ".safetensors"), 1, "nor the weights");
    // The browser writes its cache in its own time.
    std::thread::sleep(Duration::from_secs(1));
    let first = site.requests().len();
    drop(page);
    let page = browser.open(&site.url("/"));
    play(&page, 7);
    let second = || {
        let mut paths = site.requests()[first..].to_vec();
        paths.sort();
        paths.dedup();
        paths
    };
    page.wait_until("a look for another version", SOON, || second().len() > 1);
    assert_eq!(second(), ["/", "/service.js"]);
    page.assert_no_errors();
}

/// The limits are generous: what counts is what is printed.
#[test]
fn the_first_note_comes_soon() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    for visit in ["cold", "warm"] {
        let page = browser.open_blank();
        page.run_first(
            "new MutationObserver((_, observer) => {
                if ([...document.querySelectorAll('button')].some(b => b.textContent.includes('Generate'))) {
                    window.__interactive = performance.now();
                    observer.disconnect();
                }
            }).observe(document, { childList: true, subtree: true });",
        );
        page.go_to(&site.url("/?backend=cpu&seed=7"));
        let interactive_ms =
            page.wait_for("the button", SOON, || page.evaluate("window.__interactive").as_f64());
        page.button("Generate").click();
        let at_once_ms = page.wait_for("the first note", START, || page.first_note_after_click());
        page.button("Stop").click();
        page.wait_until("a stop", SOON, || page.evaluate("performanceRnn.playback()") == "Stopped");
        page.button("Generate").click();
        let ready_ms = page.wait_for("the first note", START, || page.first_note_after_click());
        println!(
            "{visit} visit: interactive after {interactive_ms:.0} ms, first note {at_once_ms:.0} ms after a click \
             at once, {ready_ms:.0} ms after one on a worker that is ready"
        );
        if visit == "warm" {
            assert!(interactive_ms < 5000.0 && at_once_ms < 10_000.0 && ready_ms < 5000.0);
        }
        page.button("Stop").click();
    }
}

/// Some minutes of music; `cargo xtask endurance` does the same with an hour.
#[test]
fn long_performances_stay_on_time_and_in_memory() {
    let device = MidiDevice::plug_in();
    let setup = Setup { midi: device.as_ref(), ..Setup::default() };
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch_with(&setup)) else { return };
    browser.allow_midi();
    let endured = endure(&site, &browser, device.as_ref(), 300, Duration::from_secs(12));
    endured.to_lines().iter().for_each(|line| println!("{line}"));
    assert!(endured.music_secs >= 300.0);
    assert!(endured.composing_secs < endured.music_secs, "slower than playing");
    let [begin, end] = endured.worker_memory;
    assert!(end <= 1.05 * begin, "the worker grows");
    let [due, on_time] = endured.notes;
    assert!(due > 20 && on_time == due, "{on_time} of {due} notes on time");
    assert!(endured.roll_drift_ms < 20.0, "the roll leaves the sound");
    // When messages reach a device depends on what else the machine does: `held_up.rs` of the crate `performance`
    // tests their times on a clock of its own, `cargo xtask endurance` measures them.
}

/// A piece begins when the samples of its first seconds are decoded; later ones follow while it plays.
#[test]
fn no_note_is_left_out_when_samples_come_late() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open_blank();
    page.run_first(
        "(() => {
            // One after the other, each 150 ms.
            const decode = BaseAudioContext.prototype.decodeAudioData;
            let free = Promise.resolve();
            BaseAudioContext.prototype.decodeAudioData = async function (bytes) {
                free = free.then(() => new Promise(resolve => setTimeout(resolve, 150)));
                await free;
                return decode.call(this, bytes);
            };
        })()",
    );
    // It has a note at 1.5 seconds far from the few before it.
    page.go_to(&site.url("/?backend=cpu&seed=1"));
    page.button("Generate").click();
    page.wait_until("some seconds of music", START, || {
        page.evaluate("performanceRnn.played()").as_f64() > Some(8.0)
    });
    let clock = page.evaluate("__performanceRnnSound.now()").as_f64().unwrap();
    let (begins, onsets) = (begins_secs(&tokens(&page)), page.sound_onsets());
    let [due, played] = on_time(&begins, &onsets, clock);
    page.button("Stop").click();
    assert!(due > 20 && played == due, "{played} of {due} notes");
    page.assert_no_errors();
}

/// With the JSON that it hands out, as `cargo xtask bench` does.
#[test]
fn the_benchmark_measures_the_worker() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/bench.html"));
    page.screenshot(&screenshots().join("bench.png"));
    let report = tests::bench::measured(&page, "Processor");
    let run = &report["runs"][0];
    assert_eq!((&run["backend"], &run["model"]), (&"Cpu".into(), &"base".into()), "{report}");
    let batches = run["batches"].as_array().expect("batches");
    assert_eq!(batches.iter().map(|row| row["takes"].clone()).collect::<Vec<_>>(), [1, 2, 4, 8, 16]);
    let speed = |row: &serde_json::Value| row["events_per_second"].as_f64().expect("a speed");
    println!("in the worker: {:.0} events/s, {:.0} by 8 takes", speed(&batches[0]), speed(&batches[3]));
    assert!(speed(&batches[0]) > 100.0, "slower than playing: {report}");
    // They share the weights that are read. (Compiled for size, eight made 0.6 of one.)
    assert!(speed(&batches[3]) > 0.8 * speed(&batches[0]), "{report}");
    for row in batches {
        let (p50, p95) = (row["chunk_p50_ms"].as_f64(), row["chunk_p95_ms"].as_f64());
        assert!(p50 > Some(0.0) && p50 <= p95, "{row}");
    }
    page.assert_no_errors();
}

#[test]
fn the_page_fits_every_window() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    for (width, height) in [(360, 740), (768, 1024), (1280, 720), (1440, 900)] {
        for scheme in [Scheme::Light, Scheme::Dark] {
            let page = browser.open_blank();
            page.resize(width, height);
            page.prefer(scheme);
            page.go_to(&site.url("/"));
            page.button("Generate");
            page.screenshot(&screenshots().join(format!("{width}-{scheme:?}.png").to_lowercase()));
            let wider = page.evaluate("document.documentElement.scrollWidth - innerWidth");
            assert!(wider.as_i64() <= Some(0), "{wider} px wider than {width}");
        }
    }
}

/// The first `n` tokens, once they are composed.
#[track_caller]
fn composed(page: &Page, n: usize) -> Vec<u64> {
    page.wait_for(&format!("{n} events"), START, || {
        let tokens = tokens(page);
        (tokens.len() >= n).then(|| tokens[..n].iter().map(|token| token.get().into()).collect())
    })
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().map(|number| number.parse().expect("a token")).collect()
}

/// Sets the seed, presses Generate, and waits for the piano.
#[track_caller]
fn play(page: &Page, seed: u32) {
    page.find("spinbutton", "Seed").fill(&seed.to_string());
    page.button("Generate").click();
    page.wait_until("the piano", START, || page.sound_peak() > 0.01);
}

/// Plays until there are enough events to compare, and returns them.
#[track_caller]
fn play_and_download(page: &Page, seed: u32) -> Vec<Token> {
    play(page, seed);
    let tokens = page.wait_for("80 events", START, || {
        let tokens = download(page);
        if tokens.len() < 80 {
            std::thread::sleep(Duration::from_secs(1));
        }
        (tokens.len() >= 80).then_some(tokens)
    });
    page.button("Stop").click();
    tokens
}

/// Downloads the performance and reads the file.
#[track_caller]
fn download(page: &Page) -> Vec<Token> {
    let file = page.download(|| page.button("Download MIDI").click());
    let import = midi::read(&fs::read(file).expect("the download")).expect("a MIDI file");
    assert!(import.report.dropped.is_empty(), "{:?}", import.report);
    encode(&import.performance)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn asked_for(site: &Site, part: &str) -> usize {
    site.requests().iter().filter(|path| path.contains(part)).count()
}

/// A file in a folder of its own.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = Path::new(folder.path()).join(name);
    fs::write(&path, bytes).expect("a temporary file");
    (folder, path)
}

/// A sequencer's loudness; pianists play a scale like that at about 50.
const SCALE_VELOCITY: u8 = 115;
