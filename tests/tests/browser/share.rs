//! Links bring a performance note for note, or say why not.

use performance::midi;
use performance::{Token, playback::micros};
use tests::browser::{Browser, Page};
use tests::endurance::tokens;
use tests::site::Site;
use tests::steering::{as_heard, recipe, set_temperature};

use super::primers::scale;
use super::replay::replayed;
use super::{SCALE_VELOCITY, SOON, START, file};

/// Presses Share, and reads what was copied.
#[track_caller]
fn shared(page: &Page) -> String {
    page.button("Share").click();
    page.wait_for_text("The link is copied.", SOON);
    page.evaluate("navigator.clipboard.readText()").as_str().expect("text").to_owned()
}

/// Plays what a link brought, to its end.
#[track_caller]
fn played_from_link(page: &Page, n_tokens: usize) -> Vec<Token> {
    page.button("Play").click();
    page.wait_until("all of the music", START, || tokens(page).len() >= n_tokens);
    tokens(page)
}

/// After a primer, with a change in the middle: the same tokens in a fresh profile, and natively.
#[test]
fn a_link_brings_the_same_music() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    browser.allow_clipboard();
    let page = browser.open(&site.url("/?backend=cpu&seed=7"));
    assert!(!page.button("Share").is_enabled(), "nothing to share");
    let (_folder, primer) = file("nobodys-business.mid", &midi::write(&scale(SCALE_VELOCITY)));
    page.choose_files("Primer MIDI file", &[&primer]);
    page.wait_for_text("nobodys-business.mid", SOON);
    page.button("Generate").click();
    page.wait_until("music", START, || page.evaluate("performanceRnn.played()").as_f64() > Some(2.0));
    set_temperature(&page, 10);
    assert!(!page.button("Share").is_enabled(), "while it plays");
    assert!(page.button("Share").title().contains("stop first"), "{}", page.button("Share").title());
    page.button("Stop").click();
    let (music, recipe_there) = (tokens(&page), recipe(&page));
    let link = shared(&page);
    assert!(link.starts_with(&site.url("/#1.")) && link.len() <= 2_000, "{} characters: {link}", link.len());
    println!(
        "a link to {} events after {} of a primer: {} characters",
        music.len(),
        recipe_there.primer.len(),
        link.len()
    );

    let Some(other) = Browser::launch() else { return };
    let there = other.open(&link.replace("/#", "/?backend=cpu#"));
    there.wait_until("the recipe", START, || {
        there.evaluate("globalThis.performanceRnn?.recipe()").is_string()
    });
    assert_eq!(recipe(&there), recipe_there);
    assert_eq!((tokens(&there).len(), there.sound_peak()), (0, 0.0), "silent until Play");
    assert_eq!(there.evaluate("location.hash"), "", "a reload does not bring it twice");
    let heard = played_from_link(&there, music.len());
    assert_eq!(heard, music);
    let drawn = replayed(&recipe_there, music.len());
    assert_eq!(music, as_heard(&recipe_there, &drawn), "not what native code plays");
    there.wait_until("the end", START, || !there.button("Share").is_enabled() || tokens(&there) == music);
    assert!(
        !there.status().contains("differently") && !there.status().contains("other music"),
        "{}",
        there.status()
    );
    there.assert_no_errors();
    page.assert_no_errors();
}

#[test]
fn damaged_links_are_told_and_change_nothing() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    browser.allow_clipboard();
    let page = browser.open(&site.url("/?backend=cpu&seed=7&length=30"));
    page.button("Generate").click();
    page.wait_until("music", START, || page.evaluate("performanceRnn.played()").as_f64() > Some(1.0));
    page.button("Stop").click();
    let (music, link) = (tokens(&page), shared(&page));
    let fragment = link.split_once('#').expect("a fragment").1;
    let mut changed = fragment.to_owned();
    changed.replace_range(30..31, if &fragment[30..31] == "A" { "B" } else { "A" });
    let long = format!("1.{}", "A".repeat(1 << 20));
    for damaged in [&fragment[..fragment.len() - 3], &changed, "1.", "1.????", &long] {
        page.evaluate(&format!("void (location.hash = {})", serde_json::Value::from(damaged)));
        page.wait_for_text("This link is damaged and was not used.", SOON);
        assert_eq!(tokens(&page), music);
        page.button("Dismiss").click();
    }
    page.evaluate("void (location.hash = '3.fromTheFuture')");
    page.wait_for_text("This link was made with a newer version of this page.", SOON);
    assert_eq!(tokens(&page), music);
    // A sound one becomes a performance beside the one that is there.
    page.evaluate(&format!("void (location.hash = {})", serde_json::Value::from(fragment)));
    page.wait_until("the link's performance", SOON, || tokens(&page).is_empty());
    assert_eq!(played_from_link(&page, music.len()), music);
    page.button("Play performance 1").click();
    page.wait_until("the one before", SOON, || tokens(&page) == music);
    page.assert_no_errors();
}

