//! What a MIDI device gets.

use std::fs;
use std::time::{Duration, Instant};

use performance::midi;
use serde_json::json;
use tests::browser::{Browser, Leaving, Page, Setup};
use tests::midi_device::{MidiDevice, Received, choose_device, keys_down};
use tests::site::Site;

use super::{SOON, START, download, median};

/// A page that goes away has silenced its device by then.
const SILENT: Duration = Duration::from_millis(200);
const CHECKED: &str = "function() { return this.checked }";
/// For the test itself, and a machine that does other things, too.
const SLACK: Duration = Duration::from_millis(300);

/// A page that plays to the device.
#[track_caller]
fn playing(browser: &Browser, site: &Site, device: &MidiDevice) -> Page {
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    page.button("Generate");
    choose_device(&page, browser);
    let before = device.received().len();
    page.button("Generate").click();
    page.wait_until("music at the device", START, || device.received().len() > before + 60);
    page
}

#[test]
fn a_midi_device_gets_what_the_file_has() {
    let (Some(site), Some(device)) = (Site::built(), MidiDevice::plug_in()) else { return };
    let Some(browser) = Browser::launch_with(&Setup { midi: Some(&device), ..Setup::default() }) else {
        return;
    };
    let page = browser.open(&site.url("/"));
    page.button("Generate");
    // The page has asked before us; with permission, it would not have waited for the visitor.
    assert_eq!(page.evaluate("navigator.permissions.query({ name: 'midi' }).then(is => is.state)"), "prompt");
    choose_device(&page, &browser);
    page.find("spinbutton", "Seed").fill("7");
    page.button("Generate").click();
    page.wait_until("music at the device", START, || device.received().len() > 60);
    page.button("Stop").click();
    let written = performance::decode(&download(&page)).performance;
    std::thread::sleep(Duration::from_secs(1));
    let received = device.received();
    let onsets = received.iter().filter(|message| message.strike().is_some());
    let mut written_of = written.notes().to_vec();
    let mut delays = Vec::new();
    for message in onsets {
        // Notes of the same time may come in any order, notes of one key may not.
        let same_key = written_of.iter().position(|note| note.pitch.get() == message.bytes[1]);
        let note = written_of.remove(same_key.unwrap_or_else(|| panic!("{message:?} is not in the file")));
        assert_eq!(note.velocity.get(), message.bytes[2], "of {note:?}");
        delays.push(message.at.as_secs_f64() - note.start_us as f64 / 1e6);
    }
    // Printed only: other programs hold the browser up. `held_up.rs` tests times on a clock of its own.
    let median = median(&delays);
    let worst = delays.iter().map(|delay| (delay - median).abs()).fold(0.0, f64::max);
    println!("{} notes, {:.0} ms too early or late at most", delays.len(), 1000.0 * worst);
    assert_eq!(keys_down(&received), [0_u8; 0], "keys still down after Stop");
    assert_room_before_restrikes(&received);
}

/// A key that comes up and goes down in the same moment does not sound on a player piano. The device's clock is the
/// machine's, so what counts is the order, and that most gaps are there.
#[track_caller]
fn assert_room_before_restrikes(received: &[Received]) {
    let mut released = [None; 128];
    let (mut restrikes, mut with_room) = (0, 0);
    for message in received {
        match message.bytes[..] {
            [0x90, pitch, velocity] if velocity > 0 => {
                if let Some(at) = released[usize::from(pitch)].take() {
                    restrikes += 1;
                    with_room += usize::from(message.at.saturating_sub(at) >= Duration::from_millis(20));
                }
            }
            [0x80, pitch, _] => released[usize::from(pitch)] = Some(message.at),
            _ => {}
        }
    }
    println!("{with_room} of {restrikes} strikes of the same key have room");
    assert!(4 * with_room >= 3 * restrikes, "{with_room} of {restrikes}");
}

