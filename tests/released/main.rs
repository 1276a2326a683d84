//! The weights that the page ships: they load, are what their card says, and play what they always played.

mod primers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::Device;
use performance::{Event, Note, Recipe, Sampling, Sounding, Token, encode, midi};
use pollster::block_on as now;
use primers::{scale, study};
use rnn::{Continuation, ModelConfig, Quantized, weights};
use sha2::{Digest, Sha256};

fn root() -> PathBuf {
    // Read when the test runs: checkouts that share a target folder may share the test program.
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("tests run under Cargo");
    PathBuf::from(package).join("../..")
}

fn released() -> Vec<u8> {
    std::fs::read(root().join("www/weights/base.safetensors")).expect("the released weights are committed")
}

fn in_8_bits() -> Vec<u8> {
    let file = root().join("www/weights/base.int8.safetensors");
    std::fs::read(file).expect("the released weights in 8 bits are committed")
}

fn card() -> String {
    std::fs::read_to_string(root().join("www/weights/base.md")).expect("the model card is committed")
}

#[test]
fn they_are_the_papers_network_in_half_precision() {
    let bytes = released();
    let (config, facts) = weights::read_metadata(&bytes).unwrap();
    assert_eq!((config.layers, config.hidden), (3, 512));
    assert!(bytes.len() < 13_500_000, "{} bytes", bytes.len());
    assert_eq!(facts.get("license").map(String::as_str), Some("CC BY-NC-SA 4.0"));
    weights::load(&bytes, &Device::flex()).unwrap();
}

/// The facts and the numbers of a weight file, whose header has its facts in any order.
fn content(file: &[u8]) -> (BTreeMap<String, String>, &[u8]) {
    let (length, rest) = file.split_first_chunk().expect("a weight file has a header");
    let (_, facts) = weights::read_metadata(file).expect("a weight file has facts");
    (facts, &rest[u64::from_le_bytes(*length) as usize..])
}

#[test]
fn the_card_names_this_file_its_loss_and_its_licence() {
    let hash: String = Sha256::digest(released()).iter().map(|byte| format!("{byte:02x}")).collect();
    let card = card();
    assert!(card.contains(&hash), "the card does not name {hash}");
    let (_, facts) = weights::read_metadata(&released()).unwrap();
    for fact in ["events", "step"] {
        assert!(card.contains(&facts[fact]), "the card does not say {fact} {}", facts[fact]);
    }
    // The card has one digit more.
    let loss: f64 = facts["validation_nats"].parse().unwrap();
    let row = card.lines().find(|line| line.starts_with("| validation/maestro-v3 ")).unwrap();
    let stated: f64 = row.split('|').nth(3).unwrap().trim().parse().unwrap();
    assert!((stated - loss).abs() < 0.000_6, "the card says {stated} nats per event, the file {loss}");
    assert!(card.contains("CC BY-NC-SA 4.0"));
}

/// `UPDATE_EXPECT=1` writes the file anew if its content is another; `performance-rnn release` does, too.
#[test]
fn in_8_bits_they_play_the_same_music() {
    let file = root().join("www/weights/base.int8.safetensors");
    let hash =
        |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let packed = weights::to_int8(&released(), &hash(&released())).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() && content(&in_8_bits()) != content(&packed) {
        std::fs::write(&file, &packed).unwrap();
    }
    let small = in_8_bits();
    // Not the bytes: the facts in a header have no order.
    assert_eq!(small.len(), packed.len(), "they are not those in half precision");
    assert!(small.len() <= 6_000_000, "{} bytes", small.len());
    let line = format!("`base.int8.safetensors`, {} bytes, SHA-256 `{}`", small.len(), hash(&small));
    assert!(card().contains(&line), "the card does not say {line}");
    let mut facts = weights::read_metadata(&small).unwrap();
    facts.1.remove("of_sha256");
    assert_eq!(facts, weights::read_metadata(&released()).unwrap(), "the same facts");
    let play = |file: &[u8], recipe: Recipe| {
        let network = Quantized::load(file).unwrap();
        now(Continuation::new(&network, recipe).unwrap().advance(4000)).unwrap()
    };
    for recipe in
        [Recipe::new(5, Sampling::returning()), Recipe::after(encode(&scale(64)), 6, Sampling::default())]
    {
        assert_eq!(play(&small, recipe.clone()), play(&released(), recipe));
    }
}