/// Made with another model, or another version: it is said before the first note.
#[test]
fn a_link_that_plays_differently_says_so() {
    use performance::{Lineage, Made, Origin, Recipe, Sampling, TokenSum};
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let link = |origin: Origin| {
        let sum = TokenSum { n_tokens: 200, checksum: 1 };
        let recipe = Recipe::new(7, Sampling::default());
        let lineage = Lineage { origin: Some(origin), recipe, made: Made::Sum(sum) };
        let bytes = lineage.to_bytes().expect("bytes");
        use base64::Engine as _;
        let content = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        site.url(&format!("/?backend=cpu#1.{content}"))
    };
    let page = browser.open(&link(Origin { weights: [1; 8], revision: rnn::REVISION }));
    page.wait_for_text("This link was made with another model, so other music comes.", START);
    // It plays all the same, as long as what was promised.
    let heard = played_from_link(&page, 200);
    assert!(heard.len() == 200 && micros(&heard) > 0, "{} events", heard.len());
    page.close();

    let weights = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../www/weights/base.safetensors"));
    let hash = tests::kept::sha256(&weights.expect("the released weights"));
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    let page = browser.open(&link(Origin { weights: first, revision: rnn::REVISION }));
    page.wait_until("the recipe", START, || page.evaluate("globalThis.performanceRnn?.recipe()").is_string());
    assert!(!page.text().contains("other music comes"), "the model is the same");
    played_from_link(&page, 200);
    page.wait_for_text("This version plays it a little differently.", SOON);
}

/// A link, a MIDI file and a session that the page of revision 1 made (seed 7). Files hold the tokens, so they bring
/// the same music, and it goes on from there. A link has their checksum only, and says that they differ.
#[test]
fn what_revision_1_made_can_be_opened() {
    use performance::{Lineage, Made};
    let Some(site) = Site::built() else { return };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/revision-1");
    let [take, session] = ["take.mid", "session.prnn"].map(|name| folder.join(name));
    let import = midi::read(&std::fs::read(&take).expect("the file")).expect("music");
    let Some(Lineage { origin: Some(origin), made: Made::Tokens(music), .. }) = import.lineage else {
        panic!("no recipe in the file");
    };
    assert_eq!(origin.revision, 1);
    for file in [&take, &session] {
        let Some(browser) = Browser::launch() else { return };
        let page = browser.open(&site.url("/?backend=cpu"));
        page.button("Generate");
        page.select("main").drop_files(&[file]);
        page.wait_until("its music", SOON, || tokens(&page) == music);
        page.button("Play").click();
        page.wait_until("music", START, || page.evaluate("performanceRnn.played()").as_f64() > Some(1.0));
        page.button("Stop").click();
        assert_eq!(tokens(&page), music);
        page.button("Branch").click();
        let branched = || {
            let seed = |entry: &&performance::Entry| matches!(entry.input, performance::Input::Seed(_));
            recipe(&page).log.entries().iter().rfind(seed).map(|entry| entry.at)
        };
        let at = page.wait_for("the branch", SOON, branched);
        page.wait_until("what comes after", START, || tokens(&page).len() > at + 50);
        assert!(at > 20, "{at}");
        assert_eq!(tokens(&page)[..at - 1], music[..at - 1], "the same until there");
        page.assert_no_errors();
    }
    let Some(browser) = Browser::launch() else { return };
    let link = std::fs::read_to_string(folder.join("link.txt")).expect("the link");
    let page = browser.open(&site.url(&format!("/?backend=cpu{}", link.trim())));
    page.wait_for_text("This version plays it a little differently.", START);
    assert_eq!(played_from_link(&page, music.len()).len(), music.len());
    page.assert_no_errors();
}
