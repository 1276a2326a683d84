//! The built page in Firefox and in WebKitGTK: what a visitor does first plays there as it does in Chromium.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use performance::{Lineage, Made, Recipe, Token, midi};
use tests::browser::screenshots;
use tests::engines::{Engine, Sound, Visit};
use tests::site::Site;
use tests::steering::as_heard;

use super::primers::scale;
use super::replay::replayed;
use super::{SOON, START, file};

#[test]
fn firefox_plays() {
    plays_in(Engine::Firefox, "This browser has no WebGPU", None);
}

#[test]
fn webkit_plays() {
    plays_in(Engine::WebKit, "This browser has no WebGPU", Some("This browser cannot reach MIDI devices."));
}

/// Generates, listens, stops, downloads; after a primer; with another model; in two widths. The words are what the page
/// says of what the browser lacks.
fn plays_in(engine: Engine, no_webgpu: &str, no_midi: Option<&str>) {
    let Some(site) = Site::built() else { return };
    let Some(sound) = Sound::start() else { return };
    let Some(mut visit) = Visit::begin(engine, &sound) else { return };
    keep_downloads(&mut visit, &site.url("/?backend=cpu&seed=7"));
    let music = perform(&mut visit);
    let recipe = recipe(&mut visit);
    assert_eq!(music, replayed(&recipe, music.len()), "{engine:?} plays other music than native code");
    assert_eq!(downloaded(&mut visit), music);

    let (_folder, primer) = file("scale.mid", &midi::write(&scale(64)));
    visit.choose_file("#primer", &primer);
    visit.wait_until("the primer", SOON, |visit| visit.text().contains("scale.mid"));
    let music = perform(&mut visit);
    let after = self::recipe(&mut visit);
    assert!(!after.primer.is_empty());
    assert_eq!(as_heard(&after, &downloaded(&mut visit)), music);
    let drawn = replayed(&after, music.len());
    assert_eq!(music, as_heard(&after, &drawn), "after a primer");

    own_model(&mut visit);
    for (width, height) in [(360, 740), (1280, 720)] {
        visit.resize(width, height);
        let name = format!("{width}-{engine:?}.png").to_lowercase();
        fs::write(screenshots().join(name), visit.screenshot()).expect("a picture");
        let found = visit.evaluate("[innerWidth, document.documentElement.scrollWidth - innerWidth]");
        assert_eq!(found[0], width, "the window's width");
        assert!(found[1].as_i64() <= Some(0), "{} px wider than {width}", found[1]);
    }
    visit.assert_no_errors();

    visit.go_to(&site.url("/?backend=webgpu"));
    visit.wait_until(no_webgpu, START, |visit| visit.text().contains(no_webgpu));
    if let Some(words) = no_midi {
        visit.evaluate(
            "(() => {
                const select = [...document.querySelectorAll('select')]
                    .find(select => [...select.options].some(option => option.text.startsWith('MIDI device')));
                select.value = [...select.options].find(option => option.text.startsWith('MIDI device')).value;
                select.dispatchEvent(new Event('change', { bubbles: true }));
            })()",
        );
        visit.wait_until(words, SOON, |visit| visit.text().contains(words));
    }
}

/// Opens a page on which downloads are kept for the test as well.
fn keep_downloads(visit: &mut Visit, address: &str) {
    visit.go_to(address);
    visit.evaluate(
        "(() => {
            const make = URL.createObjectURL;
            window.__download = null;
            URL.createObjectURL = blob => {
                if (blob.type.includes('midi')) window.__download = blob.arrayBuffer();
                return make.call(URL, blob);
            };
        })()",
    );
}

/// Generates until some music was heard, stops, and returns the tokens. There is sound while it plays, and then none.
#[track_caller]
fn perform(visit: &mut Visit) -> Vec<Token> {
    visit.press("Generate", START);
    visit.wait_until("sound", START, |visit| level(visit) > 0.01);
    visit.wait_until("3 seconds of music", START, |visit| {
        visit.evaluate("performanceRnn.played()").as_f64() > Some(3.0)
    });
    visit.press("Stop", SOON);
    visit.wait_until("silence", SOON, |visit| {
        let until = Instant::now() + Duration::from_millis(700);
        while Instant::now() < until {
            if level(visit) > 1e-4 {
                return false;
            }
        }
        true
    });
    let tokens = visit.evaluate("Array.from(performanceRnn.tokens())");
    let tokens: Vec<u16> = serde_json::from_value(tokens).expect("tokens");
    tokens.into_iter().map(|token| Token::new(token).expect("a token")).collect()
}

fn level(visit: &mut Visit) -> f64 {
    visit.evaluate("performanceRnn.level()").as_f64().unwrap_or_default()
}

fn recipe(visit: &mut Visit) -> Recipe {
    let json = visit.evaluate("performanceRnn.recipe()");
    serde_json::from_str(json.as_str().expect("a performance")).expect("a recipe")
}

/// Presses Download MIDI, and reads what the file carries.
#[track_caller]
fn downloaded(visit: &mut Visit) -> Vec<Token> {
    visit.evaluate("void (window.__download = null)");
    visit.press("Download MIDI", SOON);
    visit.wait_until("the file", SOON, |visit| visit.evaluate("window.__download !== null") == true);
    let file = visit.evaluate("__download.then(file => btoa(String.fromCharCode(...new Uint8Array(file))))");
    let bytes = base64::engine::general_purpose::STANDARD.decode(file.as_str().expect("a file"));
    let import = midi::read(&bytes.expect("base64")).expect("a MIDI file");
    match import.lineage {
        Some(Lineage { made: Made::Tokens(tokens), .. }) => tokens,
        other => panic!("expected tokens in the file, found {other:?}"),
    }
}

/// A model file of the visitor's: the released one in half precision under another name.
#[track_caller]
fn own_model(visit: &mut Visit) {
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/weights/base.safetensors");
    let (_folder, own) = file("mine.safetensors", &fs::read(weights).expect("the released weights"));
    visit.choose_file("#model-file", &own);
    visit.wait_until("the model", START, |visit| visit.text().contains("mine"));
    let music = perform(visit);
    let recipe = recipe(visit);
    let drawn = replayed(&recipe, music.len());
    assert_eq!(music, as_heard(&recipe, &drawn), "with a model of one's own");
}
