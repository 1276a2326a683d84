//! Names versions, so that no browser's cache hands out a worker or weights that belong to another page.

use std::path::Path;
use std::{fs, io};

/// FNV-1a, 64 bits: no secret, just another name for another content.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

fn main() -> io::Result<()> {
    name("WEIGHTS_VERSION", &["../../www/weights/base.safetensors"])?;
    name("WORKER_VERSION", &["../performance/src", "../rnn/src", "src", "../../Cargo.lock"])
}

/// Sets a variable for the compiler to a name for what these files and folders hold.
fn name(variable: &str, paths: &[&str]) -> io::Result<()> {
    let mut hash = BASIS;
    for path in paths {
        println!("cargo::rerun-if-changed={path}");
        hash = hash_all(hash, Path::new(path))?;
    }
    println!("cargo::rustc-env={variable}={hash:016x}");
    Ok(())
}

fn hash_all(hash: u64, path: &Path) -> io::Result<u64> {
    if path.is_dir() {
        let mut entries =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        return entries.iter().try_fold(hash, |hash, entry| hash_all(hash, entry));
    }
    match fs::read(path) {
        Ok(bytes) => {
            Ok(bytes.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)))
        }
        // A fresh checkout may have no weights yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(hash),
        Err(error) => Err(error),
    }
}
