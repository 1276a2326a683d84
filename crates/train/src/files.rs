//! Writing files so that a kill at any moment leaves the old one or the new one.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};

/// How many temporary files this process has begun.
static PARTS: AtomicU64 = AtomicU64::new(0);

/// Replaces `path` by `bytes`: written beside it, flushed to the disk, then renamed over it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        // Unique, because two threads may write the same file: duplicates have the same hash.
        name.push(format!(".{}.{}.part", std::process::id(), PARTS.fetch_add(1, Ordering::Relaxed)));
        let part = path.with_file_name(name);
        let fill = || {
            let mut file = fs::File::create(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&part, path)
        };
        fill().inspect_err(|_| {
            // A full disk should not be left fuller. The first error is the one to report.
            let _ = fs::remove_file(&part);
        })
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
