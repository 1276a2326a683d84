//! Debian's archive, where it is what we have.

use std::process::Command;

use crate::process::{command, output, run, which};
use crate::{Error, Result};

/// Whether packages come from apt here.
pub fn is_debian() -> bool {
    which("apt-get").is_some() && which("dpkg-query").is_some()
}

/// Whether this user may install packages.
pub fn is_root() -> bool {
    output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// The packages among `wanted` that are not installed.
pub fn missing<'a>(wanted: &[&'a str]) -> Vec<&'a str> {
    let is_missing = |name: &&str| {
        let status = output(command("dpkg-query").args(["-W", "-f=${db:Status-Status}", name]));
        status.map_or(true, |status| status != "installed")
    };
    wanted.iter().copied().filter(is_missing).collect()
}

/// Installs what is missing of `wanted`, when the user is root.
///
/// # Errors
/// The user is not root, or apt failed; the sentence names the packages and `purpose`.
pub fn ensure(wanted: &[&str], purpose: &str) -> Result<()> {
    let missing = missing(wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let by_hand = format!("{purpose} needs packages that are not installed: `sudo apt-get install {list}`");
    if !is_root() {
        return Err(Error::new(by_hand));
    }
    println!("installing {list} ({purpose})");
    let install = |list: &[&str]| run(apt().args(["install", "-y", "--no-install-recommends"]).args(list));
    // The lists may be missing or old: then the first try fails at once.
    install(&missing)
        .or_else(|_| run(apt().arg("update")).and_then(|()| install(&missing)))
        .map_err(|error| Error::new(format!("{by_hand} ({error})")))
}

fn apt() -> Command {
    let mut apt = command("apt-get");
    // Another apt may be at work: wait for it.
    apt.args(["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"])
        .env("DEBIAN_FRONTEND", "noninteractive");
    apt
}
