//! Compressed files beside the files, for servers that send them as they are.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::files;
use super::hash::hash;
use crate::error::at;
use crate::{Error, Result};

/// What gzip and brotli add to a file's name.
pub(crate) const ENDINGS: [&str; 2] = ["gz", "br"];

/// Files that compress well. Samples are MP3, and weights are deflated in themselves, so that they travel small
/// from any server and the length of the answer says how much is to come.
const COMPRESSIBLE: [&str; 6] = ["html", "js", "css", "wasm", "json", "svg"];

/// Smaller files fit into one packet anyhow.
const MIN_BYTES: usize = 256;

/// Smallest output, slowest; a browser unpacks it as fast as any other.
const BROTLI_QUALITY: i32 = 11;
/// Window for repetitions, as a power of two of bytes: the largest one that every browser accepts.
const BROTLI_WINDOW: i32 = 24;

/// Compresses what compresses. Brotli takes seconds per megabyte, so `cache` keeps its output of this build
/// for the next.
pub(super) fn beside(folder: &Path, cache: &Path) -> Result<()> {
    fs::create_dir_all(cache).map_err(at(cache))?;
    let mut tasks = BTreeMap::new();
    for file in files(folder)? {
        let is_compressible =
            file.extension().is_some_and(|ending| COMPRESSIBLE.iter().any(|known| ending == *known));
        let path = folder.join(&file);
        let bytes = if is_compressible { fs::read(&path).map_err(at(&path))? } else { Vec::new() };
        if bytes.len() >= MIN_BYTES {
            // Largest last, where threads take from.
            tasks.insert((bytes.len(), path), bytes);
        }
    }
    let kept: HashSet<_> =
        tasks.values().flat_map(|bytes| ENDINGS.map(|ending| key(bytes, ending))).collect();
    let tasks = Mutex::new(tasks);
    let work = || {
        loop {
            let next = tasks.lock().ok().and_then(|mut tasks| tasks.pop_last());
            let Some(((_, path), bytes)) = next else { return Ok(()) };
            for ending in ENDINGS {
                let packed = through(cache, &bytes, ending)?;
                let path = with_ending(&path, ending);
                fs::write(&path, packed).map_err(at(&path))?;
            }
        }
    };
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        let mut ended = threads.into_iter().map(|thread| thread.join());
        ended.try_for_each(|outcome| outcome.unwrap_or_else(|_| Err(Error::new("compressing stopped"))))
    })?;
    forget_others(cache, &kept)
}

/// `a.js` → `a.js.br`.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Whether the file is one of ours.
pub(super) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|ours| ending == *ours))
}

/// Takes from the cache, or compresses into it.
fn through(cache: &Path, bytes: &[u8], ending: &str) -> Result<Vec<u8>> {
    let path = cache.join(key(bytes, ending));
    if let Ok(packed) = fs::read(&path) {
        return Ok(packed);
    }
    let packed = packed(bytes, ending).map_err(|error| Error::new(format!("compressing: {error}")))?;
    // Whole or not at all: half a file would be believed for good. Pages with the same script take turns.
    let new = cache.join(format!("{}.{:?}.new", key(bytes, ending), std::thread::current().id()));
    fs::write(&new, &packed).map_err(at(&new))?;
    fs::rename(&new, &path).map_err(at(&path))?;
    Ok(packed)
}

fn packed(bytes: &[u8], ending: &str) -> std::io::Result<Vec<u8>> {
    if ending == "gz" {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(bytes)?;
        return gzip.finish();
    }
    let parameters = BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed)
}

fn key(bytes: &[u8], ending: &str) -> String {
    format!("{:016x}-{}.{ending}", hash(bytes), bytes.len())
}

fn forget_others(cache: &Path, kept: &HashSet<String>) -> Result<()> {
    for entry in fs::read_dir(cache).map_err(at(cache))? {
        let path = entry.map_err(at(cache))?.path();
        if !path.file_name().and_then(OsStr::to_str).is_some_and(|name| kept.contains(name)) {
            fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_packed_can_be_unpacked() {
        let text = "a recurrent network invents a performance\n".repeat(50);
        let mut unpacked = String::new();
        let gzip = packed(text.as_bytes(), "gz").unwrap();
        flate2::read::GzDecoder::new(&*gzip).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        let brotli = packed(text.as_bytes(), "br").unwrap();
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut &*brotli, &mut unpacked).unwrap();
        assert_eq!(unpacked, text.as_bytes());
    }
}
