//! Folders, files, outputs and numbers as they should not be.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use performance::midi;
use tempfile::TempDir;

use crate::learning::config_with;
use crate::{json, pieces, run, succeed, text};

/// A folder with prepared data and a small network that learned a little from it.
struct Learned {
    dir: TempDir,
    data: PathBuf,
    out: PathBuf,
    weights: PathBuf,
}

impl Learned {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let midi = pieces(&dir.path().join("midi"));
        let (data, out) = (dir.path().join("tokens"), dir.path().join("run"));
        succeed(&["prepare", text(&midi), "--out", text(&data)]);
        let config = config_with(dir.path(), 2_560, "");
        succeed(&["train", "--config", text(&config), "--data", text(&data), "--out", text(&out)]);
        let weights = out.join("best.safetensors");
        Self { dir, data, out, weights }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn train(&self, config: &Path, more: &[&str]) -> Output {
        let args = ["train", "--config", text(config), "--data", text(&self.data), "--out", text(&self.out)];
        run(&[&args, more].concat())
    }
}

/// Expects exit code 1 and one sentence with these words.
#[track_caller]
fn refused(output: &Output, words: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains(words), "expected {words:?}, found {errors}");
}

fn named_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

/// The header of a weight file, changed, with as many tensors as before.
fn with_header(file: &[u8], change: impl Fn(String) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().expect("8 bytes")) as usize;
    let mut header = change(String::from_utf8(file[8..8 + length].to_vec()).expect("JSON")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, &file[8 + length..]].concat()
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let learned = Learned::new();
    let (weights, take) = (text(&learned.weights), learned.path("take.mid"));
    let (midi, again) = (learned.path("midi"), learned.path("again"));
    let piece = midi.join("train/0.mid");
    let generate = ["generate", "--weights", weights, "--seed", "1", "--seconds", "20", "--takes", "5"];
    let commands: [&[&str]; 5] = [
        &[&generate[..], &["--out", text(&take)]].concat(),
        &["inspect", text(&piece)],
        &["prepare", text(&midi), "--out", text(&again)],
        &["evaluate", "--weights", weights, "--data", text(&learned.data)],
        &["compare", text(&midi), text(&midi)],
    ];
    for args in commands {
        let mut command = Command::new(env!("CARGO_BIN_EXE_performance-rnn"));
        let command = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("UTF-8");
        assert!(child.wait().expect("an end").success(), "{args:?}: {errors}");
        assert_eq!(errors, "", "{args:?}");
    }
    for number in 1..=5 {
        let file = learned.path(&format!("take-{number}.mid"));
        midi::read(&fs::read(file).expect("every take is written")).expect("a MIDI file");
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux");
    let mut command = Command::new(env!("CARGO_BIN_EXE_performance-rnn"));
    let output = command.args(commands[1]).stdout(full).output().expect("the program starts");
    refused(&output, "standard output cannot be written: No space left on device");
}

/// As MAESTRO lies in folders by year; with a file that is none, a link to itself, and a pipe that nobody writes to.
#[test]
fn folders_are_walked_alike() {
    let learned = Learned::new();
    let (midi, years) = (learned.path("midi"), learned.path("years"));
    for year in ["2004", "2018/late"] {
        fs::create_dir_all(years.join(year)).unwrap();
        for piece in 0..3 {
            let name = format!("{piece}.mid");
            fs::copy(midi.join("train").join(&name), years.join(year).join(name)).unwrap();
        }
    }
    fs::write(years.join("2004/404.mid"), "<!DOCTYPE html><html>").unwrap();
    fs::write(years.join("LICENSE"), "none").unwrap();
    symlink(&years, years.join("2018/again")).unwrap();
    named_pipe(&years.join("2004/pipe.mid"));
    let weights = text(&learned.weights);
    let prepared = learned.path("prepared");
    let commands: [&[&str]; 4] = [
        &["prepare", text(&years), "--out", text(&prepared)],
        &["evaluate", "--weights", weights, "--data", text(&years)],
        &["compare", text(&years), text(&midi)],
        &["compare", text(&midi), text(&midi), "--train", text(&years)],
    ];
    for args in commands {
        let output = run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{args:?}: {errors}");
        assert!(
            errors.starts_with("left out 2 of 8 files (2004/404.mid: it is a web page"),
            "{args:?}: {errors}"
        );
        assert!(
            errors.contains("2004/pipe.mid cannot be read: expected a file, found a pipe"),
            "{args:?}: {errors}"
        );
    }
    let all = json(&["evaluate", "--weights", weights, "--data", text(&years)]);
    let late = json(&["evaluate", "--weights", weights, "--data", text(&years), "--only", "2018/"]);
    assert_eq!(all["events"].as_u64().unwrap(), 2 * late["events"].as_u64().unwrap());
    // `--only` is the beginning of a path, in a folder as in prepared data.
    refused(
        &run(&["evaluate", "--weights", weights, "--data", text(&years), "--only", "late"]),
        "holds no pieces below late",
    );
}

