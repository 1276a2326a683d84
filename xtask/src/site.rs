//! The release page, which Trunk builds and [`pack`] makes ready for any web server.
//!
//! There is no `wasm-opt`. It makes stripped and optimized programs smaller on disk, but not on the wire:
//! binaryen 132 at `-O3` takes the CPU worker from 494 to 450 kB, and from 132.5 to 134.5 kB as brotli. On a
//! worker of 23 MB `-O1` took two minutes and saved 4 % as gzip.

mod budget;
mod compress;
mod hash;
mod names;
mod offline;
mod plain;
mod policy;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::at;
use crate::process::{command, run};
use crate::tools;
use crate::wasm::{TARGET, Toolchain};
use crate::{Result, checkout, paths};
use budget::Budget;
pub(crate) use compress::with_ending;
pub(crate) use names::{FOR_GOOD, is_named_after_content};
pub(crate) use plain::{check as check_trunk_serve, folder as trunk_serve};
pub(crate) use policy::{header as policy_header, is_carried_by as carries_policy};

/// What a page is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Programs {
    /// All but [`BURN_GPU`]: without it the page learns on the CPU, and says so.
    #[default]
    Quick,
    /// All.
    All,
}

/// Burn on WebGPU, to try out. It takes longer to compile than all the rest of the page.
const BURN_GPU: &str = "worker_burn_gpu";

/// Makes the release page in [`paths::dist`].
///
/// # Errors
/// A tool is missing and cannot be installed, or the page does not build.
pub fn build(programs: Programs) -> Result<()> {
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
    if programs == Programs::All {
        add_burn_gpu(toolchain)?;
    }
    let sizes = pack(&paths::dist(), &paths::cache().join("compressed"))?;
    print!("{}", budget::table(&sizes, &Budget::read()?));
    println!("the page is in {} ({} s)", paths::dist().display(), started.elapsed().as_secs());
    Ok(())
}

/// Puts [`BURN_GPU`] beside the other programs, as Trunk does with those that `index.html` names.
fn add_burn_gpu(toolchain: Toolchain) -> Result<()> {
    let mut cargo = toolchain.cargo("build");
    cargo.args(["--release", "--package", "web", "--bin", BURN_GPU, "--features", "learn-gpu"]);
    run(cargo.args(locked()))?;
    let program = paths::target_wasm().join(TARGET).join("release").join(BURN_GPU).with_extension("wasm");
    let mut bindgen = command("wasm-bindgen");
    bindgen.args(["--target", "no-modules", "--no-typescript", "--out-name", BURN_GPU, "--out-dir"]);
    run(bindgen.arg(paths::dist()).arg(program))
}

/// Holds the page in [`paths::dist`] to the sizes in `xtask/budget.txt`.
///
/// # Errors
/// A file is larger than it may be, or missing: a sentence for each.
pub(crate) fn check_sizes() -> Result<()> {
    Budget::read()?.check(&sizes(&paths::dist())?)
}

/// `--locked` in CI, where a changed `Cargo.lock` cannot be committed.
pub(crate) fn locked() -> Option<&'static str> {
    std::env::var_os("CI").map(|_| "--locked")
}

/// A file of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Size {
    /// Its path in the page's folder, without the name of its content.
    name: String,
    /// Bytes as they are, as gzip and as brotli; none where compressing does not pay.
    raw: u64,
    gzip: Option<u64>,
    brotli: Option<u64>,
}

/// Turns what Trunk made into what a server serves: content in the names, compressed files beside the files,
/// and a second page, `bench.html`. `cache` keeps what was compressed for the next build.
fn pack(folder: &Path, cache: &Path) -> Result<Vec<Size>> {
    policy::give(folder)?;
    names::give(folder)?;
    offline::give(folder)?;
    let index = folder.join("index.html");
    // The same program: it looks at its own address.
    fs::copy(&index, folder.join("bench.html")).map_err(at(&index))?;
    compress::beside(folder, cache)?;
    names::write_headers(folder)?;
    sizes(folder)
}

/// The sizes of all files, compressed ones as columns.
fn sizes(folder: &Path) -> Result<Vec<Size>> {
    let files = files(folder)?;
    let bytes = |file: &Path| fs::metadata(folder.join(file)).map(|metadata| metadata.len()).ok();
    let size = |file: &PathBuf| {
        let [gzip, brotli] = compress::ENDINGS.map(|ending| bytes(&compress::with_ending(file, ending)));
        Size { name: names::plain(&slashed(file)), raw: bytes(file).unwrap_or(0), gzip, brotli }
    };
    let mut sizes: Vec<_> = files.iter().filter(|file| !compress::is_compressed(file)).map(size).collect();
    sizes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sizes)
}

