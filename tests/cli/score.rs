//! Scores: performed into files, and measured against people.

use std::fs;
use std::path::Path;

use performance::midi;
use performance::score::{Bar, Expression, NewNote, Rules, Score, TempoMark, export};
use performance::{Pitch, Velocity};

use crate::{json, run, succeed, text};

/// Two voices, sixteen bars of 4/4.
fn tune() -> Score {
    let note = |idx: u8| {
        let melody = [0, 2, 4, 5, 7, 9, 7, 4][usize::from(idx) % 8] + if idx % 16 < 8 { 72 } else { 67 };
        let length = if idx % 8 == 7 { 0.5 } else { 1.0 };
        NewNote::new(Pitch::new(melody).expect("a pitch"), f64::from(idx), length)
    };
    let bass = |idx: u8| NewNote {
        velocity: Velocity::new(60 + idx).expect("a velocity"),
        ..NewNote::new(Pitch::new(43 + idx % 5).expect("a pitch"), f64::from(idx) * 2.0, 2.0)
    };
    let bar =
        |idx: u8| Bar { onset_quarters: 4.0 * f64::from(idx), beats: 4, beat_unit: 4, skipped_quarters: 0.0 };
    let tempo = TempoMark { onset_quarters: 0.0, quarters_per_minute: 100.0 };
    Score::builder()
        .notes((0..64).map(note).chain((0..32).map(bass)))
        .bars((0..16).map(bar))
        .tempos([tempo])
        .build()
        .expect("a score")
}

fn write_tune(dir: &Path) -> String {
    let file = dir.join("tune.mid");
    fs::write(&file, export(&tune(), &Expression::written(&tune()))).expect("a folder to write to");
    text(&file).to_owned()
}

#[test]
fn a_score_is_performed_by_each_renderer() {
    let dir = tempfile::tempdir().unwrap();
    let (score, out) = (write_tune(dir.path()), dir.path().join("out.mid"));
    let perform = |args: &[&str]| {
        let found = json(&[&["perform", &score, "--out", text(&out)], args].concat());
        assert_eq!((&found["notes"], &found["is_quantized"]), (&96.into(), &true.into()));
        midi::read(&fs::read(&out).unwrap()).unwrap().performance
    };
    let network = perform(&["--seed", "3"]);
    assert_eq!(network.notes().len(), 96);
    assert_eq!(perform(&["--seed", "3", "--renderer", "network"]), network);
    assert_ne!(perform(&["--seed", "4"]), network);
    let ridge = perform(&["--seed", "3", "--renderer", "ridge"]);
    assert_eq!(ridge.notes().len(), 96);
    assert_ne!(ridge, network);
    let kth = perform(&["--renderer", "kth"]);
    assert_ne!(perform(&["--renderer", "kth", "--palette", "lively"]), kth);
    // Nothing of the expression is the score, whoever plays.
    let written = perform(&["--expression", "0"]);
    assert_eq!(perform(&["--expression", "0", "--renderer", "kth", "--seed", "9"]), written);
    let flat = perform(&["--renderer", "flat"]);
    assert!(flat.notes().iter().all(|note| note.velocity == flat.notes()[0].velocity));
    assert_eq!(flat.notes()[2].start_us, 600_000);
}

#[test]
fn takes_are_numbered_and_keep_the_bars() {
    let dir = tempfile::tempdir().unwrap();
    let score = write_tune(dir.path());
    let out = dir.path().join("out.mid");
    let said = succeed(&["perform", &score, "--seed", "5", "--takes", "2", "--out", text(&out)]);
    assert!(said.starts_with("96 notes in 16 bars\nseed 5: "), "{said}");
    let [first, second] =
        [1, 2].map(|take| fs::read(dir.path().join(format!("out-{take}.mid"))).expect("a take"));
    assert_ne!(first, second);
    let bars = Score::read(&first).unwrap().bars().len();
    assert!((16..=17).contains(&bars), "{bars}");
}