/// The page in a browser is compared with the same file (`tests/tests/browser`).
#[test]
fn seed_1_plays_what_it_always_played() {
    let tokens = played(Recipe::new(1, Sampling::returning()), 500);
    let mut sounding = Sounding::default();
    for &token in &tokens {
        assert!(sounding.allows(Event::from(token)));
        sounding.apply(Event::from(token));
    }
    expect_test::expect_file!["seed-1.txt"].assert_eq(&numbers(&tokens));
}

/// In 32 bits on Burn. With the numbers of the file in 8 bits it is what the page plays with `?backend=burn`.
#[test]
fn seed_1_in_32_bits_plays_what_it_always_played() {
    let played = |file: &[u8]| {
        let network = weights::load(file, &Device::flex()).unwrap();
        let mut take = Continuation::new(&network, Recipe::new(1, Sampling::returning())).unwrap();
        numbers(&now(take.advance(100)).unwrap().concat())
    };
    expect_test::expect_file!["burn-seed-1.txt"].assert_eq(&played(&released()));
    expect_test::expect_file!["burn-int8-seed-1.txt"].assert_eq(&played(&in_8_bits()));
}

/// How the page and the command continue a primer, long or short. Named by the number of the primer's events.
#[test]
fn after_a_primer_it_plays_what_it_always_played() {
    let after = |primer| played(Recipe::after(primer, 7, Sampling::returning()), 300);
    expect_test::expect_file!["after-a-scale.txt"].assert_eq(&numbers(&after(encode(&scale(115)))));
    expect_test::expect_file!["after-300.txt"].assert_eq(&numbers(&after(encode(&study(300)))));
    expect_test::expect_file!["after-5000.txt"].assert_eq(&numbers(&after(encode(&study(5_000)))));
    expect_test::expect_file!["after-50000.txt"].assert_eq(&numbers(&after(encode(&study(50_000)))));
}

/// Too soft and too loud for any pianist of the training set: the offset reaches the ends of the scale.
#[test]
fn after_the_softest_and_the_loudest_it_plays_what_it_always_played() {
    let after = |velocity| played(Recipe::after(encode(&scale(velocity)), 7, Sampling::returning()), 300);
    expect_test::expect_file!["after-velocity-1.txt"].assert_eq(&numbers(&after(1)));
    expect_test::expect_file!["after-velocity-64.txt"].assert_eq(&numbers(&after(64)));
    expect_test::expect_file!["after-velocity-127.txt"].assert_eq(&numbers(&after(127)));
}

/// The first events of a recipe, as loud as its primer.
fn played(recipe: Recipe, n: usize) -> Vec<Token> {
    let offset = recipe.velocity_offset;
    let network = Quantized::load(&released()).expect("the released weights load");
    let mut take = Continuation::new(&network, recipe).expect("the recipe can be played");
    now(take.advance(n))
        .expect("the network plays")
        .concat()
        .into_iter()
        .map(|token| offset.undo(token))
        .collect()
}

/// Twenty tokens a line.
fn numbers(tokens: &[Token]) -> String {
    let numbers: Vec<String> = tokens.iter().map(|token| token.get().to_string()).collect();
    numbers.chunks(20).map(|line| line.join(" ") + "\n").collect()
}

