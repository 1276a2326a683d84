//! Where things are: the checkout and the cache folder outside it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The checkout this program was built from.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The finished page.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// `$PERFORMANCE_RNN_CACHE`, else `performance-rnn` in the user's cache folder.
pub fn cache() -> PathBuf {
    cache_from(|name| env::var_os(name).filter(|value| !value.is_empty()))
}

/// Tools that `cargo install` put there; its `bin` goes in front of `PATH`.
pub fn tools() -> PathBuf {
    cache().join("tools")
}

/// Build output for this machine, unless the user chose a folder with `CARGO_TARGET_DIR`.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache().join("target"), PathBuf::from)
}

/// Build output for the browser: a folder of its own, since its compiler may be another one.
pub fn target_wasm() -> PathBuf {
    cache().join("target-wasm")
}

fn cache_from(variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    if let Some(folder) = variable("PERFORMANCE_RNN_CACHE") {
        return PathBuf::from(folder);
    }
    let user = if let Some(folder) = variable("XDG_CACHE_HOME") {
        PathBuf::from(folder)
    } else if cfg!(windows) {
        variable("LOCALAPPDATA").map_or_else(env::temp_dir, PathBuf::from)
    } else {
        let home = variable("HOME").map_or_else(env::temp_dir, PathBuf::from);
        home.join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" })
    };
    user.join("performance-rnn")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &str) {
        let lookup =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        assert_eq!(cache_from(lookup), Path::new(expected));
    }

    #[test]
    fn cache_folder() {
        check(&[("PERFORMANCE_RNN_CACHE", "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")], "/c");
        check(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")], "/x/performance-rnn");
        if cfg!(target_os = "linux") {
            check(&[("HOME", "/h")], "/h/.cache/performance-rnn");
        }
    }
}
