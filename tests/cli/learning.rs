//! A tiny network learns a tiny corpus in seconds, survives a kill, evaluates and plays.

use std::path::Path;

use performance::{encode, midi};

use crate::{json, pieces, run, succeed, text};

fn config(dir: &Path, events: u64) -> std::path::PathBuf {
    let path = dir.join(format!("{events}.toml"));
    let text = format!(
        "[model]\nlayers = 1\nhidden = 32\n[training]\nbatch = 8\ntime = 32\nwalk = 256\nevents = {events}\n\
         learning_rate = 1e-2\nwarm_up = 5\naverage = 0.9\nvalidate_every = 20_000\nvalidation_events = 400\n"
    );
    std::fs::write(&path, text).expect("a file");
    path
}

#[test]
fn loss_falls_the_run_resumes_and_the_network_plays() {
    let dir = tempfile::tempdir().unwrap();
    let midi_dir = pieces(&dir.path().join("midi"));
    let (data, out) = (dir.path().join("tokens"), dir.path().join("run"));
    succeed(&["prepare", text(&midi_dir), "--out", text(&data)]);
    let train = |config: &Path, more: &[&str]| {
        let args = ["train", "--config", text(config), "--data", text(&data), "--out", text(&out)];
        run(&[&args, more].concat())
    };

    assert!(train(&config(dir.path(), 40_000), &[]).status.success());
    let again = train(&config(dir.path(), 40_000), &[]);
    assert_eq!(again.status.code(), Some(1), "a run is not overwritten without --resume");
    assert!(train(&config(dir.path(), 80_000), &["--resume"]).status.success());

    let metrics = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let metrics: Vec<serde_json::Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let loss = |metric: &serde_json::Value| metric["train"].as_f64().unwrap();
    let (first, last) = (loss(&metrics[0]), loss(metrics.last().unwrap()));
    assert!(first > 4.0 && last < 1.5, "the loss fell from {first} to {last} only");
    let steps: Vec<u64> = metrics.iter().map(|metric| metric["step"].as_u64().unwrap()).collect();
    assert!(steps.is_sorted(), "the resumed run counts on: {steps:?}");
    assert!(std::fs::read_to_string(out.join("loss.svg")).unwrap().contains("<svg"));

    let weights = out.join("best.safetensors");
    let evaluation =
        json(&["evaluate", "--weights", text(&weights), "--data", text(&data), "--only", "validation/"]);
    let nats = evaluation["nats_per_event"].as_f64().unwrap();
    assert!(nats < 1.5, "{evaluation}");
    assert!(evaluation["accuracy"].as_f64().unwrap() > 0.5, "{evaluation}");
    let by_type = ["note_on", "note_off", "time_shift", "velocity"];
    let events: u64 =
        by_type.iter().map(|kind| evaluation["by_type"][kind]["events"].as_u64().unwrap()).sum();
    assert_eq!(events, evaluation["events"].as_u64().unwrap());
    let folder =
        json(&["evaluate", "--weights", text(&weights), "--data", text(&midi_dir.join("validation"))]);
    assert_eq!(folder["nats_per_event"], evaluation["nats_per_event"], "MIDI files and prepared data agree");

    let play = |name: &str, more: &[&str]| {
        let file = dir.path().join(name);
        let args =
            ["generate", "--weights", text(&weights), "--seconds", "10", "--seed", "3", "--out", text(&file)];
        succeed(&[&args, more].concat());
        std::fs::read(file).unwrap()
    };
    let alone = play("alone.mid", &[]);
    assert_eq!(alone, play("again.mid", &[]), "a seed plays the same again");
    assert!(midi::read(&alone).unwrap().performance.notes().len() > 10);
    let primer_file = midi_dir.join("validation/0.mid");
    let primer = midi::read(&std::fs::read(&primer_file).unwrap()).unwrap().performance;
    let continued =
        play("continued.mid", &["--primer", text(&primer_file), "--temperature", "0.8", "--top-p", "0.95"]);
    let continued = midi::read(&continued).unwrap().performance;
    let n = primer.notes().len() - 1;
    assert_eq!(encode(&continued)[..n], encode(&primer)[..n], "the primer comes first");
    assert!(continued.notes().len() > primer.notes().len() + 10, "and the network plays on");
    let rest = play("rest.mid", &["--primer", text(&primer_file), "--without-primer"]);
    assert!(midi::read(&rest).unwrap().performance.duration_us() < 15_000_000);
}
