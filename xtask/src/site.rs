//! The release page: Trunk builds it, `wasm-opt` shrinks it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::at;
use crate::process::{command, run};
use crate::tools::{self, WasmOpt};
use crate::wasm::Toolchain;
use crate::{Result, paths};

/// Higher is slower to build: `-O3` on 20 MB of wasm is many minutes for little more than `-O1` gives, since
/// the compiler has optimized already.
const WASM_OPT_LEVEL: &str = "-O1";

/// What every browser with WebAssembly SIMD has. Names are stripped by the linker.
const WASM_FEATURES: [&str; 8] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Makes the release page in [`paths::dist`].
///
/// # Errors
/// A tool is missing and cannot be installed, or the page does not build.
pub fn build() -> Result<()> {
    let toolchain = Toolchain::ensure()?;
    tools::ensure_page_tools()?;
    let started = Instant::now();
    let mut trunk = command("trunk");
    trunk.args(["build", "--release"]).args(locked());
    toolchain.apply(&mut trunk);
    // Trunk's own stack says nothing about the page, and hides the message that does.
    trunk.env_remove("RUST_BACKTRACE");
    run(&mut trunk)?;
    shrink(&paths::dist())?;
    println!("the page is in {} ({} s)", paths::dist().display(), started.elapsed().as_secs());
    Ok(())
}

/// `--locked` where nobody is there to commit a changed `Cargo.lock`.
pub(crate) fn locked() -> Option<&'static str> {
    std::env::var_os("CI").map(|_| "--locked")
}

fn shrink(dist: &Path) -> Result<()> {
    let optimizer = match tools::wasm_opt() {
        Ok(optimizer) => optimizer,
        Err(error) => {
            println!("note: the page stays larger than it has to be: {error}");
            return Ok(());
        }
    };
    for entry in fs::read_dir(dist).map_err(at(dist))? {
        let file = entry.map_err(at(dist))?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            optimize(&optimizer, &file)?;
        }
    }
    Ok(())
}

/// Replaces `file` by its optimized form, which is remembered by the content it was made from.
fn optimize(optimizer: &WasmOpt, file: &Path) -> Result<()> {
    let before = fs::read(file).map_err(at(file))?;
    let known = remembered(optimizer, &before);
    if !known.is_file() {
        let folder = paths::cache().join("wasm-opt");
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let unfinished = known.with_extension("part");
        let mut wasm_opt = command(&optimizer.node);
        wasm_opt.arg(&optimizer.script).arg(WASM_OPT_LEVEL).args(WASM_FEATURES);
        run(wasm_opt.arg(file).arg("-o").arg(&unfinished))?;
        fs::rename(&unfinished, &known).map_err(at(&known))?;
    }
    let after = fs::copy(&known, file).map_err(at(file))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    println!("{name}: {} kB, {} kB before wasm-opt", after / 1000, before.len() / 1000);
    Ok(())
}

fn remembered(optimizer: &WasmOpt, content: &[u8]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (content, &optimizer.version, WASM_OPT_LEVEL, WASM_FEATURES).hash(&mut hasher);
    paths::cache().join("wasm-opt").join(format!("{:016x}-{}.wasm", hasher.finish(), content.len()))
}
