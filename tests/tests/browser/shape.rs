//! The Shape drawer: what is asked for is heard at once, and is in the recipe.

use performance::{Controls, Event, Input, Recipe, midi};
use tests::browser::{Browser, Page, screenshots};
use tests::endurance::tokens;
use tests::site::Site;
use tests::steering::{as_heard, density_latency, recipe};

use super::replay::replayed;
use super::{SCALE_VELOCITY, SOON, START, file, scale};

/// The index of the first token after the last entry of a kind.
fn since(page: &Page, is_kind: impl Fn(&Input) -> bool) -> Option<usize> {
    recipe(page).log.entries().iter().rev().find(|entry| is_kind(&entry.input)).map(|entry| entry.at)
}

#[test]
fn the_music_takes_the_shape_that_is_asked_for() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=5"));
    assert!(page.try_find("slider", "Density").is_none(), "the drawer is closed at first");
    page.button("Generate").click();
    let played = || page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default();
    page.wait_until("music", START, || played() > 1.0);
    page.button("Shape").click();
    for name in ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"] {
        page.button(name);
    }
    page.find("combobox", "Leaning towards");
    page.find("checkbox", "Free density");
    let latency = density_latency(&page, 8);
    println!("density: a change is heard after {}", latency.to_words());
    assert!(latency.quantile_ms(0.5) < 400.0, "{}", latency.to_words());

    page.find("combobox", "Scale").choose("whole tone");
    page.find("checkbox", "Only these").click();
    let masked = |input: &Input| matches!(input, Input::Sampling(sampling) if sampling.only.bits() != 0xfff);
    let masked_at = page.wait_for("the mask", SOON, || since(&page, masked));
    page.find("slider", "Dynamics").choose("6");
    let louder = |input: &Input| matches!(input, Input::Dynamics(louder) if louder.get() == 6);
    page.wait_for("the dynamics", SOON, || since(&page, louder));
    page.screenshot(&screenshots().join("shape.png"));
    let end = played() + 4.0;
    page.wait_until("some more music", SOON, || played() > end);
    let (heard, recipe) = (tokens(&page), recipe(&page));
    page.button("Stop").click();
    let struck: Vec<u8> = heard[masked_at..]
        .iter()
        .filter_map(|&token| match Event::from(token) {
            Event::NoteOn(pitch) => Some(pitch.get()),
            _ => None,
        })
        .collect();
    assert!(
        struck.len() > 10 && struck.iter().all(|pitch| pitch.is_multiple_of(2)),
        "whole tones of C: {struck:?}"
    );
    assert_eq!(heard, as_heard(&recipe, &replayed(&recipe, heard.len())), "not what the recipe gives");
    page.find("checkbox", "Free density").click();
    page.button("Done").click();
    page.assert_no_errors();
}

/// The primer's own pitch classes and density, and a composer to lean towards: what is asked for is in the recipe, and
/// the music is another.
#[test]
fn the_music_goes_on_as_the_primer_and_leans_towards_a_composer() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu&seed=5"));
    page.button("Generate");
    let (_folder, primer) = file("scale.mid", &midi::write(&scale(SCALE_VELOCITY)));
    page.choose_files("Primer MIDI file", &[&primer]);
    page.wait_for_text("scale.mid", SOON);
    page.button("Shape").click();
    page.find("combobox", "Scale").choose("as the primer");
    page.button("Generate").click();
    page.wait_until("music", START, || page.evaluate("performanceRnn.played()").as_f64() > Some(2.0));
    let asked = |recipe: &Recipe| {
        let controls = recipe.log.entries().iter().rev().find_map(|entry| match &entry.input {
            Input::Controls(controls) => Some(controls.clone()),
            _ => None,
        });
        controls.expect("controls")
    };
    let begun = recipe(&page);
    let like = Controls::like(&begun.primer).pitch_classes.expect("the primer's pitch classes");
    assert_eq!(asked(&begun).pitch_classes, Some(like));
    // The released weights know composers by name.
    let composer = page.find("combobox", "Leaning towards");
    let names = composer.options();
    let index = names.iter().position(|name| name.contains("Bach")).expect("a composer");
    composer.choose(&(index - 1).to_string());
    page.wait_until("the composer", SOON, || asked(&recipe(&page)).composer == Some(index - 1));
    let end = page.evaluate("performanceRnn.played()").as_f64().unwrap_or_default() + 4.0;
    page.wait_until("some more music", SOON, || {
        page.evaluate("performanceRnn.played()").as_f64() > Some(end)
    });
    let (heard, recipe) = (tokens(&page), recipe(&page));
    page.button("Stop").click();
    assert_eq!(asked(&recipe).pitch_classes, Some(like));
    assert_eq!(heard, as_heard(&recipe, &replayed(&recipe, heard.len())), "not what the recipe gives");
    let mut without = recipe.clone();
    without.log = begun.log.clone();
    assert_ne!(heard, as_heard(&without, &replayed(&without, heard.len())), "the composer changes nothing");
    page.assert_no_errors();
}
