//! A tiny network learns a tiny corpus in seconds, survives a kill, evaluates and plays.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use performance::{encode, midi};

use crate::{json, pieces, run, succeed, text};

fn config(dir: &Path, events: u64) -> PathBuf {
    config_with(dir, events, "")
}

pub(crate) fn config_with(dir: &Path, events: u64, more: &str) -> PathBuf {
    let path = dir.join(format!("{events}.toml"));
    let text = format!(
        "[model]\nlayers = 1\nhidden = 32\n[training]\nbatch = 8\ntime = 32\nwalk = 250\nevents = {events}\n\
         learning_rate = 1e-2\nwarm_up = 5\naverage = 0.9\nvalidate_every = 20_000\nvalidation_events = 400\n\
         sample_secs = 2.0\n{more}"
    );
    std::fs::write(&path, text).expect("a file");
    path
}

/// Training losses of a run.
pub(crate) fn losses(run: &Path) -> Vec<f64> {
    metric(run, "train")
}

/// A number of the metrics file, where it has it.
fn metric(run: &Path, name: &str) -> Vec<f64> {
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).expect("a run's metrics");
    let metrics = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    metrics.filter_map(|metric| metric[name].as_f64()).collect()
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
    // In the keys that were played: what was drawn before means something else now.
    let other = config_with(dir.path(), 90_000, "augment = false\n");
    assert!(train(&other, &["--resume"]).status.success(), "a run goes on with other sequences");

    let metrics = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let metrics: Vec<serde_json::Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        metrics[0]["validation"].as_f64().unwrap() > 4.0,
        "a run begins with a validation: {}",
        metrics[0]
    );
    let losses: Vec<f64> = metrics.iter().filter_map(|metric| metric["train"].as_f64()).collect();
    let (first, last) = (losses[0], *losses.last().unwrap());
    assert!(first > 4.0 && last < 1.5, "the loss fell from {first} to {last} only");
    let steps: Vec<u64> = metrics.iter().map(|metric| metric["step"].as_u64().unwrap()).collect();
    assert!(steps.is_sorted(), "the resumed run counts on: {steps:?}");
    assert!(std::fs::read_to_string(out.join("loss.svg")).unwrap().contains("<svg"));
    let samples: Vec<_> = std::fs::read_dir(out.join("samples")).unwrap().collect();
    assert_eq!(samples.len(), 5, "one at each validation");
    for sample in samples {
        midi::read(&std::fs::read(sample.unwrap().path()).unwrap()).unwrap();
    }

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
    let quantized = json(&[
        "evaluate",
        "--quantized",
        "--weights",
        text(&weights),
        "--data",
        text(&data),
        "--only",
        "validation/",
    ]);
    assert_eq!(quantized["events"], evaluation["events"]);
    let difference = quantized["nats_per_event"].as_f64().unwrap() - nats;
    assert!(difference.abs() < 0.005, "whole numbers lose {difference} nats/event");

    let play = |name: &str, more: &[&str]| {
        let file = dir.path().join(name);
        let args =
            ["generate", "--weights", text(&weights), "--seconds", "10", "--seed", "3", "--out", text(&file)];
        succeed(&[&args, more].concat());
        std::fs::read(file).unwrap_or_default()
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
    play("all.mid", &["--takes", "3"]);
    let take = |n| std::fs::read(dir.path().join(format!("all-{n}.mid"))).unwrap();
    assert_eq!(take(1), alone, "a take is what its seed gives alone");
    assert!(take(2) != alone && take(3) != take(2), "other seeds play something else");
    let rest = play("rest.mid", &["--primer", text(&primer_file), "--without-primer"]);
    assert!(midi::read(&rest).unwrap().performance.duration_us() < 15_000_000);
}

/// Tensors as bytes, and the rest of the header, which comes in any order.
fn weight_file(path: &Path) -> (serde_json::Value, Vec<u8>) {
    let bytes = std::fs::read(path).expect("a weight file");
    let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let json: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header]).expect("JSON");
    (json, bytes[8 + header..].to_vec())
}