/// The same music, as two hands and a foot play it.
#[test]
fn the_pedal_is_written_where_it_is_wanted() {
    let (Some(site), Some(device)) = (Site::built(), MidiDevice::plug_in()) else { return };
    let Some(browser) = Browser::launch_with(&Setup { midi: Some(&device), ..Setup::default() }) else {
        return;
    };
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    page.find("checkbox", "Write pedal").click();
    choose_device(&page, &browser);
    page.button("Generate").click();
    let pedal = |received: &[Received]| -> Vec<u8> {
        let moved = received.iter().filter(|message| message.bytes[..2] == [0xb0, 64]);
        moved.map(|message| message.bytes[2]).collect()
    };
    page.wait_until("the pedal goes down and up", START, || {
        pedal(&device.received()).windows(2).any(|two| two == [127, 0])
    });
    page.button("Stop").click();
    std::thread::sleep(SILENT + SLACK);
    let received = device.received();
    assert_eq!((pedal(&received).last(), keys_down(&received)), (Some(&0), Vec::new()));

    let read = || {
        let file = page.download(|| page.button("Download MIDI").click());
        midi::read(&fs::read(file).expect("the download")).expect("a MIDI file")
    };
    let pedaled = read();
    assert!(pedaled.report.to_string().contains("pedal applied"), "{}", pedaled.report);
    // Remembered for the next visit.
    let is_checked = |page: &Page| page.find("checkbox", "Write pedal").call(CHECKED, json!([]));
    assert_eq!(is_checked(&browser.open(&site.url("/?backend=cpu"))), true);
    page.find("checkbox", "Write pedal").click();
    assert_eq!(is_checked(&page), false);
    let plain = read();
    assert!(!plain.report.to_string().contains("pedal"), "{}", plain.report);
    let strikes = |import: &midi::Import| -> Vec<_> {
        let notes = import.performance.notes().iter();
        notes.map(|note| (note.start_us, note.pitch, note.velocity)).collect()
    };
    assert_eq!(strikes(&pedaled), strikes(&plain));
    // But for the room before strikes, notes are as long.
    let longer = pedaled.performance.notes().iter().zip(plain.performance.notes());
    assert!(longer.clone().all(|(pedaled, plain)| pedaled.end_us >= plain.end_us));
    assert!(longer.clone().all(|(pedaled, plain)| pedaled.end_us - plain.end_us <= 30_000));
    page.assert_no_errors();
}

/// Closing the tab, loading it again, another page, and the event by which a browser says that it freezes a tab. (One
/// that is frozen without that event keeps its keys down.)
#[test]
fn no_key_stays_down_when_the_page_goes_away() {
    for how in [Leaving::Close, Leaving::Reload, Leaving::Navigate, Leaving::Freeze] {
        // A browser for each: the pretended device does not survive the last page that uses it.
        let (Some(site), Some(device)) = (Site::built(), MidiDevice::plug_in()) else { return };
        let Some(browser) = Browser::launch_with(&Setup { midi: Some(&device), ..Setup::default() }) else {
            return;
        };
        let page = playing(&browser, &site, &device);
        let left = Instant::now();
        page.leave(how);
        std::thread::sleep((SILENT + SLACK).saturating_sub(left.elapsed()));
        let received = device.received();
        assert_eq!(keys_down(&received), [0_u8; 0], "{how:?}");
        let last: Vec<_> = received.iter().rev().take(12).map(|message| message.bytes.clone()).collect();
        for control in [64, 123] {
            assert!(last.contains(&vec![0xb0, control, 0]), "{how:?}: {control} is missing in {last:?}");
        }
        std::thread::sleep(SLACK);
        assert_eq!(device.received().len(), received.len(), "{how:?}: silence");
    }
}

#[test]
fn a_browser_without_midi_says_what_to_do() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let ipad =
        "Object.defineProperty(Navigator.prototype, 'userAgent', { get: () => 'Mozilla/5.0 (Macintosh)' });
        Object.defineProperty(Navigator.prototype, 'maxTouchPoints', { get: () => 5 });";
    for (device, sentence) in [
        ("", "This browser cannot reach MIDI devices"),
        (ipad, "Browsers on iPhone and iPad have no MIDI. Use Chrome, Edge or Firefox on a computer"),
    ] {
        let page = browser.open_blank();
        page.run_first(&format!("delete Navigator.prototype.requestMIDIAccess; {device}"));
        page.go_to(&site.url("/?backend=cpu"));
        page.find("combobox", "Output").choose("MIDI device…");
        page.wait_for_text(sentence, SOON);
        page.assert_no_errors();
    }
}
