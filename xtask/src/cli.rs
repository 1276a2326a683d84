//! The command line.

use std::iter::Peekable;

use crate::serve::{Opens, Reach};
use crate::site::Programs;
use crate::{Error, Result};

/// What `cargo xtask help` prints.
pub const USAGE: &str = "\
usage: cargo xtask <task>

  serve [--port N] [--open] [--lan] [--all]
                    install what is missing, build the release page, serve it on http://127.0.0.1:8080;
                    open it in a browser; let other computers in the network reach it; with all programs
  build [--all]     make the release page in dist/; with all programs, also the one that learns on WebGPU, which
                    takes a quarter of an hour the first time
  test              everything CI runs: formatting, lints, tests, the page, the page in a real browser
  cli [--features wgpu|cuda|remote]
                    build the command performance-rnn with what the tests have built, and say where it is
  bench [OPTIONS]   build the page and measure it in a real browser (see its --help)
  endurance [OPTIONS]
                    build the page and have it compose and play an hour of music (see its --help)
  listen [OPTIONS]  build the page and keep what it plays as WAV files (see its --help)
  teach [OPTIONS]   build the page and measure how it learns from MIDI files (see its --help)
  help              this

Tools and build output go to $PERFORMANCE_RNN_CACHE, by default the user's cache folder.
PERFORMANCE_RNN_WASM=rustup|debian forces the compiler for the page; CHROME names a browser to test with.";

/// The default port of `serve`.
pub const DEFAULT_PORT: u16 = 8080;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Print the usage.
    Help,
    /// Make the release page.
    Build {
        /// Of what.
        programs: Programs,
    },
    /// Make the release page and serve it.
    Serve {
        /// TCP port; 0 lets the system choose.
        port: u16,
        /// From where.
        reach: Reach,
        /// Where.
        opens: Opens,
        /// What is built.
        programs: Programs,
    },
    /// Run what CI runs.
    Test,
    /// Build the command line.
    Cli {
        /// Features of the package `train`.
        features: Vec<String>,
    },
    /// Make the release page and have `measure`, a program of the tests, measure it.
    Measure {
        /// What, and with which options: `bench --json`.
        arguments: Vec<String>,
    },
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// An unknown task or option.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Task> {
    let mut arguments = arguments.into_iter().peekable();
    let name = arguments.next().ok_or_else(|| Error::new("no task given"))?;
    let task = match name.as_str() {
        "help" | "--help" | "-h" => Task::Help,
        "build" => Task::Build { programs: programs(&mut arguments) },
        "serve" => serve(&mut arguments)?,
        "test" => Task::Test,
        "cli" => Task::Cli { features: features(&mut arguments)? },
        "bench" | "endurance" | "listen" | "teach" => {
            let arguments = std::iter::once(name).chain(arguments).collect();
            return Ok(Task::Measure { arguments });
        }
        other => return Err(Error::new(format!("there is no task `{other}`"))),
    };
    match arguments.next() {
        Some(extra) => Err(Error::new(format!("`{name}` does not take `{extra}`"))),
        None => Ok(task),
    }
}

fn programs(arguments: &mut Peekable<impl Iterator<Item = String>>) -> Programs {
    match arguments.next_if_eq("--all") {
        Some(_) => Programs::All,
        None => Programs::Quick,
    }
}

fn serve(arguments: &mut impl Iterator<Item = String>) -> Result<Task> {
    let (mut port, mut reach, mut opens) = (DEFAULT_PORT, Reach::Loopback, Opens::Nothing);
    let mut programs = Programs::Quick;
    while let Some(option) = arguments.next() {
        match (option.as_str(), option.split_once('=')) {
            ("--open", _) => opens = Opens::Browser,
            ("--lan", _) => reach = Reach::Network,
            ("--all", _) => programs = Programs::All,
            ("--port", _) => port = number(&arguments.next().unwrap_or_default())?,
            (_, Some(("--port", value))) => port = number(value)?,
            _ => return Err(Error::new(format!("`serve` does not take `{option}`"))),
        }
    }
    Ok(Task::Serve { port, reach, opens, programs })
}

/// `--features wgpu,remote`.
fn features(arguments: &mut impl Iterator<Item = String>) -> Result<Vec<String>> {
    let mut features = Vec::new();
    while let Some(option) = arguments.next() {
        let list = match (option.as_str(), option.split_once('=')) {
            ("--features", _) => arguments.next().unwrap_or_default(),
            (_, Some(("--features", list))) => list.to_owned(),
            _ => return Err(Error::new(format!("`cli` does not take `{option}`"))),
        };
        features.extend(list.split(',').map(str::to_owned));
    }
    Ok(features)
}

fn number(value: &str) -> Result<u16> {
    value.parse().map_err(|_| Error::new(format!("`--port` takes a number from 0 to 65535, not `{value}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: std::result::Result<Task, &str>) {
        let actual = parse(line.split_whitespace().map(str::to_owned));
        assert_eq!(actual, expected.map_err(Error::new), "for `{line}`");
    }

    #[test]
    fn arguments() {
        check("help", Ok(Task::Help));
        check("build", Ok(Task::Build { programs: Programs::Quick }));
        check("build --all", Ok(Task::Build { programs: Programs::All }));
        check("test", Ok(Task::Test));
        let serve = |port, reach, opens| Ok(Task::Serve { port, reach, opens, programs: Programs::Quick });
        check("serve", serve(8080, Reach::Loopback, Opens::Nothing));
        check("serve --port 9", serve(9, Reach::Loopback, Opens::Nothing));
        check("serve --port=0 --open", serve(0, Reach::Loopback, Opens::Browser));
        check("serve --lan", serve(8080, Reach::Network, Opens::Nothing));
        let cli =
            |features: &[&str]| Ok(Task::Cli { features: features.iter().map(|&f| f.to_owned()).collect() });
        check("cli", cli(&[]));
        check("cli --features wgpu,remote --features=cuda", cli(&["wgpu", "remote", "cuda"]));
        check("cli --fast", Err("`cli` does not take `--fast`"));
        let (port, reach, opens) = (8080, Reach::Loopback, Opens::Nothing);
        check("serve --all", Ok(Task::Serve { port, reach, opens, programs: Programs::All }));
        let arguments = ["bench", "--json"].map(str::to_owned).to_vec();
        check("bench --json", Ok(Task::Measure { arguments }));
        check("", Err("no task given"));
        check("fly", Err("there is no task `fly`"));
        check("build now", Err("`build` does not take `now`"));
        check("serve --fast", Err("`serve` does not take `--fast`"));
        check("serve --port", Err("`--port` takes a number from 0 to 65535, not ``"));
        check("serve --port 70000", Err("`--port` takes a number from 0 to 65535, not `70000`"));
    }
}