#[test]
fn a_run_that_was_killed_ends_with_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let midi_dir = pieces(&dir.path().join("midi"));
    let data = dir.path().join("tokens");
    succeed(&["prepare", text(&midi_dir), "--out", text(&data)]);
    let config = config_with(dir.path(), 30_000, "checkpoint_secs = 0\ndropout = 0.1\nweight_decay = 0.1\n");
    let args = |out: &str, more: &[&'static str]| -> Vec<String> {
        let out = dir.path().join(out);
        let args = ["train", "--config", text(&config), "--data", text(&data), "--out", text(&out)];
        args.iter().chain(more).map(|&arg| arg.to_owned()).collect()
    };
    let finish = |args: Vec<String>| succeed(&args.iter().map(String::as_str).collect::<Vec<_>>());

    finish(args("whole", &[]));
    let mut child = Command::new(env!("CARGO_BIN_EXE_performance-rnn"))
        .args(args("killed", &[]))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let metrics = dir.path().join("killed/metrics.jsonl");
    let patience = Instant::now() + Duration::from_secs(120);
    while std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < 5 {
        assert!(Instant::now() < patience, "the run does not get on");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(std::fs::read_to_string(&metrics).unwrap().lines().count() < 12, "killed on the way");
    finish(args("killed", &["--resume"]));

    for file in ["checkpoint.safetensors", "best.safetensors"] {
        let [whole, killed] = ["whole", "killed"].map(|run| weight_file(&dir.path().join(run).join(file)));
        assert_eq!(whole.0, killed.0, "{file}");
        assert!(whole.1 == killed.1, "the tensors of {file} differ");
    }
}

#[test]
fn a_run_that_fails_says_why_and_keeps_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let midi_dir = pieces(&dir.path().join("midi"));
    let (data, out) = (dir.path().join("tokens"), dir.path().join("run"));
    succeed(&["prepare", text(&midi_dir), "--out", text(&data)]);
    let args = |config: &Path| {
        ["train", "--config", text(config), "--data", text(&data), "--out", text(&out), "--resume"]
            .map(str::to_owned)
    };
    let attempt = |config: &Path| run(&args(config).each_ref().map(String::as_str));
    assert!(attempt(&config(dir.path(), 3_000)).status.success());
    let checkpoint = std::fs::read(out.join("checkpoint.safetensors")).unwrap();

    let wild = config_with(dir.path(), 20_000, "precision = \"f32\"\n");
    let text_of =
        std::fs::read_to_string(&wild).unwrap().replace("learning_rate = 1e-2", "learning_rate = 1e38");
    std::fs::write(&wild, text_of).unwrap();
    let output = attempt(&wild);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("the loss became") && errors.contains("lower learning rate"), "{errors}");
    assert_eq!(std::fs::read(out.join("checkpoint.safetensors")).unwrap(), checkpoint);

    // A limit on the size of files stands for a full disk: both end a write half-way.
    if cfg!(target_os = "linux") {
        let command = format!(
            "trap '' XFSZ; ulimit -f 200; exec {} {}",
            env!("CARGO_BIN_EXE_performance-rnn"),
            args(&config(dir.path(), 6_000)).join(" ")
        );
        let output = Command::new("bash").args(["-c", &command]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("safetensors cannot be written: File too large"), "{errors}");
        assert_eq!(std::fs::read(out.join("checkpoint.safetensors")).unwrap(), checkpoint);
        let parts = std::fs::read_dir(&out).unwrap().filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".part"))
        });
        assert_eq!(parts.count(), 0, "half a file stays behind");
    }
}

#[test]
fn training_goes_on_from_weights_with_other_music() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let midi_dir = pieces(&dir.path().join("midi"));
    succeed(&["prepare", text(&midi_dir), "--out", text(&first)]);
    succeed(&["prepare", text(&midi_dir.join("validation")), "--out", text(&second)]);
    let run_of = |name: &str| dir.path().join(name);
    let config = config(dir.path(), 40_000);
    succeed(&[
        "train",
        "--config",
        text(&config),
        "--data",
        text(&first),
        "--out",
        text(&run_of("first-run")),
    ]);
    let said = succeed(&[
        "train",
        "--config",
        text(&config),
        "--from",
        text(&run_of("first-run").join("best.safetensors")),
        "--data",
        text(&second),
        "--out",
        text(&run_of("second-run")),
    ]);
    let verdict = said.lines().last().unwrap();
    assert!(
        ["Learned", "Still learning", "Overfitting", "Not learning"]
            .iter()
            .any(|word| verdict.starts_with(word)),
        "the last line says how it went: {said}"
    );
    let validations = metric(&run_of("second-run"), "validation");
    assert!(validations[0] < 2.0, "it begins with what was learned: {validations:?}");

    let released = dir.path().join("weights");
    succeed(&[
        "release",
        "--run",
        text(&run_of("second-run")),
        "--data",
        text(&first),
        "--config",
        text(&config),
        "--out",
        text(&released),
    ]);
    let card = std::fs::read_to_string(released.with_extension("md")).unwrap();
    let events = |card: &str, after: &str| -> u64 {
        let words = card.split_once(after).unwrap_or_else(|| panic!("no {after:?} in {card}")).1;
        words.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number of events")
    };
    let (before, all) = (events(&card, "the weights of "), events(&card, "**Training:** "));
    assert!(before >= 20_000 && all >= before, "{card}");
    assert!(card.contains("--from WEIGHTS"), "{card}");
    the_cards_commands_print_its_rows(&card, &first);
}

