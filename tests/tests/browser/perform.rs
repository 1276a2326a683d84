//! Scores are performed: what is dropped is heard with expression, and every control at once, at the same place.

use std::fs;
use std::time::Duration;

use performance::score::{Expression, GestureKind, Rendering, Score, carried, export};
use performance::{Event, Token, midi};
use tests::browser::{Browser, Page, Setup, screenshots};
use tests::endurance::tokens;
use tests::midi_device::{MidiDevice, choose_device, keys_down};
use tests::performing::{change_expression, drop_score, fugue};
use tests::site::Site;
use tests::times::Times;

use super::{SOON, START, file};

/// From the drop to the first note at the loudspeaker, and from a change to the first note that follows it.
const FIRST_SOUND_MS: f64 = 500.0;
const CHANGE_MS: f64 = 300.0;
/// 47 s of music.
const BARS: usize = 16;

fn score() -> Score {
    Score::read(fugue(BARS).as_bytes()).expect("our own score")
}

fn rendering(page: &Page) -> Rendering {
    let json = page.evaluate("globalThis.performanceRnn?.performed()");
    json.as_str()
        .map(|json| serde_json::from_str(json).expect("a rendering"))
        .expect("a performance of a score")
}

fn is_performed(page: &Page) -> bool {
    page.evaluate("globalThis.performanceRnn?.performed()").is_string()
}

fn quarters(page: &Page) -> f64 {
    page.evaluate("performanceRnn.quarters()").as_f64().unwrap_or_default()
}

fn strikes(tokens: &[Token]) -> usize {
    tokens.iter().filter(|&&token| matches!(Event::from(token), Event::NoteOn(_))).count()
}

/// A page on which something was pressed, so that it may sound.
fn opened(browser: &Browser, site: &Site) -> Page {
    let page = browser.open(&site.url("/?backend=cpu&seed=5"));
    page.button("Shape").click();
    page.button("Done").click();
    page
}

/// Drops the fugue, and waits until it is heard. Returns the milliseconds that this took.
fn perform(page: &Page) -> f64 {
    let (_folder, fugue) = file("fugue.musicxml", fugue(BARS).as_bytes());
    let first_ms = drop_score(page, &fugue);
    page.wait_until("sound", SOON, || page.sound_peak() > 0.003);
    first_ms
}

/// A fugue, a stiff MIDI file and a PDF: the first two are played with expression, the third gets a sentence.
#[test]
fn a_newcomer_drops_scores_and_hears_them_played() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = opened(&browser, &site);
    let first_ms = perform(&page);
    page.wait_for_text("fugue.musicxml is a written score, so it is played with expression", SOON);
    assert_eq!(rendering(&page), Rendering::default());
    assert_eq!(strikes(&tokens(&page)), score().notes().len());
    let again_ms = perform(&page);
    println!("the first note of a score: {first_ms:.0} ms after the drop, the second time {again_ms:.0} ms");
    assert!(first_ms.min(again_ms) < FIRST_SOUND_MS, "{first_ms} and {again_ms} ms");

    let stiff = export(&score(), &Expression::flat(&score()));
    let (_folder, stiff) = file("stiff.mid", &stiff);
    page.select("main").drop_files(&[&stiff]);
    page.wait_for_text("stiff.mid is a written score, so it is played with expression", SOON);
    page.wait_until("its performance", SOON, || page.text().contains("stiff.mid performed"));
    let played = performance::decode(&tokens(&page)).performance;
    let loudness: std::collections::BTreeSet<u8> =
        played.notes().iter().map(|note| note.velocity.get()).collect();
    assert!(loudness.len() > 4, "all as loud as the file has them: {loudness:?}");
    // It can be continued instead.
    page.button("Go on from it").click();
    page.wait_until("the primer", SOON, || page.select(".primer").text().contains("stiff.mid"));
    assert_eq!(page.evaluate("performanceRnn.playback()"), "Stopped");

    let (_folder, pdf) = file("fugue.pdf", b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n");
    page.select("main").drop_files(&[&pdf]);
    page.wait_for_text("fugue.pdf is a PDF: sheet music has to be turned into MusicXML or MIDI", SOON);
    let (_folder, broken) = file("broken.musicxml", b"<score-partwise><part></score-partwise>");
    page.select("main").drop_files(&[&broken]);
    page.wait_for_text("broken.musicxml could not be read: its XML cannot be read", SOON);
    page.assert_no_errors();
}