#[test]
fn weights_that_cannot_be_are_refused_before_they_are_used() {
    let learned = Learned::new();
    let good = fs::read(&learned.weights).unwrap();
    let mut nan = good.clone();
    let end = nan.len();
    nan[end - 2..].copy_from_slice(&[0x00, 0x7E]);
    let promises = with_header(&good, |json| {
        json.replace("\\\"layers\\\":1,\\\"hidden\\\":32", "\\\"layers\\\":16,\\\"hidden\\\":8192")
    });
    assert_ne!(promises, good);
    let file = learned.path("odd.safetensors");
    let odd = text(&file);
    for (bytes, words) in
        [(nan, "expected numbers within"), (promises, "of shape [413, 32768], found [413, 128]")]
    {
        fs::write(&file, bytes).unwrap();
        for more in [&[][..], &["--quantized"]] {
            refused(
                &run(&[&["evaluate", "--weights", odd, "--data", text(&learned.data)], more].concat()),
                words,
            );
        }
        let out = learned.path("from");
        refused(&run(&["train", "--from", odd, "--data", text(&learned.data), "--out", text(&out)]), words);
    }
    // Sizes are looked at before anything is read, and nobody waits for a pipe.
    fs::File::create(&file).unwrap().set_len(40 << 30).unwrap();
    refused(
        &run(&["evaluate", "--weights", odd, "--data", text(&learned.data)]),
        "expected a safetensors weight file",
    );
    let sparse = learned.path("sparse.mid");
    fs::File::create(&sparse).unwrap().set_len(40 << 30).unwrap();
    refused(&run(&["inspect", text(&sparse)]), "MB");
    let pipe = learned.path("pipe.mid");
    named_pipe(&pipe);
    refused(&run(&["inspect", text(&pipe)]), "expected a file, found a pipe");
    refused(&run(&["inspect", text(learned.dir.path())]), "expected a file, found a folder");
}

#[test]
fn an_output_that_is_something_else_stays_what_it_is() {
    let learned = Learned::new();
    let weights = text(&learned.weights);
    let generate = |out: &Path, more: &[&str]| {
        run(&[&["generate", "--weights", weights, "--seed", "1", "--seconds", "1", "--out", text(out)], more]
            .concat())
    };
    let pipe = learned.path("pipe.mid");
    named_pipe(&pipe);
    refused(&generate(&pipe, &[]), "expected a file or nothing there, found a pipe or a device");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    let (link, target) = (learned.path("link.mid"), learned.path("target.mid"));
    fs::write(&target, "old").unwrap();
    symlink(&target, &link).unwrap();
    assert!(generate(&link, &[]).status.success());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link stays a link");
    midi::read(&fs::read(&target).unwrap()).unwrap();
    let before = fs::read(&target).unwrap();
    refused(
        &generate(&link, &["--primer", text(&target)]),
        "expected --out to be another file than --primer",
    );
    refused(&generate(&learned.weights, &[]), "expected --out to be another file than --weights");
    assert_eq!(fs::read(&target).unwrap(), before);
}

