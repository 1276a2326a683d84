//! Changing the music while it plays.

use std::time::Duration;

use performance::Event;
use session::opening;
use tests::browser::{Browser, Setup};
use tests::endurance::{begins_secs, on_time, tokens};
use tests::midi_device::{MidiDevice, choose_device, keys_down};
use tests::site::{Site, Trouble};
use tests::steering::{as_heard, recipe, set_temperature, temperature_latency};

use super::replay::replayed;
use super::{SILENCE, SOON, START};

/// Notes of the same time, at most.
const CHORD: usize = 10;

/// The music follows the slider at once, without a gap, and is in the end what native code makes of the same
/// recipe.
#[test]
fn a_change_is_heard_at_once_and_replayed_exactly() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=5"));
    page.wait_until("the model", START, || page.status().contains("CPU"));
    page.button("Generate").click();
    let has_played = |secs: f64| page.evaluate("performanceRnn.played()").as_f64() > Some(secs);
    page.wait_until("music", START, || has_played(2.0));
    let latency = temperature_latency(&page, 8);
    println!("a change is heard after {}", latency.to_words());
    // Twice what is aimed at, because a test machine does other things, too.
    assert!(latency.quantile_ms(0.5) < 400.0, "{}", latency.to_words());
    // A new worker gets the changes, too.
    page.in_workers("void setTimeout(() => { throw new Error('killed by a test'); })");
    page.wait_until("the crash", SOON, || page.status().contains("killed by a test"));
    set_temperature(&page, 25);
    let end = page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default() + 3.0;
    page.wait_until("some more music", SOON, || has_played(end));
    let clock = page.evaluate("__performanceRnnSound.now()").as_f64().expect("a sound clock");
    let (heard, onsets, recipe) = (tokens(&page), page.sound_onsets(), recipe(&page));
    page.button("Stop").click();
    page.wait_until("silence", SOON, || page.sound_peak() < SILENCE);

    assert_eq!(heard, as_heard(&recipe, &replayed(&recipe, heard.len())), "not what the recipe gives");
    let [due, on_time] = on_time(&begins_secs(&heard), &onsets, clock);
    assert!(due > 20 && on_time == due, "{on_time} of {due} notes on time");
    // Strings and falling dampers: nothing sounds that is not in the music.
    let offs = heard.iter().filter(|token| matches!(Event::from(**token), Event::NoteOff(_))).count();
    let begun = onsets.iter().filter(|onset| **onset <= clock).count();
    assert!(begun <= due + offs, "{begun} samples begun for {due} notes and {offs} releases");
}

/// The first music is known before its model is here. The model plays the same, and goes on from there; so do changes that
/// came before it.
#[test]
fn the_first_music_does_not_wait_for_its_model() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    // 18 seconds.
    site.trouble("/weights/", Trouble::Slow(300_000));
    let page = browser.open(&site.url("/?backend=cpu"));
    page.button("Generate").click();
    page.wait_until("the piano", SOON, || page.sound_peak() > 0.01);
    assert_eq!(tokens(&page).len(), opening::EVENTS);
    page.wait_until("the model on its way", SOON, || page.text().contains("Model: "));
    set_temperature(&page, 25);
    page.wait_until("the model", START, || page.status().contains("CPU"));
    let end = page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default() + 5.0;
    page.wait_until("5 seconds more", SOON, || page.evaluate("performanceRnn.played()").as_f64() > Some(end));
    let (heard, recipe) = (tokens(&page), recipe(&page));
    page.button("Stop").click();
    assert!(!recipe.log.entries().is_empty(), "the change is in {recipe:?}");
    assert_eq!(heard, as_heard(&recipe, &replayed(&recipe, heard.len())), "not what the recipe gives");
    page.assert_no_errors();
}

/// At a device, which cannot take messages back: no key is left down, and none is struck that is not in the
/// music.
#[test]
fn a_change_reaches_a_midi_device_without_a_hanging_note() {
    let (Some(site), Some(device)) = (Site::built(), MidiDevice::plug_in()) else { return };
    let Some(browser) = Browser::launch_with(&Setup { midi: Some(&device), ..Setup::default() }) else {
        return;
    };
    let page = browser.open(&site.url("/?backend=cpu&seed=5"));
    page.button("Generate");
    choose_device(&page, &browser);
    page.button("Generate").click();
    page.wait_until("music at the device", START, || device.received().len() > 30);
    println!("at a MIDI device: a change is heard after {}", temperature_latency(&page, 8).to_words());
    page.button("Stop").click();
    std::thread::sleep(Duration::from_secs(1));
    let (received, heard) = (device.received(), tokens(&page));
    let struck: Vec<u8> = received.iter().filter_map(|message| Some(message.strike()?.0)).collect();
    assert!(struck.len() > 20, "{} notes", struck.len());
    // Each strike is the next of the music, but for the order within a chord: none is left out, and none comes besides.
    let mut next: Vec<u8> = begins_secs(&heard).into_iter().map(|(pitch, _)| pitch).collect();
    for pitch in struck {
        let in_chord = next.iter().take(CHORD).position(|other| *other == pitch);
        next.remove(in_chord.unwrap_or_else(|| panic!("{pitch} is struck, but {:?} follow", &next[..CHORD])));
    }
    assert_eq!(keys_down(&received), [0_u8; 0], "keys still down after Stop");
}