#[test]
fn what_is_no_score_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let (pdf, out) = (dir.path().join("a.pdf"), dir.path().join("x.mid"));
    fs::write(&pdf, "%PDF-1.7").unwrap();
    let score = write_tune(dir.path());
    for args in [
        &["perform", text(&pdf), "--out", text(&out)][..],
        &["perform", "no-such-file", "--out", text(&out)],
        &["perform", &score, "--expression", "9", "--out", text(&out)],
        &["perform", &score, "--palette", "lively", "--out", text(&out)],
        &["perform", &score, "--renderer", "kth", "--palette", "x", "--out", text(&out)],
        &["score-report", "--pairs", "no-such-folder", "--annotations", "."],
        &["score-fit", "--pairs", text(dir.path()), "--annotations", "."],
        &["score-train", "--pairs", text(dir.path()), "--annotations", "."],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(errors.trim_end().lines().count(), 1, "{args:?}: {errors}");
    }
    assert!(!out.exists());
}

/// Pairs as the shared archives lay them out: one score, three people who all play by rule.
fn pairs(dir: &Path) {
    for folder in ["score", "performance/train", "annotations/score", "annotations/performance"] {
        fs::create_dir_all(dir.join(folder)).expect("a folder to write to");
    }
    let beats = |score: &Score| -> String {
        (0..64).map(|beat| format!("{:.6}\t0\tb\n", score.tempo().secs(f64::from(beat)))).collect()
    };
    let score = tune();
    fs::write(dir.join("score/A__tune.mid"), export(&score, &Expression::written(&score)))
        .expect("a folder to write to");
    fs::write(dir.join("annotations/score/A__tune.txt"), beats(&score)).expect("a folder to write to");
    let rules = Rules::default();
    for (idx, share) in [0.8, 1.2, 1.6].into_iter().enumerate() {
        let mut played = Expression::written(&score).blend(&rules.render(&score), share);
        // Own accents, or all are takes of one recording.
        let own = |(note, velocity): (usize, &mut f64)| *velocity += ((note * (idx + 3)) % 7) as f64 * 4.0;
        played.velocity.iter_mut().enumerate().for_each(own);
        let bytes = export(&score, &played);
        let performed = Score::read(&bytes).expect("a score");
        let lead = performed.notes()[0].onset_quarters.round();
        assert_eq!(lead, 0.0);
        fs::write(dir.join(format!("performance/train/A__tune__P_{idx}.mid")), bytes)
            .expect("a folder to write to");
        fs::write(dir.join(format!("annotations/performance/A__tune__P_{idx}.txt")), beats(&performed))
            .expect("a folder to write to");
    }
}

#[test]
fn renderers_are_measured_and_fitted() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path());
    let (folder, page) = (text(dir.path()), dir.path().join("page.md"));
    let args = ["score-report", "--pairs", folder, "--annotations", folder, "--out", text(&page)];
    let found = json(&args);
    assert_eq!((&found["scores"], &found["performances"]), (&1.into(), &3.into()), "{found}");
    assert_eq!((&found["matched_of_written"], &found["left_out"]), (&1.0.into(), &serde_json::json!([])));
    let r = |name: &str| {
        let row = found["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        row["correlation"]["beat tempo"]["value"].as_f64().unwrap()
    };
    assert!(r("KTH, natural") > 0.95 && r("one person and another") > 0.95 && r("flat") == 0.0, "{found}");
    let page_text = fs::read_to_string(&page).unwrap();
    assert!(page_text.contains("| KTH, natural | 1 |") && dir.path().join("page/velocity.svg").exists());

    // A split that is not there, and what is missing.
    assert_eq!(run(&[&args[..], &["--only", "test"]].concat()).status.code(), Some(1));
    fs::remove_file(dir.path().join("annotations/performance/A__tune__P_0.txt")).unwrap();
    let found = json(&[&args[..], &["--only", "train"]].concat());
    assert_eq!(
        found["left_out"][0],
        "A__tune__P_0: A__tune__P_0.txt cannot be read: No such file or directory (os error 2)"
    );

    let weights = dir.path().join("ridge.txt");
    let said = succeed(&["score-fit", "--pairs", folder, "--annotations", folder, "--out", text(&weights)]);
    assert!(said.starts_with("151 features fitted to 2 performances of 1 scores"), "{said}");
    assert!(performance::score::Ridge::read(&fs::read_to_string(&weights).unwrap()).is_ok());

    let weights = dir.path().join("network.bin");
    let said = succeed(&[
        "score-train",
        "--pairs",
        folder,
        "--annotations",
        folder,
        "--out",
        text(&weights),
        "--hidden",
        "4",
        "--passes",
        "200",
    ]);
    assert!(said.starts_with("loss ") && said.contains("over 2 performances of 1 scores"), "{said}");
    assert!(performance::score::Recurrent::read(&fs::read(&weights).unwrap()).is_ok());
}