#[test]
fn a_run_that_diverges_keeps_its_last_good_state() {
    let learned = Learned::new();
    let checkpoint = learned.out.join("checkpoint.safetensors");
    let wild = "learning_rate = 1e38\nweight_decay = 0.1\nprecision = \"f32\"\ndecay = 0.0\nwarm_up = 1\ncheckpoint_secs = 0\n";
    let (text_of, path) =
        (fs::read_to_string(config_with(learned.dir.path(), 40_000, "")).unwrap(), learned.path("wild.toml"));
    let lines: Vec<&str> = text_of
        .lines()
        .filter(|line| !line.starts_with("learning_rate") && !line.starts_with("warm_up"))
        .collect();
    fs::write(&path, format!("{}\n{wild}", lines.join("\n"))).unwrap();
    let output = learned.train(&path, &["--resume"]);
    refused(
        &output,
        "the last checkpoint is from before that: go on from it (--resume) with a lower learning rate",
    );
    // As it says: another run goes on from what is there.
    assert!(checkpoint.exists());
    let tame = config_with(learned.dir.path(), 20_480, "");
    let again = learned.train(&tame, &["--resume"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let evaluation = json(&["evaluate", "--weights", text(&learned.weights), "--data", text(&learned.data)]);
    assert!(evaluation["nats_per_event"].as_f64().unwrap().is_finite());
    // No step is measured twice.
    let metrics = fs::read_to_string(learned.out.join("metrics.jsonl")).unwrap();
    let step =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["step"].as_u64().unwrap();
    let steps: Vec<u64> = metrics.lines().map(step).collect();
    assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
    // A fresh run says that there is nothing to go on from.
    let fresh = learned.path("fresh");
    fs::write(
        &path,
        fs::read_to_string(&path).unwrap().replace("checkpoint_secs = 0", "checkpoint_secs = 900"),
    )
    .unwrap();
    let output =
        run(&["train", "--config", text(&path), "--data", text(&learned.data), "--out", text(&fresh)]);
    refused(&output, "there is no checkpoint yet: begin again with a lower learning rate");
    assert!(!fresh.join("checkpoint.safetensors").exists());
}

#[test]
fn a_run_belongs_to_its_folder_and_its_data() {
    let learned = Learned::new();
    let config = config_with(learned.dir.path(), 5_120, "");
    fs::write(learned.out.join("best.safetensors.123.4.part"), "of a killed run").unwrap();
    let lock = fs::File::options().create(true).append(true).open(learned.out.join("lock")).unwrap();
    lock.lock().unwrap();
    refused(&learned.train(&config, &["--resume"]), "another command is writing into");
    drop(lock);
    let other = learned.path("other");
    fs::create_dir_all(&other).unwrap();
    for name in ["0.mid", "1.mid"] {
        fs::copy(learned.path("midi/train").join(name), other.join(name)).unwrap();
    }
    let prepared = learned.path("other-tokens");
    succeed(&["prepare", text(&other), "--out", text(&prepared)]);
    let args = [
        "train",
        "--config",
        text(&config),
        "--data",
        text(&prepared),
        "--out",
        text(&learned.out),
        "--resume",
    ];
    refused(&run(&args), "learned from other data");
    let resumed = learned.train(&config, &["--resume"]);
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert!(!learned.out.join("best.safetensors.123.4.part").exists());
    // A card has the run's settings, not any that somebody names.
    let release = |config: &Path| {
        run(&[
            "release",
            "--run",
            text(&learned.out),
            "--data",
            text(&learned.data),
            "--config",
            text(config),
            "--out",
            text(&learned.path("card/small")),
        ])
    };
    refused(
        &release(&config_with(learned.dir.path(), 5_121, "dropout = 0.5\n")),
        "to be the run's settings with",
    );
    refused(&release(Path::new("configs/base.toml")), "settings with 1 layers of 32 units");
}

#[test]
fn numbers_that_hang_or_learn_nothing_are_refused() {
    let learned = Learned::new();
    for setting in
        ["walk = 0", "sample_secs = inf", "clip = -1", "weight_decay = nan", "batch = 0", "time = 1"]
    {
        let name = setting.split(' ').next().unwrap_or_default();
        let base = fs::read_to_string(config_with(learned.dir.path(), 5_120, "")).unwrap();
        let lines: Vec<&str> = base.lines().filter(|line| !line.starts_with(name)).collect();
        let path = learned.path("setting.toml");
        fs::write(&path, format!("{}\n{setting}\n", lines.join("\n"))).unwrap();
        refused(&learned.train(&path, &["--resume"]), "expected ");
    }
    assert_eq!(run(&["bench", "--batch", "0"]).status.code(), Some(2));
    assert_eq!(run(&["bench", "--time", "0"]).status.code(), Some(2));
}