/// Where the browser holds the sound until something is pressed, the score waits for its button.
#[test]
fn a_score_waits_for_a_press_where_the_browser_does() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open_blank();
    page.run_first(
        "Object.defineProperty(Navigator.prototype, 'userActivation', { get: () => ({ hasBeenActive: false }) })",
    );
    page.go_to(&site.url("/?backend=cpu&seed=5"));
    page.button("Generate");
    let (_folder, fugue) = file("fugue.musicxml", fugue(BARS).as_bytes());
    page.select("main").drop_files(&[&fugue]);
    page.wait_for_text("fugue.musicxml is a written score.", SOON);
    assert!(!is_performed(&page), "nobody would hear it");
    page.button("Go on from it");
    page.button("Perform it").click();
    page.wait_until("sound", START, || page.sound_peak() > 0.003);
    assert!(is_performed(&page));
    // A stiff file that is chosen as a primer is one, and can be performed.
    let (_folder, stiff) = file("stiff.mid", &export(&score(), &Expression::flat(&score())));
    page.choose_files("Primer MIDI file", &[&stiff]);
    page.wait_for_text("stiff.mid is a written score.", SOON);
    page.wait_until("the primer", SOON, || page.select(".primer").text().contains("stiff.mid"));
    page.button("Perform it").click();
    page.wait_until("its performance", SOON, || page.text().contains("stiff.mid performed"));
    page.assert_no_errors();
}

/// Expression up and down, rules, tempo, interpretations and the flat score, while it plays and at the same place.
#[test]
fn every_control_is_heard_at_once_and_at_the_same_place() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = opened(&browser, &site);
    page.resize(1280, 900);
    perform(&page);
    page.wait_until("some bars", SOON, || quarters(&page) > 4.0);
    let stays = |what: &str, act: &dyn Fn()| {
        let before = quarters(&page);
        act();
        let after = quarters(&page);
        assert!((before - 0.2..before + 4.0).contains(&after), "{what}: from {before} to {after} quarters");
    };
    let latency: Vec<f64> = [150, 40, 200, 0, 120, 80, 160, 100]
        .into_iter()
        .map(|value| {
            std::thread::sleep(Duration::from_millis(350));
            let before = quarters(&page);
            let ms = change_expression(&page, value);
            page.wait_until("the setting", SOON, || i32::from(rendering(&page).expression) == value);
            let after = quarters(&page);
            assert!((before - 0.2..before + 4.0).contains(&after), "from {before} to {after} quarters");
            ms
        })
        .collect();
    let latency = Times::new(latency);
    println!("expression: a change is heard after {}", latency.to_words());
    assert!(latency.quantile_ms(0.5) < CHANGE_MS, "{}", latency.to_words());
    page.screenshot(&screenshots().join("perform.png"));

    stays("interpretation", &|| {
        page.press("3");
        page.wait_until("the interpretation", SOON, || rendering(&page).interpretation == 3);
    });
    page.button("Interpretation 5").click();
    page.find("slider", "Rules or people").choose("40");
    page.find("combobox", "Rules").choose("2");
    page.find("checkbox", "Keep written dynamics").click();
    stays("tempo", &|| {
        page.find("slider", "Tempo").choose("140");
        page.wait_until("the tempo", SOON, || rendering(&page).tempo == 140);
    });
    let asked = Rendering {
        interpretation: 5,
        learned: 40,
        palette: 2,
        keeps_dynamics: true,
        tempo: 140,
        ..Rendering::default()
    };
    assert_eq!(rendering(&page), asked);
    stays("flat", &|| {
        page.button("Compare with the flat score").click();
        page.wait_until("the flat score", SOON, || rendering(&page).is_flat);
    });
    let flat = performance::decode(&tokens(&page)).performance;
    assert!(flat.notes().iter().all(|note| note.velocity == flat.notes()[0].velocity));
    page.press("f");
    page.wait_until("the performance", SOON, || rendering(&page) == asked);
    assert_eq!(page.evaluate("performanceRnn.playback()"), "Playing");
    // Tempo and loudness are drawn, and named.
    let curves = page.select(".curves svg").attribute("aria-label");
    assert!(curves.starts_with("Tempo, from ") && curves.contains(" loudness, from "), "{curves}");
    page.button("Stop").click();
    page.button("Reset").click();
    page.wait_until("the beginning's settings", SOON, || rendering(&page) == Rendering::default());
    page.assert_no_errors();
}

