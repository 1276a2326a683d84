//! Figures from the built page in a real browser, for people: `cargo xtask bench`, `endurance`, `listen` and
//! `teach`.

mod bench;
mod endurance;
mod listen;
mod network;
mod teach;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask bench [--rounds N] [--webgpu [--all]] [--peers FOLDER] [--tfjs] [--learning]
                         [--json FILE]
       cargo xtask bench --scores [--json FILE]
       cargo xtask bench --network 50,10,4 [--rounds N] [--before FOLDER] [--json FILE]
       cargo xtask endurance [--minutes N] [--listen N] [--json FILE]
       cargo xtask listen --out FOLDER [--seeds N] [--seconds N] [--primer FILE]… [--primer-seconds N] [--json FILE]
       cargo xtask teach --music FOLDER [--minutes N] [--events N] [--json FILE]

bench measures the page's worker in headless Chromium, as bench.html does for anybody, how soon a change and a score are
heard, and how smoothly an hour's roll is drawn.
  --rounds N        measure everything N times and print medians; 1 unless told otherwise
  --webgpu          also on WebGPU, computed by the CPU where there is no GPU for a headless browser
  --network 50,10,4 instead: from opening the page to the first sound at so many Mbit/s and 40 ms, and on localhost
  --before FOLDER   with --network: another built page in turn
  --scores          instead: how soon a score that is dropped is heard, and a change of its expression
  --all             with --webgpu: also Burn there, which takes a quarter of an hour to build the first time
  --tfjs            beside it TensorFlow.js learning the same network; npm fetches it
  --learning        nothing but how fast the network learns
  --peers FOLDER    beside it what other engines do for the same work, see docs/performance.md
endurance has the page compose and play music.
  --minutes N       of music composed at once; 60 unless told otherwise
  --listen N        minutes that it is listened to, at most what is composed; 60 unless told otherwise
listen has the page compose, and keeps what its piano makes of it as WAV files, with what there is to hear in them.
  --out FOLDER      where to
  --seeds N         from the first N seeds; 10 unless told otherwise
  --seconds N       so much of each; 60 unless told otherwise
  --primer FILE     also after the beginning of this performance; may be given more than once
  --primer-seconds N
                    how much of a primer is its beginning; 30 unless told otherwise
teach has the page learn from MIDI files, and prints its loss on the music that it sets aside.
  --music FOLDER    the files; no folders below it
  --minutes N       stop after N minutes of learning; 10 unless told otherwise
  --events N        learn so many events; as many as the page thinks right unless told otherwise
All:
  --json FILE       write the figures there, too; relative to the checkout";

fn main() -> ExitCode {
    // The browser harness reports failures by panicking; here that becomes a message.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("error: {}", panic.payload_as_str().unwrap_or("it does not say why"));
    }));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let outcome = std::panic::catch_unwind(|| match arguments.split_first() {
        Some((task, options)) if task == "bench" => bench::run(&bench::Options::parse(options)?),
        Some((task, options)) if task == "endurance" => endurance::run(&endurance::Options::parse(options)?),
        Some((task, options)) if task == "listen" => listen::run(&listen::Options::parse(options)?),
        Some((task, options)) if task == "teach" => teach::run(&teach::Options::parse(options)?),
        _ => Err(format!("expected bench, endurance, listen or teach\n\n{USAGE}")),
    });
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// The value after an option.
fn value<T: std::str::FromStr>(option: &str, value: Option<&String>) -> Result<T, String> {
    let found = value.map_or("nothing", String::as_str);
    found.parse().map_err(|_| format!("{option}: expected {}, found {found}", wanted::<T>()))
}

fn wanted<T>() -> &'static str {
    if std::any::type_name::<T>().contains("Path") { "a path" } else { "a whole number" }
}

/// Writes figures to a file, if one was asked for.
fn keep(file: Option<&std::path::Path>, figures: &serde_json::Value) -> Result<(), String> {
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, format!("{figures:#}\n")).map_err(|error| format!("{}: {error}", file.display()))
}
