//! Reading files that somebody names, within limits, and writing them so that a kill at any moment leaves the old one
//! or the new one.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use performance::midi;

/// Largest weight file or checkpoint: a network of 16 layers of 1,500 units with its optimizer.
const MAX_WEIGHTS_BYTES: u64 = 4 << 30;
/// Largest header of one: what safetensors itself takes.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// Largest file of settings, metrics, scores or an index.
const MAX_TEXT_BYTES: u64 = 256 << 20;
/// The end of the name of a file that is being written.
const PART: &str = ".part";
/// What was being written so long ago is nobody's any more.
const STALE: Duration = Duration::from_secs(3600);

/// How many temporary files this process has begun.
static PARTS: AtomicU64 = AtomicU64::new(0);

/// A weight file or checkpoint. Of a file that cannot be one, only the beginning.
pub(crate) fn read_weights(path: &Path) -> Result<Vec<u8>> {
    /// Enough to say what it is instead.
    const BEGINNING: u64 = 1 << 16;
    let head = || -> Result<(u64, u64)> {
        let size = regular(path)?;
        let mut length = [0; 8];
        let n = fs::File::open(path)?.take(8).read(&mut length)?;
        Ok((size, if n == 8 { u64::from_le_bytes(length) } else { 0 }))
    };
    let (size, header) = head().with_context(|| unreadable(path))?;
    let is_plausible = header > 0 && header <= MAX_HEADER_BYTES && header <= size;
    if !is_plausible && size > BEGINNING {
        let beginning = || -> Result<Vec<u8>> {
            let mut bytes = Vec::new();
            fs::File::open(path)?.take(BEGINNING).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        return beginning().with_context(|| unreadable(path));
    }
    read(path, MAX_WEIGHTS_BYTES)
}

/// A MIDI file, as far as importing it can make sense.
pub(crate) fn read_midi(path: &Path) -> Result<Vec<u8>> {
    let limit = midi::MAX_BYTES as u64;
    let bytes = regular(path).with_context(|| unreadable(path))?;
    if bytes > limit {
        return Err(performance::Error::TooLarge { bytes: bytes as usize })
            .with_context(|| path.display().to_string());
    }
    read(path, limit)
}

/// Settings, metrics, scores, an index.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    read(path, MAX_TEXT_BYTES)
}

/// The same as text.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read_bytes(path)?).with_context(|| format!("{} is no text", path.display()))
}

/// A file of up to `limit` bytes; its size is looked at first, and no pipe or device is waited for.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let open = || -> Result<Vec<u8>> {
        let size = regular(path)?;
        ensure!(size <= limit, "expected up to {} MB, found {} MB", limit >> 20, size >> 20);
        let mut bytes = Vec::with_capacity(usize::try_from(size)?);
        fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    open().with_context(|| unreadable(path))
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}

/// The size of a file that is neither folder, pipe nor device.
fn regular(path: &Path) -> Result<u64> {
    let metadata = fs::metadata(path)?;
    ensure!(metadata.is_file(), "expected a file, found {}", kind(&metadata));
    Ok(metadata.len())
}

fn kind(metadata: &fs::Metadata) -> &'static str {
    if metadata.is_dir() { "a folder" } else { "a pipe or a device" }
}

/// Replaces `path` by `bytes`: written beside it, flushed to the disk, then renamed over it. A link stays one: what it
/// leads to is replaced. A pipe or a device is not replaced.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> Result<()> {
        let path = &target(path)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        // Unique, because two threads may write the same file: duplicates have the same hash.
        name.push(format!(".{}.{}{PART}", std::process::id(), PARTS.fetch_add(1, Ordering::Relaxed)));
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
        })?;
        Ok(())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// The file that `path` stands for, if one can be there.
fn target(path: &Path) -> Result<PathBuf> {
    let Ok(link) = fs::symlink_metadata(path) else { return Ok(path.to_owned()) };
    let (path, metadata) = if link.is_symlink() {
        let target = fs::canonicalize(path).context("it is a link to nothing")?;
        let metadata = fs::metadata(&target)?;
        (target, metadata)
    } else {
        (path.to_owned(), link)
    };
    ensure!(metadata.is_file(), "expected a file or nothing there, found {}", kind(&metadata));
    Ok(path)
}

/// # Errors
/// If what is to be written is one of the files that are read.
pub(crate) fn keep_apart(out: &Path, inputs: &[(&str, &Path)]) -> Result<()> {
    let Ok(out_file) = fs::canonicalize(out) else { return Ok(()) };
    for (name, input) in inputs {
        if fs::canonicalize(input).is_ok_and(|input| input == out_file) {
            bail!("expected --out to be another file than {name}, found {} for both", out.display());
        }
    }
    Ok(())
}

/// Removes what killed commands were writing into a folder: all of it if nobody else writes there, else what is an
/// hour old.
pub(crate) fn remove_parts(folder: &Path, others: Others) {
    let is_stale = |entry: &fs::DirEntry| {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = age.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        others == Others::Excluded || age.is_some_and(|age| age > STALE)
    };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| is_part(&entry.file_name().to_string_lossy())) {
        if is_stale(&entry) {
            // What cannot be removed does no harm but to the disk.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether other commands may be writing into a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// They may.
    Possible,
    /// A lock keeps them away.
    Excluded,
}

/// Whether [`write_atomically`] made this name.
fn is_part(name: &str) -> bool {
    let numbers = name.strip_suffix(PART).map(|name| name.rsplitn(3, '.').take(2).collect::<Vec<_>>());
    numbers.is_some_and(|numbers| {
        numbers.len() == 2 && numbers.iter().all(|number| number.parse::<u64>().is_ok())
    })
}

/// A folder that one command writes into at a time; the lock ends with the command, however it ends.
pub(crate) struct Locked {
    _file: fs::File,
}

impl Locked {
    /// # Errors
    /// If another command has it, or it cannot be written.
    pub(crate) fn folder(folder: &Path) -> Result<Self> {
        let path = folder.join("lock");
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(fs::TryLockError::WouldBlock) => {
                bail!(
                    "another command is writing into {}; wait for it, or choose another folder",
                    folder.display()
                )
            }
            // Some network file systems have no locks.
            Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Self { _file: file })
            }
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_being_written_is_a_part() {
        let names = ["a.mid.12.0.part", "best.safetensors.4.17.part", "a.part", "a.b.part", "12.0.mid"];
        assert_eq!(names.map(is_part), [true, true, false, false, false]);
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_parts(folder.path(), Others::Possible);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "they are new");
        remove_parts(folder.path(), Others::Excluded);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_folder_is_locked_until_its_command_ends() {
        let folder = tempfile::tempdir().unwrap();
        let locked = Locked::folder(folder.path()).unwrap();
        let error = Locked::folder(folder.path()).err().unwrap();
        assert!(error.to_string().starts_with("another command is writing into"), "{error}");
        drop(locked);
        Locked::folder(folder.path()).unwrap();
    }
}
