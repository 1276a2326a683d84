//! Everything CI runs, cheapest first.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{announce, cargo, command, expect_success, run, which};
use crate::site::{self, Programs, locked};
use crate::wasm::Toolchain;
use crate::{Error, Result, browser, checkout, paths, tools};

/// Runs all checks and stops at the first that fails; ends with a summary.
///
/// # Errors
/// The name of the check that failed.
pub fn everything() -> Result<()> {
    let mut steps = Steps::new();
    let outcome = run_steps(&mut steps);
    steps.summarize(outcome)
}

fn run_steps(steps: &mut Steps) -> Result<()> {
    steps.run("formatting", |_| {
        ensure_component("cargo-fmt", "rustfmt")?;
        run(cargo("fmt").args(["--all", "--check"]))
    })?;
    checkout::claim(&paths::target(), &mut cargo("clean"))?;
    steps.run("lints", |_| {
        ensure_component("cargo-clippy", "clippy")?;
        run(cargo("clippy")
            .args(["--release", "--all-targets"])
            .args(locked())
            .args(["--", "-D", "warnings"]))
    })?;
    let browser = steps.run("browsers and pretended hardware", |_| {
        browser::ensure_pretended_hardware();
        browser::ensure_other_engines();
        browser::ensure()
    })?;
    steps.run("tests", |tally| {
        count(cargo("test").args(["--release", "--no-fail-fast"]).args(locked()), tally)
    })?;
    // Packages of their own, so that the tests above need not be compiled with other features.
    steps.run("kernels on a GPU", |tally| {
        let mut tests = cargo("test");
        tests.args(["--release", "--package", "rnn", "--features", "wgpu", "--test", "gpu"]).args(locked());
        // One at a time: they share the adapter, which may be software.
        count(tests.args(["--", "--test-threads=1"]), tally)
    })?;
    steps.run("the page's state", |tally| {
        count(cargo("test").args(["--release", "--package", "web"]).args(locked()), tally)
    })?;
    let toolchain = steps.run("compiler for the page", |_| Toolchain::ensure())?;
    steps.run("lints of the page", |_| {
        checkout::claim(&paths::target_wasm(), &mut toolchain.cargo("clean"))?;
        let mut clippy = toolchain.cargo("clippy");
        run(clippy
            .args(["--release", "--package", "web", "--features", "gpu,learn-relaxed", "--all-targets"])
            .args(locked())
            .args(["--", "-D", "warnings"]))
    })?;
    steps.run("page", |_| site::build(Programs::Quick))?;
    steps.run("sizes of the page", |_| site::check_sizes())?;
    steps.run("page by trunk serve", |_| site::check_trunk_serve(toolchain))?;
    steps.run("page in a browser", |tally| {
        // The same packages as above, so that features resolve the same way and nothing is built twice.
        let mut tests = cargo("test");
        tests.args(["--release", "--no-fail-fast", "--test", "browser"]).args(locked());
        // One page at a time: they measure time, and the machine may have two cores.
        tests.args(["--", "--test-threads=1"]);
        if let Some(axe) = tools::axe() {
            tests.env("AXE", axe);
        }
        tests.env("PERFORMANCE_RNN_DIST", paths::dist()).env("PERFORMANCE_RNN_TRUNK", site::trunk_serve());
        count(tests.env("CHROME", &browser), tally)
    })?;
    // Last, because its feature builds Burn once more, and 160 crates of networking with it.
    steps.run("a device that another process lends", |tally| {
        let mut tests = cargo("test");
        tests
            .args(["--release", "--package", "train", "--features", "remote", "--test", "cli"])
            .args(locked());
        count(tests.args(["--", "remote::"]), tally)
    })
}

/// Builds `performance-rnn` with these features of the package `train`, and says where it is.
///
/// # Errors
/// It does not build.
pub fn build_cli(features: &[String]) -> Result<()> {
    checkout::claim(&paths::target(), &mut cargo("clean"))?;
    let mut build = cargo("build");
    // With a test, because tests have two small libraries with more features than the command alone would, and Burn,
    // which is built on them, would be built once more.
    build.args(["--release", "--bin", "performance-rnn", "--test", "tidy"]).args(locked());
    for feature in features {
        build.args(["--features", &format!("train/{feature}")]);
    }
    run(&mut build)?;
    let name = format!("performance-rnn{}", std::env::consts::EXE_SUFFIX);
    println!("the command is {}", paths::target().join("release").join(name).display());
    Ok(())
}

