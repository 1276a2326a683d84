//! The command line.

use crate::{Error, Result};

/// What `cargo xtask help` prints.
pub const USAGE: &str = "\
usage: cargo xtask <task>

  serve [--port N]  install what is missing, build the release page, serve it on http://127.0.0.1:8080
  build             make the release page in dist/
  test              everything CI runs: formatting, lints, tests, the page, the page in a real browser
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
    Build,
    /// Make the release page and serve it.
    Serve {
        /// TCP port on the loopback interface; 0 lets the system choose.
        port: u16,
    },
    /// Run what CI runs.
    Test,
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
    let mut arguments = arguments.into_iter();
    let name = arguments.next().ok_or_else(|| Error::new("no task given"))?;
    let task = match name.as_str() {
        "help" | "--help" | "-h" => Task::Help,
        "build" => Task::Build,
        "serve" => Task::Serve { port: port(&mut arguments)? },
        "test" => Task::Test,
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

fn port(arguments: &mut impl Iterator<Item = String>) -> Result<u16> {
    let Some(option) = arguments.next() else { return Ok(DEFAULT_PORT) };
    let value = match option.split_once('=') {
        Some(("--port", value)) => Some(value.to_owned()),
        None if option == "--port" => arguments.next(),
        _ => return Err(Error::new(format!("`serve` does not take `{option}`"))),
    };
    let value = value.unwrap_or_default();
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
        check("build", Ok(Task::Build));
        check("test", Ok(Task::Test));
        check("serve", Ok(Task::Serve { port: 8080 }));
        check("serve --port 9", Ok(Task::Serve { port: 9 }));
        check("serve --port=0", Ok(Task::Serve { port: 0 }));
        let arguments = ["bench", "--json"].map(str::to_owned).to_vec();
        check("bench --json", Ok(Task::Measure { arguments }));
        check("", Err("no task given"));
        check("fly", Err("there is no task `fly`"));
        check("build now", Err("`build` does not take `now`"));
        check("serve --open", Err("`serve` does not take `--open`"));
        check("serve --port", Err("`--port` takes a number from 0 to 65535, not ``"));
        check("serve --port 70000", Err("`--port` takes a number from 0 to 65535, not `70000`"));
    }
}
