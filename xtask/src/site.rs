//! The release page, which Trunk builds.
//!
//! There is no `wasm-opt`: on the worker's 23 MB, stripped by the linker and optimized by the compiler, `-O1` takes
//! two minutes and saves 4 % of what travels (3.52 → 3.38 MB as gzip).

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use crate::error::at;
use crate::process::{command, run};
use crate::tools;
use crate::wasm::Toolchain;
use crate::{Result, checkout, paths};

/// Makes the release page in [`paths::dist`].
///
/// # Errors
/// A tool is missing and cannot be installed, or the page does not build.
pub fn build() -> Result<()> {
    fs::create_dir_all(paths::cache()).map_err(at(&paths::cache()))?;
    let toolchain = Toolchain::ensure()?;
    tools::ensure_page_tools()?;
    let _alone = wait_for_others()?;
    checkout::claim(&paths::target_wasm(), &mut toolchain.cargo("clean"))?;
    let started = Instant::now();
    let mut trunk = command("trunk");
    trunk.args(["build", "--release"]).args(locked());
    toolchain.apply(&mut trunk);
    // Trunk's own stack says nothing about the page, and hides the message that does.
    trunk.env_remove("RUST_BACKTRACE");
    run(&mut trunk)?;
    report_sizes(&paths::dist())?;
    println!("the page is in {} ({} s)", paths::dist().display(), started.elapsed().as_secs());
    Ok(())
}

/// `--locked` where nobody is there to commit a changed `Cargo.lock`.
pub(crate) fn locked() -> Option<&'static str> {
    std::env::var_os("CI").map(|_| "--locked")
}

/// Two builds at once would mix their files in `dist/`. The returned file holds the others off until it is dropped.
fn wait_for_others() -> Result<File> {
    let path = paths::cache().join("page.lock");
    let lock = File::create(&path).map_err(at(&path))?;
    if lock.try_lock().is_err() {
        println!("waiting for another build of the page");
        lock.lock().map_err(at(&path))?;
    }
    Ok(lock)
}

/// Prints what a visitor's browser has to compile.
fn report_sizes(dist: &Path) -> Result<()> {
    for entry in fs::read_dir(dist).map_err(at(dist))? {
        let file = entry.map_err(at(dist))?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            let bytes = fs::metadata(&file).map_err(at(&file))?.len();
            println!(
                "{}: {:.1} MB",
                file.file_name().unwrap_or_default().to_string_lossy(),
                bytes as f64 / 1e6
            );
        }
    }
    Ok(())
}