/// All files below `folder`, as paths in it, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        let here = folder.join(&inside);
        for entry in fs::read_dir(&here).map_err(at(&here))? {
            let entry = entry.map_err(at(&here))?;
            let path = inside.join(entry.file_name());
            let is_folder = entry.file_type().map_err(at(&here))?.is_dir();
            if is_folder { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// A path as addresses have it.
fn slashed(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Two builds at once would mix their files in `dist/`. The returned file holds the others off until it is
/// dropped.
fn wait_for_others() -> Result<File> {
    let path = paths::cache().join("page.lock");
    let lock = File::create(&path).map_err(at(&path))?;
    if lock.try_lock().is_err() {
        println!("waiting for another build of the page");
        lock.lock().map_err(at(&path))?;
    }
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_packed() {
        let folder = std::env::temp_dir().join(format!("performance-rnn-pack-{}", std::process::id()));
        let (dist, cache) = (folder.join("dist"), folder.join("cache"));
        fs::create_dir_all(dist.join("weights")).unwrap();
        fs::write(
            dist.join("index.html"),
            "<head><script type=\"module\">import './app-0123456789abcdef.js';</script>\
             <link rel=\"manifest\" href=\"app/an.webmanifest\"></head>",
        )
        .unwrap();
        fs::create_dir_all(dist.join("app")).unwrap();
        fs::write(dist.join("app/icon-192.png"), "a picture").unwrap();
        fs::write(dist.join("app/an.webmanifest"), "{ \"src\": \"icon-192.png\" }").unwrap();
        fs::write(dist.join("app-0123456789abcdef.js"), "x = 1;\n".repeat(100)).unwrap();
        fs::write(dist.join("worker.js"), "y = 2;\n".repeat(100)).unwrap();
        fs::write(dist.join("weights/base.safetensors"), [1, 2, 3]).unwrap();
        fs::write(dist.join("weights/base.md"), "# A card").unwrap();
        let sizes = pack(&dist, &cache).unwrap();

        let names: Vec<_> = sizes.iter().map(|size| size.name.as_str()).collect();
        let expected = [
            "_headers",
            "app.js",
            "app/an.webmanifest",
            "app/icon-192.png",
            "bench.html",
            "index.html",
            "service.js",
            "start.js",
            "weights/base.md",
            "weights/base.safetensors",
            "worker.js",
        ];
        assert_eq!(names, expected);
        let worker = &sizes[10];
        assert_eq!(worker.raw, 700);
        assert!(worker.brotli < worker.gzip && worker.gzip < Some(100), "{worker:?}");
        assert_eq!((sizes[9].gzip, sizes[9].brotli), (None, None), "too small to gain");

        let index = fs::read_to_string(dist.join("index.html")).unwrap();
        let files = files(&dist).unwrap();
        let named = files.iter().map(|file| slashed(file)).find(|name| name.starts_with("worker-")).unwrap();
        assert!(index.contains(&format!("\"worker.js\":\"{named}\"")), "{named} is not in {index}");
        assert!(!dist.join("worker.js").exists());
        assert!(dist.join("app-0123456789abcdef.js").exists(), "it had its name already");
        assert_eq!(index, fs::read_to_string(dist.join("bench.html")).unwrap());
        let headers = fs::read_to_string(dist.join("_headers")).unwrap();
        assert!(
            headers.contains(&format!("/{named}\n  Cache-Control: public, max-age=31536000, immutable\n")),
            "{headers}"
        );
        assert!(headers.starts_with("/*\n  Content-Security-Policy: default-src 'none';"), "{headers}");
        assert!(carries_policy(&index) && !index.contains("import"), "{index}");
        let named_as = |name: &str| {
            let mut names = files.iter().map(|file| slashed(file));
            names.find(|file| names::plain(file) == name && is_named_after_content(file)).unwrap()
        };
        let (manifest, icon) = (named_as("app/an.webmanifest"), named_as("app/icon-192.png"));
        assert!(index.contains(&format!("href=\"{manifest}\"")), "{index}");
        let manifest = fs::read_to_string(dist.join(manifest)).unwrap();
        assert_eq!(manifest, format!("{{ \"src\": \"{}\" }}", icon.strip_prefix("app/").unwrap()));
        let service = fs::read_to_string(dist.join("service.js")).unwrap();
        let version = service.split('\'').nth(1).unwrap();
        assert!(index.contains(&format!("<meta name=\"version\" content=\"{version}\">")), "{version}");
        assert!(
            service.contains(&format!("'{named}'")) && service.contains("'weights/base.md'"),
            "{service}"
        );
        assert!(!service.contains("'index.html'") && !headers.contains("service.js"), "{headers}");
        assert!(!headers.contains("base.md") && !headers.contains("index.html"), "{headers}");

        // The same bytes come from the cache: what lies there is believed.
        let cached = fs::read_dir(&cache).unwrap().count();
        fs::remove_file(dist.join(format!("{named}.br"))).unwrap();
        compress::beside(&dist, &cache).unwrap();
        assert!(dist.join(format!("{named}.br")).exists());
        assert_eq!(fs::read_dir(&cache).unwrap().count(), cached);
        fs::remove_dir_all(&folder).unwrap();
    }
}
