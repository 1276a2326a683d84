//! Build output that several checkouts of this project use in turn.
//!
//! Cargo identifies a workspace's packages by their place in it and compares file times. So it takes what one
//! checkout built for up to date in another. Therefore the workspace's output from another checkout is
//! deleted. The packages from the registry, which take most of the time, stay.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::at;
use crate::process::run;
use crate::{Result, paths};

/// Names the checkout that built what lies in a target folder.
const OWNER_FILE: &str = "checkout";

/// Makes `target` this checkout's; `clean` is a `cargo clean` for it, run if it was another's.
///
/// # Errors
/// The folder cannot be written, or Cargo cannot clean it.
pub(crate) fn claim(target: &Path, clean: &mut Command) -> Result<()> {
    let owner = target.join(OWNER_FILE);
    let this = paths::root().to_string_lossy().into_owned();
    let is_another = fs::read_to_string(&owner).is_ok_and(|last| last != this);
    if is_another {
        run(clean.args(["--release", "--workspace"]))?;
    }
    fs::create_dir_all(target).map_err(at(target))?;
    fs::write(&owner, this).map_err(at(&owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command that leaves a trace instead of cleaning.
    fn trace(file: &Path) -> Command {
        let mut command = crate::process::command("sh");
        command.args(["-c", "echo \"$@\" > \"$0\""]).arg(file);
        command
    }

    #[test]
    fn output_of_another_checkout_is_cleaned_once() {
        let target = std::env::temp_dir().join(format!("performance-rnn-claim-{}", std::process::id()));
        let file = target.join("cleaned");
        claim(&target, &mut trace(&file)).unwrap();
        assert!(!file.exists(), "nobody else had built there");
        fs::write(target.join(OWNER_FILE), "/somewhere/else").unwrap();
        claim(&target, &mut trace(&file)).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "--release --workspace\n");
        fs::remove_file(&file).unwrap();
        claim(&target, &mut trace(&file)).unwrap();
        assert!(!file.exists(), "now it is ours");
        fs::remove_dir_all(&target).unwrap();
    }
}