/// After a scale in C major, through the command; unconditioned takes soon leave the key.
#[test]
fn a_continuation_keeps_the_key_of_its_primer() {
    let share_in_key = |more: &[&str]| {
        let notes = after_a_scale(70, more);
        let in_key = notes.iter().filter(|note| [0, 2, 4, 5, 7, 9, 11].contains(&(note.pitch.get() % 12)));
        in_key.count() as f64 / notes.len() as f64
    };
    let (kept, strayed) = (share_in_key(&[]), share_in_key(&["--unconditioned"]));
    println!(
        "{:.0} % of the notes are in the key, without being asked {:.0} %",
        100.0 * kept,
        100.0 * strayed
    );
    assert!(kept > strayed + 0.1, "{kept} of the notes are in the key, without being asked {strayed}");
}

/// A sequencer's 120 throughout, and a piano roll's 30: no pianist of the competitions plays a scale like
/// that.
#[test]
fn a_continuation_is_as_loud_as_its_primer() {
    for (primer, is_louder) in [(30, false), (120, true)] {
        let velocity = |more: &[&str]| {
            let notes = after_a_scale(primer, more);
            notes.iter().map(|note| f64::from(note.velocity.get())).sum::<f64>() / notes.len() as f64
        };
        let (kept, strayed) = (velocity(&[]), velocity(&["--unconditioned"]));
        println!("after velocity {primer} it plays {kept:.0} on average, without being asked {strayed:.0}");
        assert!((kept - f64::from(primer)).abs() < 16.0, "{kept} after {primer}");
        assert_eq!(kept > strayed, is_louder, "{kept} after {primer}, without being asked {strayed}");
    }
}

/// Four takes of half a minute after a scale in C major of this MIDI velocity, all notes together.
fn after_a_scale(velocity: u8, more: &[&str]) -> Vec<Note> {
    let dir = tempfile::tempdir().expect("a folder");
    let primer = dir.path().join("scale.mid");
    std::fs::write(&primer, midi::write(&scale(velocity))).expect("a file");
    let status = Command::new(env!("CARGO_BIN_EXE_performance-rnn"))
        .args(["generate", "--seed", "1", "--takes", "4", "--seconds", "30", "--without-primer", "--weights"])
        .arg(root().join("www/weights/base.safetensors"))
        .args([Path::new("--primer"), &primer, Path::new("--out"), &dir.path().join("take.mid")])
        .args(more)
        .status()
        .expect("the command");
    assert!(status.success());
    let takes =
        (1..=4).map(|take| std::fs::read(dir.path().join(format!("take-{take}.mid"))).expect("a take"));
    takes.flat_map(|take| midi::read(&take).expect("MIDI").performance.notes().to_vec()).collect()
}

/// On four held-out pieces, through the command that the card names.
#[test]
fn they_predict_pieces_they_have_not_seen() {
    let data = root().join("../shared/data/mini/validation");
    if !data.exists() {
        println!("skipped: {} is not there", data.display());
        return;
    }
    let measured = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_performance-rnn"))
            .args(["evaluate", "--json", "--weights"])
            .arg(root().join("www/weights/base.safetensors"))
            .arg("--data")
            .arg(&data)
            .args(more)
            .output()
            .unwrap();
        let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        result["nats_per_event"].as_f64().unwrap()
    };
    let (nats, quantized) = (measured(&[]), measured(&["--quantized"]));
    let (_, facts) = weights::read_metadata(&released()).unwrap();
    let expected: f64 = facts["validation_nats"].parse().unwrap();
    println!("{nats:.3} nats/event on the mini validation pieces, {expected:.3} on the whole split");
    assert!(nats < expected + 0.3, "{nats} nats/event, {expected} on the whole validation split");
    println!("in int8 {:.5} more", quantized - nats);
    assert!(quantized < nats + 0.002, "{quantized} nats/event in int8, {nats} in 32 bits");
}

#[test]
fn a_model_of_the_default_sizes_is_the_released_one() {
    let (config, _) = weights::read_metadata(&released()).unwrap();
    assert_eq!(ModelConfig { composers: Vec::new(), ..config }, ModelConfig::default());
}
