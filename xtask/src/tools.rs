//! The programs that turn the `web` crate into a page: found at the pinned version, or installed.
//!
//! Versions live in the root `Cargo.toml`: `wasm-bindgen` among the dependencies, since the program must
//! equal the library, and Trunk under `[workspace.metadata.tools]`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::at;
use crate::process::{self, command, output, run, which};
use crate::{Error, Result, paths};

/// Finds or installs Trunk and `wasm-bindgen`.
///
/// # Errors
/// `cargo install` failed.
pub fn ensure_page_tools() -> Result<()> {
    // Most of a tool's build is optimizing it. Trunk only copies files; wasm-bindgen reads tens of megabytes.
    ensure(&Tool { name: "wasm-bindgen", package: "wasm-bindgen-cli", options: &[], opt_level: "1" })?;
    ensure(&Tool { name: "trunk", package: "trunk", options: &["--no-default-features"], opt_level: "0" })
}

/// The script that checks pages for accessibility (axe-core, MPL-2.0), which the browser tests inject. `None`
/// without npm, which fetches it.
#[must_use]
pub fn axe() -> Option<PathBuf> {
    npm("axe-core", "axe-core", "axe.min.js")
}

/// TensorFlow.js (Apache-2.0), to measure beside. `None` without npm, which fetches it.
#[must_use]
pub fn tfjs() -> Option<PathBuf> {
    npm("tfjs", "@tensorflow/tfjs", "dist/tf.min.js")
}

/// A file of an npm package, at the version that is pinned for `name`.
fn npm(name: &str, package: &str, file: &str) -> Option<PathBuf> {
    let version = pinned(name).ok()?;
    let folder = paths::tools().join(format!("{name}-{version}"));
    let script = folder.join("package").join(file);
    if script.is_file() {
        return Some(script);
    }
    let npm = which("npm")?;
    fs::create_dir_all(&folder).ok()?;
    let fetch = || {
        let versioned = format!("{package}@{version}");
        run(command(&npm).args(["pack", "--silent", &versioned, "--pack-destination"]).arg(&folder))?;
        let archive = format!("{}-{version}.tgz", package.trim_start_matches('@').replace('/', "-"));
        run(command(Path::new("tar")).arg("-xzf").arg(folder.join(archive)).arg("-C").arg(&folder))
    };
    if let Err(error) = fetch() {
        eprintln!("no {package}: {error}");
    }
    script.is_file().then_some(script)
}

/// The version of `name` that the root `Cargo.toml` pins.
///
/// # Errors
/// It pins none.
pub fn pinned(name: &str) -> Result<String> {
    let file = paths::root().join("Cargo.toml");
    let manifest = fs::read_to_string(&file).map_err(at(&file))?;
    pinned_in(&manifest, name).ok_or_else(|| Error::new(format!("Cargo.toml pins no version of {name}")))
}

struct Tool<'a> {
    name: &'a str,
    package: &'a str,
    options: &'a [&'a str],
    opt_level: &'a str,
}

fn ensure(tool: &Tool) -> Result<()> {
    let version = pinned(tool.name)?;
    let ours = process::executable(&paths::tools().join("bin"), tool.name);
    for file in [Some(ours), which(tool.name)].into_iter().flatten() {
        if reports(&file, &version) {
            return Ok(());
        }
    }
    println!("installing {} {version}, once; this takes some minutes", tool.package);
    // Kept between attempts, so that an interrupted installation resumes.
    let build = paths::cache().join("tools-build");
    let install = |lock: &[&str]| {
        let mut cargo = process::cargo("install");
        cargo.args(lock).args(tool.options).args(["--force", "--version", &version, "--root"]);
        cargo.arg(paths::tools()).arg(tool.package).env("CARGO_TARGET_DIR", &build);
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", tool.opt_level).env("CARGO_PROFILE_RELEASE_LTO", "off");
        run(cargo.env_remove("RUSTFLAGS"))
    };
    // A lock file can name a crate that was withdrawn since; newer ones do not always fit either.
    install(&["--locked"]).or_else(|_| install(&[]))?;
    fs::remove_dir_all(&build).map_err(at(&build))
}

fn reports(program: &Path, version: &str) -> bool {
    program.is_file()
        && output(command(program).arg("--version"))
            .is_ok_and(|text| text.split_whitespace().any(|word| word == version))
}

/// Reads `name = "=1.2.3"`; a name that stands twice must say the same twice to be found.
fn pinned_in(manifest: &str, name: &str) -> Option<String> {
    let mut versions = manifest.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let version = value.trim().strip_prefix('"')?.split('"').next()?;
        (key.trim() == name).then(|| version.trim_start_matches('=').to_owned())
    });
    let first = versions.next()?;
    versions.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(manifest: &str, expected: Option<&str>) {
        assert_eq!(pinned_in(manifest, "trunk").as_deref(), expected);
    }

    #[test]
    fn pins() {
        check("[tools]\ntrunk = \"0.21.14\" # why", Some("0.21.14"));
        check("trunk = \"=0.21.14\"", Some("0.21.14"));
        check("trunk-x = \"1\"\nxtrunk = \"2\"", None);
        check("trunk = \"1\"\ntrunk = \"2\"", None);
    }

    #[test]
    fn every_tool_is_pinned() {
        for name in ["trunk", "wasm-bindgen"] {
            pinned(name).unwrap();
        }
    }
}