fn the_cards_commands_print_its_rows(card: &str, data: &Path) {
    let commands: Vec<&str> =
        card.lines().filter_map(|line| line.strip_prefix("performance-rnn evaluate ")).collect();
    let rows: Vec<&str> =
        card.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take(commands.len()).collect();
    assert!(!commands.is_empty(), "{card}");
    for (command, row) in commands.iter().zip(rows) {
        let words = command.split_whitespace().map(|word| if word == "DATA" { text(data) } else { word });
        let args: Vec<&str> = std::iter::once("evaluate").chain(words).collect();
        let found = json(&args);
        let figure = |name: &str| found[name].as_f64().expect("a figure");
        let expected = format!(
            "| {} | {:.4} | {:.2} | {:.2} |",
            found["events"],
            figure("nats_per_event"),
            figure("nats_per_second"),
            figure("nats_per_note")
        );
        assert!(row.contains(&expected), "{command} gives {expected}, the card says {row}");
    }
}

/// The settings that `train --from` takes by itself, for a fraction of their events.
#[test]
fn fine_tuning_the_shipped_weights_lowers_the_loss_of_other_music() {
    let dir = tempfile::tempdir().unwrap();
    let midi_dir = pieces(&dir.path().join("midi"));
    let (data, out) = (dir.path().join("tokens"), dir.path().join("run"));
    succeed(&["prepare", text(&midi_dir), "--out", text(&data)]);
    let settings = include_str!("../../crates/train/configs/finetune.toml");
    let fewer = settings.replace("events = 400_000", "events = 16_000");
    let fewer = fewer.replace("validate_every = 40_000", "validate_every = 4_000");
    let fewer = fewer.replace("validation_events = 20_000", "validation_events = 800\nsample_secs = 0.0");
    assert!(fewer.contains("events = 16_000") && fewer.contains("= 4_000") && fewer.contains("= 800"));
    let config = dir.path().join("fewer.toml");
    std::fs::write(&config, fewer).unwrap();
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/../../www/weights/base.safetensors");
    let args = ["train", "--config", text(&config), "--from", weights, "--data", text(&data)];
    let said = succeed(&[&args[..], &["--out", text(&out)]].concat());
    let validations = metric(&out, "validation");
    let (first, last) = (validations[0], validations[validations.len() - 1]);
    assert!(last < 0.85 * first, "{validations:?}");
    assert!(said.lines().last().unwrap().contains("earn"), "{said}");
}

#[test]
fn two_replicas_learn_together_and_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let midi_dir = pieces(&dir.path().join("midi"));
    let data = dir.path().join("tokens");
    succeed(&["prepare", text(&midi_dir), "--out", text(&data)]);
    let config = config(dir.path(), 80_000);
    let [one, other] = ["one", "other"].map(|name| {
        let out = dir.path().join(name);
        let args = ["train", "--config", text(&config), "--data", text(&data), "--out", text(&out)];
        succeed(&[&args[..], &["--devices", "0,1"]].concat());
        (losses(&out), weight_file(&out.join("best.safetensors")).1)
    });
    let (first, last) = (one.0[0], one.0[one.0.len() - 1]);
    assert!(first > 4.0 && last < 2.0, "the loss fell from {first} to {last} only");
    assert!(one.1 == other.1, "two runs differ");
}

/// Needs an adapter; a software one will do (on Debian: `apt-get install mesa-vulkan-drivers`).
#[cfg(feature = "wgpu")]
#[test]
fn a_gpu_learns_what_the_processor_learns() {
    let dir = tempfile::tempdir().unwrap();
    let midi_dir = pieces(&dir.path().join("midi"));
    let data = dir.path().join("tokens");
    succeed(&["prepare", text(&midi_dir), "--out", text(&data)]);
    let config = config_with(dir.path(), 6_000, "precision = \"f32\"\n");
    let found = ["wgpu", "flex"].map(|device| {
        let out = dir.path().join(device);
        let args = ["train", "--config", text(&config), "--data", text(&data), "--out", text(&out)];
        succeed(&[&args[..], &["--device", device]].concat());
        losses(&out)
    });
    let [gpu, cpu] = &found;
    assert!(gpu[gpu.len() - 1] < gpu[0] - 1.0, "the loss falls: {gpu:?}");
    for (gpu, cpu) in gpu.iter().zip(cpu) {
        assert!((gpu - cpu).abs() < 0.02, "{found:?}");
    }
}