/// Builds the page and runs the tests' program `measure` on it.
///
/// # Errors
/// The page does not build, there is no browser, or something could not be measured.
pub fn measure(arguments: &[String]) -> Result<()> {
    let is_question = arguments.iter().any(|argument| argument == "--help");
    let mut measure = cargo("run");
    measure.args(["--release", "--quiet", "--package", "tests", "--bin", "measure"]).args(locked());
    measure.arg("--").args(arguments);
    if !is_question {
        browser::ensure_pretended_hardware();
        measure.env("CHROME", browser::ensure()?);
        if arguments.iter().any(|argument| argument == "--tfjs")
            && let Some(tfjs) = tools::tfjs()
        {
            measure.env("TFJS", tfjs);
        }
        let has_all = arguments.iter().any(|argument| argument == "--all");
        site::build(if has_all { Programs::All } else { Programs::Quick })?;
    }
    run(measure.env("PERFORMANCE_RNN_DIST", paths::dist()))
}

/// A minimal rustup toolchain has neither formatter nor linter.
fn ensure_component(program: &str, component: &str) -> Result<()> {
    if command(program).arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let rustup =
        which("rustup").ok_or_else(|| Error::new(format!("{program} is not installed on this machine")))?;
    run(command(rustup).args(["component", "add", component]))
}

/// Runs `cargo test`, shows what it prints, and adds up its result lines.
fn count(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let line = announce(command);
    let broken = |error: std::io::Error| Error::new(format!("`{line}`: {error}"));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(broken)?;
    if let Some(output) = child.stdout.take() {
        let mut terminal = std::io::stdout().lock();
        for printed in BufReader::new(output).split(b'\n') {
            let printed = printed.map_err(broken)?;
            tally.add(&String::from_utf8_lossy(&printed));
            terminal.write_all(&printed).and_then(|()| terminal.write_all(b"\n")).map_err(broken)?;
        }
    }
    expect_success(&line, child.wait().map_err(broken)?)
}

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    /// Reads `test result: ok. 3 passed; 0 failed; …`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        for part in result.split([';', '.']) {
            match part.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse::<usize>().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse::<usize>().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// The checks so far, and how long each took.
struct Steps {
    started: Instant,
    done: Vec<(&'static str, Duration)>,
    tally: Tally,
}

impl Steps {
    fn new() -> Self {
        Self { started: Instant::now(), done: Vec::new(), tally: Tally::default() }
    }

    fn run<T>(&mut self, name: &'static str, step: impl FnOnce(&mut Tally) -> Result<T>) -> Result<T> {
        println!("\n== {} {name}", clock(self.started.elapsed()));
        let begun = Instant::now();
        let outcome = step(&mut self.tally);
        self.done.push((name, begun.elapsed()));
        outcome.map_err(|error| Error::new(format!("{name}: {error}")))
    }

    fn summarize(&self, outcome: Result<()>) -> Result<()> {
        println!("\n== {} done", clock(self.started.elapsed()));
        for (name, duration) in &self.done {
            println!("{:>9} {name}", clock(*duration));
        }
        let Tally { passed, failed } = self.tally;
        match outcome {
            Ok(()) => println!("all checks passed"),
            Err(_) => println!("the last of these failed"),
        }
        println!("{passed} passed, {failed} failed");
        outcome
    }
}

/// Minutes and seconds.
fn clock(duration: Duration) -> String {
    format!("{}:{:02}", duration.as_secs() / 60, duration.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_add_up() {
        let mut tally = Tally::default();
        tally.add(
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.00s",
        );
        tally.add("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.add("test 9 passed; 9 failed");
        assert_eq!(tally, Tally { passed: 5, failed: 1 });
    }

    #[test]
    fn a_failed_step_is_named_and_ends_the_run() {
        let mut steps = Steps::new();
        let outcome: Result<()> = steps.run("first", |_| Err(Error::new("broken")));
        assert_eq!(outcome, Err(Error::new("first: broken")));
        assert_eq!(steps.summarize(outcome.clone()), outcome);
    }

    #[test]
    fn clocks() {
        assert_eq!(clock(Duration::from_secs(3)), "0:03");
        assert_eq!(clock(Duration::from_secs(605)), "10:05");
    }
}