/// Space is the beat while somebody conducts; energy and mood have a plane, and sliders for the keyboard.
#[test]
fn a_score_is_conducted() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = opened(&browser, &site);
    perform(&page);
    page.press("c");
    page.find("button", "Tap the beat (Space)");
    // In the page, so that beats come in time.
    page.evaluate(
        "new Promise(done => {
            let n = 0;
            const beat = setInterval(() => {
                document.body.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true, cancelable: true }));
                if (++n == 10) { clearInterval(beat); done(n); }
            }, 500);
        })",
    );
    let periods: Vec<u32> = rendering(&page)
        .gestures
        .iter()
        .filter_map(|gesture| match gesture.kind {
            GestureKind::Beat { period_us } => Some(period_us),
            GestureKind::Mood { .. } => None,
        })
        .collect();
    println!("taps at 500 ms: periods of {periods:?} microseconds");
    assert!(periods.len() >= 6, "{periods:?}");
    let last = periods[periods.len() - 3..].iter().sum::<u32>() / 3;
    assert!((400_000..620_000).contains(&last), "{periods:?}");
    assert_eq!(
        page.evaluate("performanceRnn.playback()"),
        "Playing",
        "Space does not stop while it is the beat"
    );
    page.find("slider", "Energy").focus();
    page.press("ArrowRight");
    page.find("slider", "Mood").focus();
    page.press("ArrowLeft");
    let mood = |page: &Page| {
        rendering(page).gestures.iter().rev().find_map(|gesture| match gesture.kind {
            GestureKind::Mood { energy, valence } => Some((energy, valence)),
            GestureKind::Beat { .. } => None,
        })
    };
    page.wait_until("energy and mood", SOON, || mood(&page) == Some((10, -10)));
    page.select(".plane").click_at((0.9, 0.1));
    page.wait_until("a happy mood", SOON, || {
        mood(&page).is_some_and(|(energy, valence)| energy > 60 && valence > 60)
    });
    page.screenshot(&screenshots().join("conduct.png"));
    page.button("Forget the conducting").click();
    page.wait_until("no gestures", SOON, || rendering(&page).gestures.is_empty());
    page.press("c");
    page.wait_until("no conductor", SOON, || page.try_find("button", "Tap the beat (Space)").is_none());
    page.press("Space");
    page.wait_until("silence", SOON, || page.evaluate("performanceRnn.playback()") == "Stopped");
    page.assert_no_errors();
}

