//! Each command's output and exit codes.

use performance::midi::Pedal;
use performance::{Lineage, Made, Origin, Recipe, Sampling, encode, midi};

use crate::{json, pieces, run, succeed, text};

#[test]
fn exit_codes_are_2_for_bad_usage_and_1_with_one_sentence_otherwise() {
    assert_eq!(run(&["no-such-command"]).status.code(), Some(2));
    assert_eq!(run(&["evaluate"]).status.code(), Some(2));
    for args in [
        &["inspect", "no-such-file.mid"][..],
        &["evaluate", "--weights", "no-such-weights", "--data", "."],
        &["generate", "--weights", "no-such-weights", "--seed", "1", "--out", "x.mid"],
        &["train", "--config", "no-such.toml", "--data", ".", "--out", "x"],
        &["prepare", "no-such-folder", "--out", "x"],
        &["bench", "--device", "cuda"],
        &["bench", "--midi", "no-such-folder"],
        &["bench", "--midi", "src"],
        &["compare", "no-such-folder", "."],
        &["compare", ".", "Cargo.toml"],
        &["quality", "--weights", "no-such-weights", "--data", ".", "--out", "x"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(errors.trim_end().lines().count(), 1, "{args:?}: {errors}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn reading_and_encoding_are_measured() {
    let dir = tempfile::tempdir().unwrap();
    let found = json(&["bench", "--midi", text(&pieces(dir.path()))]);
    assert_eq!((&found["files"], &found["notes"]), (&8.into(), &2400.into()));
    for what in ["read", "encode", "decode", "write"] {
        let speed = found[format!("{what}_events_per_s")].as_f64().unwrap();
        assert!(speed > 10_000.0, "{what}: {speed} events/s");
    }
}

#[test]
fn inspect_counts_what_an_import_finds() {
    let dir = tempfile::tempdir().unwrap();
    let file = pieces(dir.path()).join("train/0.mid");
    let found = json(&["inspect", text(&file)]);
    assert_eq!(found["notes"], 300);
    assert_eq!(found["events"]["note_on"], 300);
    assert_eq!(found["events"]["note_off"], 300);
    assert_eq!(found["events"]["velocity"], 150);
    let sum =
        ["note_on", "note_off", "time_shift", "velocity"].map(|kind| found["events"][kind].as_u64().unwrap());
    assert_eq!(found["events"]["total"].as_u64().unwrap(), sum.iter().sum::<u64>());
    assert!((found["duration_s"].as_f64().unwrap() - 47.96).abs() < 0.01, "{found}");
    assert_eq!(found["dropped"], serde_json::json!([]));
    assert_eq!(found["recipe"], serde_json::Value::Null);
    assert!(succeed(&["inspect", text(&file)]).starts_with("300 notes in 48.0 s"));
}

#[test]
fn inspect_says_that_a_file_carries_its_recipe() {
    let dir = tempfile::tempdir().unwrap();
    let piece = midi::read(&std::fs::read(pieces(dir.path()).join("train/0.mid")).unwrap()).unwrap();
    let tokens = encode(&piece.performance);
    let lineage = Lineage {
        origin: Some(Origin { weights: [0xAB; 8], revision: 3 }),
        recipe: Recipe::after(tokens[..100].to_vec(), 482_913, Sampling::default()),
        made: Made::Tokens(tokens.clone()),
    };
    let file = dir.path().join("carried.mid");
    std::fs::write(&file, midi::write_with(&piece.performance, Pedal::InNotes, Some(&lineage))).unwrap();
    let found = &json(&["inspect", text(&file)])["recipe"];
    assert_eq!((&found["seed"], &found["revision"]), (&482_913.into(), &3.into()));
    assert_eq!((&found["primer"], &found["events"]), (&100.into(), &tokens.len().into()));
    let said = succeed(&["inspect", text(&file)]);
    assert!(said.contains("carries its recipe: seed 482913"), "{said}");
    assert!(said.contains("weights abababababababab, revision 3"), "{said}");
}

#[test]
fn prepare_says_what_it_refused_and_is_quick_the_second_time() {
    let dir = tempfile::tempdir().unwrap();
    let (midi, out) = (pieces(&dir.path().join("midi")), dir.path().join("tokens"));
    std::fs::write(midi.join("train/broken.mid"), b"not a MIDI file").unwrap();
    let first = json(&["prepare", text(&midi), "--out", text(&out)]);
    assert_eq!(first["files"], 9);
    assert_eq!(first["refused"][0][0], "train/broken.mid");
    let tokens = std::fs::read(out.join("tokens.u16")).unwrap();
    assert_eq!(first["events"].as_u64().unwrap() as usize, tokens.len() / 2);
    assert_eq!(json(&["prepare", text(&midi), "--out", text(&out)]), first);
    assert_eq!(std::fs::read(out.join("tokens.u16")).unwrap(), tokens);
    // Two of the eight have a twin in the other folder.
    assert_eq!(std::fs::read_dir(out.join("cache")).unwrap().count(), 6);
}
