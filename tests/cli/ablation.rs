//! `ablation`, `sweep` and `roll` on a corpus that is easy to learn.

use crate::{json, pieces, run, succeed, text};

const PLAN: &str = "reference = \"all\"\n[model]\nlayers = 1\nhidden = 32\n\
    [training]\nbatch = 8\ntime = 32\nwalk = 250\nevents = 40_000\nlearning_rate = 1e-2\nwarm_up = 5\n\
    average = 0.9\nvalidation_events = 400\nsample_secs = 0.0\n[[variant]]\nname = \"all\"\n\
    [[variant]]\nname = \"deaf\"\ntraining = { sounding = false }\n";

#[test]
fn variants_are_trained_measured_and_not_trained_again() {
    let dir = tempfile::tempdir().unwrap();
    let midi = pieces(&dir.path().join("midi"));
    let [data, plan, runs, out] =
        ["tokens", "plan.toml", "runs", "ablation.md"].map(|name| dir.path().join(name));
    succeed(&["prepare", text(&midi), "--out", text(&data)]);
    std::fs::write(&plan, PLAN).unwrap();
    let files = ["--data", text(&data), "--plan", text(&plan), "--runs", text(&runs), "--out", text(&out)];
    let measure = || json(&[&["ablation", "--seeds", "1"], &files[..]].concat());
    let found = measure();
    let page = std::fs::read_to_string(&out).unwrap();
    assert!(page.contains("| deaf | `sounding = false` |"), "{page}");
    assert!(page.contains("(ablation/loss.svg)") && dir.path().join("ablation/errors.svg").exists());
    let [all, deaf] = [0, 1].map(|idx| &found["variants"][idx]["outcomes"][0]);
    for outcome in [all, deaf] {
        assert!(outcome["validation"].as_f64().unwrap() < 2.0, "{outcome}");
        assert_eq!(outcome["structure"]["events"], 64_000);
    }
    assert_ne!(all["validation"], deaf["validation"]);
    // What a deaf network knows of sounding notes is nothing, in the file too.
    let weights = std::fs::read(runs.join("deaf-1/best.safetensors")).unwrap();
    let sounding = |file: &[u8]| rnn::weights::load_tensor(file, "sounding").unwrap().values;
    assert!(sounding(&weights).iter().all(|&weight| weight == 0.0));
    let weights = std::fs::read(runs.join("all-1/best.safetensors")).unwrap();
    assert!(sounding(&weights).iter().any(|&weight| weight != 0.0));

    // Done runs are read, not made anew; other settings want another folder.
    std::fs::remove_file(runs.join("all-1/best.safetensors")).unwrap();
    assert_eq!(measure(), found);
    std::fs::write(&plan, PLAN.replace("40_000", "50_000")).unwrap();
    let refused = run(&[&["ablation"], &files[..]].concat());
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(errors.contains("holds a run with other settings"), "{errors}");
}

#[test]
fn settings_are_swept_and_performances_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let midi = pieces(&dir.path().join("midi"));
    let [data, runs, out, roll] =
        ["tokens", "run", "sampling.md", "roll.svg"].map(|name| dir.path().join(name));
    succeed(&["prepare", text(&midi), "--out", text(&data)]);
    let config = dir.path().join("tiny.toml");
    std::fs::write(
        &config,
        "[model]\nlayers = 1\nhidden = 32\n[training]\nbatch = 8\ntime = 32\nevents = 10_000\n",
    )
    .unwrap();
    succeed(&["train", "--config", text(&config), "--data", text(&data), "--out", text(&runs)]);
    let weights = runs.join("best.safetensors");
    let sweep = |temperatures: &str| {
        let files = ["--weights", text(&weights), "--data", text(&data), "--out", text(&out)];
        let sizes = ["--pieces", "3", "--seconds", "20", "--top-ps", "0.9,1", "--temperatures", temperatures];
        [&["sweep"], &files[..], &sizes].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let command = sweep("0.5,1");
    let found = json(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let settings = found["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 4);
    assert_eq!(settings.iter().filter(|setting| setting["is_default"] == true).count(), 1);
    assert_ne!(settings[0]["features"], settings[3]["features"], "the temperature changes what is played");
    let page = std::fs::read_to_string(&out).unwrap();
    assert!(page.contains("| **1** | **1** |") && page.contains("| human | "), "{page}");
    let command = sweep("9");
    let refused = run(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(errors.contains("expected temperature of 0.05 to 5, found 9"), "{errors}");

    // The first 8 s of 48: fifty notes, and the line of each octave.
    let file = midi.join("train/0.mid");
    succeed(&["roll", text(&file), "--seconds", "8", "--out", text(&roll)]);
    let drawn = |svg: &std::path::Path| std::fs::read_to_string(svg).unwrap().matches("<rect").count();
    assert_eq!(drawn(&roll), 1 + 50, "the background and the notes");
    // Broken chords go round and round: bars, and frames above what was heard before.
    let marked = dir.path().join("marked.svg");
    succeed(&["roll", text(&file), "--seconds", "8", "--returns", "--out", text(&marked)]);
    assert!(drawn(&marked) >= 1 + 50 + 2, "{}", drawn(&marked));
    let refused = run(&["roll", text(&weights), "--out", text(&roll)]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("it is not a MIDI file"));
}
