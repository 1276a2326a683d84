//! What was played before: measured, learned from, and played again.

use crate::learning::config_with;
use crate::{json, pieces, pieces_of, run, succeed, text};

#[test]
fn what_was_played_before_is_learned_measured_and_played() {
    let dir = tempfile::tempdir().unwrap();
    let midi = pieces(&dir.path().join("midi"));
    let (data, out) = (dir.path().join("tokens"), dir.path().join("run"));
    succeed(&["prepare", text(&midi), "--out", text(&data)]);
    let settings = config_with(dir.path(), 20_000, "");
    succeed(&["train", "--config", text(&settings), "--data", text(&data), "--out", text(&out)]);
    let weights = out.join("best.safetensors");
    let files = ["--weights", text(&weights), "--data", text(&data)];

    let evaluate = |more: &[&str]| {
        let found =
            json(&[&["evaluate"], &files[..], &["--only", "validation/", "--quantized"], more].concat());
        found["nats_per_event"].as_f64().unwrap()
    };
    let (alone, copying) = (evaluate(&[]), evaluate(&["--copying"]));
    assert!(copying < alone, "broken chords go round and round: {copying} for {alone}");

    let constants = dir.path().join("constants.rs");
    let said =
        succeed(&[&["fit-copying"], &files[..], &["--every", "1", "--out", text(&constants)]].concat());
    assert!(said.contains("nats/event less on these 6 pieces"), "{said}");
    let written = std::fs::read_to_string(&constants).unwrap();
    assert!(written.contains("pub(super) const CONSTANTS: [i16; super::N_CONSTANTS] = ["), "{written}");
    assert!(written.lines().all(|line| line.len() <= 130), "{written}");

    let habits = dir.path().join("habits.rs");
    let said = succeed(&["fit-returns", "--data", text(&data), "--out", text(&habits)]);
    assert!(said.contains("from 1 to 10 seconds before:"), "{said}");
    let written = std::fs::read_to_string(&habits).unwrap();
    assert!(written.contains("pub(super) const FAR: Habits = Habits {"), "{written}");
    // Nothing comes back of pieces that are too short.
    let short = pieces_of(&dir.path().join("short"), 20);
    let output =
        run(&["fit-returns", "--data", text(&short.join("train")), "--only", "", "--out", text(&habits)]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("expected more than 10 returns in these pieces, found 0"), "{errors}");

    let play = |name: &str, more: &[&str]| {
        let file = dir.path().join(name);
        let music = ["generate", "--weights", text(&weights), "--seconds", "60", "--seed", "3"];
        succeed(&[&music[..], &["--out", text(&file)], more].concat());
        std::fs::read(file).unwrap()
    };
    let [plain, themes] =
        [("plain.mid", "0"), ("themes.mid", "400")].map(|(name, often)| play(name, &["--themes", often]));
    assert!(plain != themes);
    assert_eq!(themes, play("again.mid", &["--themes", "400"]), "from one seed the same");
}
