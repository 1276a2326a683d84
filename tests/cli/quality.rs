//! What `compare` and `quality` say of performances whose differences are known.

use crate::{json, pieces, pieces_of, run, succeed, text};

#[test]
fn a_folder_is_like_itself_and_copied_from_itself() {
    let dir = tempfile::tempdir().unwrap();
    let midi = pieces(&dir.path().join("midi")).join("train");
    let (tokens, plots) = (dir.path().join("tokens"), dir.path().join("plots"));
    succeed(&["prepare", text(midi.parent().unwrap()), "--out", text(&tokens)]);
    let folders = ["compare", text(&midi), text(&midi)];
    let found = json(&[&folders[..], &["--train", text(&tokens), "--plots", text(&plots)]].concat());
    assert_eq!((&found["reference_pieces"], &found["generated_pieces"]), (&6.into(), &6.into()));
    assert_eq!(found["sample_size"], 3, "half of the reference on each side");
    for row in found["features"].as_array().unwrap() {
        for figure in ["overlap", "floor_overlap", "gap", "kl", "floor_kl"] {
            let [low, value, high] = ["low", "value", "high"].map(|part| row[figure][part].as_f64().unwrap());
            assert!(low <= value && value <= high, "{figure}: {row}");
        }
        // All are played alike, in keys of their own; the draws leave the gap open.
        assert!(row["gap"]["low"].as_f64().unwrap() <= 0.0 && row["gap"]["high"].as_f64().unwrap() >= 0.0);
        if row["feature"] == "duration" {
            assert_eq!(
                (row["overlap"]["value"].as_f64(), row["kl"]["value"].as_f64()),
                (Some(1.0), Some(0.0))
            );
        }
    }
    // 300 notes: every strike is shared, and the 299 intervals.
    for set in 0..2 {
        assert_eq!(found["copies"]["strikes"][set]["covered"]["value"], 1.0);
        assert_eq!(found["copies"]["intervals"][set]["longest"], serde_json::json!(vec![299; 6]));
    }
    assert_eq!(found["generated_breakdown"]["broken_pieces"]["loop"], 6, "broken chords go round and round");
    assert_eq!(found["generated_breakdown"]["broken_pieces"]["silence"], 0);
    for plot in ["distributions.svg", "overlap.svg"] {
        assert!(std::fs::read_to_string(plots.join(plot)).unwrap().contains("</svg>"));
    }
    // Broken chords: every run of eight was heard before, in the first seconds, too.
    let share = |lag: &str| found["generated_structure"]["top_line"][lag]["share"]["value"].as_f64().unwrap();
    assert!(share("far") > 0.9 && share("near") > 0.9, "{} {}", share("far"), share("near"));
    let table = succeed(&folders);
    assert!(table.starts_with("6 generated pieces against 6 of reference; 3 on each side"), "{table}");
    assert!(table.contains("\nlongest silence "), "{table}");
}

#[test]
fn files_that_cannot_be_used_are_named_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let midi = pieces(&dir.path().join("midi"));
    std::fs::write(midi.join("train/broken.mid"), b"not a MIDI file").unwrap();
    let output = run(&["compare", text(&midi.join("train")), text(&midi.join("validation"))]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("left out 1 of 7 files (broken.mid: it is not a MIDI file"), "{errors}");
    // Two pieces have two halves, one does not.
    std::fs::remove_file(midi.join("validation/1.mid")).unwrap();
    let output = run(&["compare", text(&midi.join("validation")), text(&midi.join("train"))]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.contains("expected at least 2 human performances and 1 to compare, found 1 and 6"),
        "{errors}"
    );
}

#[test]
fn the_page_is_made_by_one_command_and_is_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let midi = pieces_of(&dir.path().join("midi"), 800);
    let (data, runs) = (dir.path().join("tokens"), dir.path().join("run"));
    succeed(&["prepare", text(&midi), "--out", text(&data)]);
    let settings = dir.path().join("tiny.toml");
    let text_of_settings = "[model]\nlayers = 1\nhidden = 32\n[training]\nbatch = 8\ntime = 32\nwalk = 256\n\
                            events = 10_000\nlearning_rate = 1e-2\nwarm_up = 5\nvalidation_events = 400\n";
    std::fs::write(&settings, text_of_settings).unwrap();
    succeed(&["train", "--config", text(&settings), "--data", text(&data), "--out", text(&runs)]);
    let weights = runs.join("best.safetensors");
    let page = |name: &str| {
        let (out, keep) = (dir.path().join(name), dir.path().join("keep"));
        let sizes = ["--pieces", "3", "--seconds", "20", "--long", "1", "--each", "1", "--primers", "2"];
        let files = ["--weights", text(&weights), "--data", text(&data), "--out", text(&out)];
        let found = json(&[&["quality"], &files[..], &sizes, &["--keep", text(&keep)]].concat());
        assert_eq!((&found["generated_pieces"], &found["sample_size"]), (&3.into(), &1.into()));
        assert_eq!(found["stability"]["minutes"].as_array().unwrap().len(), 4);
        assert_eq!(found["adherence"]["densities"].as_array().unwrap().len(), 5);
        assert!(found["adherence"]["composer"].is_null(), "the data names no composers");
        assert_eq!(std::fs::read_dir(keep).unwrap().count(), 3 + 1);
        std::fs::read_to_string(out).unwrap()
    };
    let first = page("quality.md");
    for plot in ["distributions", "overlap", "stability", "breakdown", "density", "copies"] {
        assert!(first.contains(&format!("(quality/{plot}.svg)")), "{plot}");
        assert!(dir.path().join(format!("quality/{plot}.svg")).exists(), "{plot}");
    }
    assert!(first.contains("## Does a tune come back?") && first.contains("**Themes.**"), "{first}");
    assert!(!first.contains("NaN"), "{first}");
    // But for its own name and how long it took.
    let music =
        |page: &str| page.replace("again", "quality").split_once("## Distributions").unwrap().1.to_owned();
    assert_eq!(music(&first), music(&page("again.md")));
}
