//! The page as plain `trunk serve` has it, without [`pack`](super::pack).

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use super::{compress, files, locked, names, offline, slashed};
use crate::error::at;
use crate::process::{announce, command};
use crate::wasm::Toolchain;
use crate::{Error, Result, paths};

/// After `cargo xtask build` nothing is left to compile.
const LIMIT: Duration = Duration::from_secs(600);

/// Where it lies afterwards.
pub(crate) fn folder() -> PathBuf {
    paths::cache().join("trunk-serve")
}

/// Lets `trunk serve` build and serve the page, and compares it with the one that `cargo xtask build` made of the same
/// sources.
///
/// # Errors
/// It does not come, or a file is another: the first that is.
pub(crate) fn check(toolchain: Toolchain) -> Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let port = free.map_err(|error| Error::new(format!("no free port: {error}")))?.port();
    let mut trunk = command("trunk");
    trunk
        .args(["serve", "--no-autoreload=true", "--port", &port.to_string(), "--dist"])
        .arg(&folder)
        .args(locked());
    toolchain.apply(&mut trunk);
    trunk.env_remove("RUST_BACKTRACE");
    let line = announce(&trunk);
    let failed = |error: std::io::Error| Error::new(format!("`{line}`: {error}"));
    let mut serving = trunk.spawn().map_err(failed)?;
    let came = wait_for(port, &mut serving);
    serving.kill().and_then(|()| serving.wait()).map_err(failed)?;
    came?;
    compare(&paths::dist(), &folder)
}

fn wait_for(port: u16, serving: &mut Child) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        if let Ok(Some(status)) = serving.try_wait() {
            return Err(Error::new(format!("`trunk serve` ended ({status})")));
        }
        if page(port).is_ok_and(|page| page.contains(" 200 ") && page.contains("Performance RNN")) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err(Error::new(format!("`trunk serve` had no page after {} s", LIMIT.as_secs())))
}

fn page(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

/// Each file of `plain` but the page itself must be in `packed`, whatever its name's digits.
fn compare(packed: &Path, plain: &Path) -> Result<()> {
    let find = |folder: &Path, name: &str| -> Result<Option<Vec<u8>>> {
        let is_it = |file: &PathBuf| !compress::is_compressed(file) && names::plain(&slashed(file)) == name;
        let Some(file) = files(folder)?.into_iter().find(is_it) else { return Ok(None) };
        let path = folder.join(file);
        fs::read(&path).map(Some).map_err(at(&path))
    };
    let all = |folder: &Path| -> Result<Vec<String>> {
        let files = files(folder)?;
        let names = files
            .iter()
            .filter(|file| !compress::is_compressed(file))
            .map(|file| names::plain(&slashed(file)));
        // What is being built lies in a hidden folder.
        Ok(names.filter(|name| !name.starts_with('.')).collect())
    };
    for name in all(plain)? {
        // The page and the manifest name other files.
        let is_changed = name.ends_with(".html") || name.ends_with(".webmanifest");
        match find(packed, &name)? {
            None => return Err(Error::new(format!("`trunk serve` has {name}, `cargo xtask build` has not"))),
            Some(bytes) if !is_changed && find(plain, &name)? != Some(bytes.clone()) => {
                return Err(Error::new(format!(
                    "{name} of `trunk serve` is another than that of `cargo xtask build`"
                )));
            }
            Some(_) => {}
        }
    }
    let added = ["_headers", "bench.html", "start.js", offline::NAME];
    for name in all(packed)?.iter().filter(|name| !added.contains(&name.as_str())) {
        if find(plain, name)?.is_none() {
            return Err(Error::new(format!("`cargo xtask build` has {name}, `trunk serve` has not")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_named() {
        let folder = std::env::temp_dir().join(format!("performance-rnn-plain-{}", std::process::id()));
        let (packed, plain) = (folder.join("packed"), folder.join("plain"));
        for (file, content) in [("a-0123456789abcdef.js", "a"), ("index.html", "1"), ("service.js", "")] {
            fs::create_dir_all(&packed).unwrap();
            fs::write(packed.join(file), content).unwrap();
        }
        fs::create_dir_all(plain.join("piano")).unwrap();
        fs::write(plain.join("index.html"), "2").unwrap();
        let check = |expected: &str| {
            let outcome = compare(&packed, &plain);
            assert_eq!(outcome.err().map(|error| error.to_string()).unwrap_or_default(), expected);
        };
        check("`cargo xtask build` has a.js, `trunk serve` has not");
        fs::write(plain.join("a.js"), "b").unwrap();
        check("a.js of `trunk serve` is another than that of `cargo xtask build`");
        fs::write(plain.join("a.js"), "a").unwrap();
        check("");
        fs::write(plain.join("piano/c.mp3"), "c").unwrap();
        check("`trunk serve` has piano/c.mp3, `cargo xtask build` has not");
        fs::remove_dir_all(&folder).unwrap();
    }
}
