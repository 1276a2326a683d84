//! Running other programs so that a person can follow along.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::{Error, Result, paths};

/// A command that runs in the checkout, reads nothing from the terminal, finds our tools first, and does not
/// inherit the variables that `cargo run` set for the `xtask` package.
pub fn command(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(paths::root()).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&*name);
        }
    }
    prepend_path(&mut command, &[paths::tools().join("bin")]);
    command
}

/// Puts `folders` in front of the `PATH` that `command` will see.
pub fn prepend_path(command: &mut Command, folders: &[PathBuf]) {
    let set = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
    let old = set.map(OsString::from).or_else(|| env::var_os("PATH")).unwrap_or_default();
    let all = folders.iter().cloned().chain(env::split_paths(&old));
    if let Ok(path) = env::join_paths(all) {
        command.env("PATH", path);
    }
}

/// Cargo for this machine, with its output in [`paths::target`].
pub fn cargo(subcommand: &str) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).env("CARGO_TARGET_DIR", paths::target());
    command
}

/// Prints the command, runs it with its output on the terminal, and waits.
///
/// # Errors
/// It could not be started or did not succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let line = announce(command);
    let status = start(command)?.wait().map_err(|error| Error::new(format!("`{line}`: {error}")))?;
    expect_success(&line, status)
}

/// Like [`run`], but gives up and ends the program after `limit`.
///
/// # Errors
/// It could not be started, did not succeed, or took longer than `limit`.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let line = announce(command);
    let mut child = start(command)?;
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return expect_success(&line, status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
            Ok(None) => {
                child.kill().and_then(|()| child.wait()).map_err(|error| Error::new(error.to_string()))?;
                return Err(Error::new(format!("`{line}` gave no answer within {} s", limit.as_secs())));
            }
            Err(error) => return Err(Error::new(format!("`{line}`: {error}"))),
        }
    }
}

/// Runs quietly and returns what the command printed on its standard output.
///
/// # Errors
/// It could not be started or did not succeed.
pub fn output(command: &mut Command) -> Result<String> {
    let line = describe(command);
    let output =
        command.stderr(Stdio::null()).output().map_err(|error| Error::new(format!("`{line}`: {error}")))?;
    expect_success(&line, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program called `name` in the folders of `PATH`.
pub fn which(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| executable(&folder, name)).find(|file| file.is_file())
}

/// The file that the program called `name` has in `folder`.
pub fn executable(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// The command as one would type it, without the folder its program is in.
pub fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Prints the command and returns it as text.
pub(crate) fn announce(command: &Command) -> String {
    let line = describe(command);
    println!("$ {line}");
    line
}

/// A failed exit as a sentence.
pub(crate) fn expect_success(line: &str, status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { Err(Error::new(format!("`{line}` failed ({status})"))) }
}

fn start(command: &mut Command) -> Result<Child> {
    command.spawn().map_err(|error| Error::new(format!("`{}`: {error}", describe(command))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended() {
        if which("sleep").is_none() {
            return;
        }
        let error = run_within(command("sleep").arg("60"), Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.to_string(), "`sleep 60` gave no answer within 0 s");
    }

    #[test]
    fn folders_go_in_front_of_the_path() {
        let mut command = command("x");
        prepend_path(&mut command, &[PathBuf::from("/first")]);
        let (_, path) = command.get_envs().find(|(name, _)| *name == "PATH").unwrap();
        let folders: Vec<_> = env::split_paths(path.unwrap()).collect();
        assert_eq!(folders[0], Path::new("/first"));
        assert_eq!(folders[1], paths::tools().join("bin"));
    }
}