/// A link, a reload, a session's file and the MIDI file bring the same performance; the file has the score's bars.
#[test]
fn a_performance_of_a_score_is_kept_and_passed_on() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    browser.allow_clipboard();
    let page = opened(&browser, &site);
    perform(&page);
    page.find("slider", "Expression").choose("150");
    page.press("2");
    page.wait_until("the settings", SOON, || rendering(&page).interpretation == 2);
    page.button("Stop").click();
    let (music, settings) = (tokens(&page), rendering(&page));
    page.button("Share").click();
    page.wait_for_text("The link is copied.", SOON);
    let link = page.evaluate("navigator.clipboard.readText()").as_str().expect("text").to_owned();
    println!("a link to {} notes: {} characters", score().notes().len(), link.len());
    assert!(link.contains("/#2.") && link.len() <= 2_000, "{link}");

    let written = fs::read(page.download(|| page.button("Download MIDI").click())).expect("a file");
    let read = Score::read(&written).expect("a score");
    // The last note may ring beyond the last bar.
    let (notes, bars) = (score().notes().len(), score().bars().len());
    assert!(read.notes().len() == notes && (bars..=bars + 1).contains(&read.bars().len()));
    assert!(carried(&written).is_some_and(|carried| carried.rendering == settings));
    // It begins with the score's rest.
    let heard = midi::read(&written).expect("MIDI").performance.starting_at_zero();
    let expected = performance::decode(&music).performance;
    let secs = |performance: &performance::Performance| performance.duration_us() as f64 / 1e6;
    assert!((secs(&heard) - secs(&expected)).abs() < 0.05, "{} s, {} s", secs(&heard), secs(&expected));

    page.wait_until("the session", SOON, || {
        page.evaluate("performanceRnn.kept()").as_str().is_some_and(|kept| kept.contains("\"is_idle\":true"))
    });
    page.reload();
    page.wait_until("the session again", START, || is_performed(&page));
    assert_eq!((tokens(&page), rendering(&page)), (music.clone(), settings.clone()));

    let Some(other) = Browser::launch() else { return };
    let there = other.open(&link.replace("/#", "/?backend=cpu#"));
    there.wait_until("the performance", START, || is_performed(&there));
    assert_eq!((tokens(&there), rendering(&there)), (music.clone(), settings.clone()));
    assert_eq!(there.sound_peak(), 0.0, "silent until Play");
    there.button("Play").click();
    there.wait_until("sound", SOON, || there.sound_peak() > 0.003);
    there.button("Stop").click();
    let (_folder, file) = file("again.mid", &written);
    there.select("main").drop_files(&[&file]);
    there.wait_until("another performance", SOON, || there.text().contains("No. 2"));
    assert_eq!((tokens(&there), rendering(&there)), (music, settings));
    there.assert_no_errors();
    page.assert_no_errors();
}

/// While sliders move, a device gets every written note once, and no key stays down.
#[test]
fn a_device_gets_each_note_once_while_sliders_move() {
    let (Some(site), Some(device)) = (Site::built(), MidiDevice::plug_in()) else { return };
    let Some(browser) = Browser::launch_with(&Setup { midi: Some(&device), ..Setup::default() }) else {
        return;
    };
    let page = opened(&browser, &site);
    perform(&page);
    page.button("Stop").click();
    choose_device(&page, &browser);
    page.find("slider", "Tempo").choose("200");
    let before = device.received().len();
    page.button("Play").click();
    page.wait_until("music at the device", START, || device.received().len() > before + 10);
    for value in (0..=200).step_by(20).chain([100]) {
        page.find("slider", "Expression").choose(&value.to_string());
        std::thread::sleep(Duration::from_millis(300));
    }
    page.wait_until("the end", START, || page.evaluate("performanceRnn.playback()") == "Finished");
    std::thread::sleep(Duration::from_millis(1500));
    let received = device.received();
    let struck = received[before..].iter().filter(|message| message.strike().is_some()).count();
    assert_eq!(keys_down(&received), [0_u8; 0]);
    let written = score().notes().len();
    println!("{struck} strikes at the device of {written} written notes");
    assert!(struck.abs_diff(written) <= 1, "{struck} strikes of {written} notes");
    page.assert_no_errors();
}
