//! Names that change with the content, so that browsers may keep files for good.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::hash::hash;
use super::{compress, files, policy, slashed};
use crate::error::at;
use crate::{Error, Result};

/// Digits of a content's name. Trunk leaves out zeros in front, and so its names may be a little shorter.
const DIGITS: std::ops::RangeInclusive<usize> = 12..=16;

/// What browsers fetch through the program. Pages, texts for people and what servers read keep their names.
const FETCHED: [&str; 6] = ["js", "wasm", "css", "json", "mp3", "safetensors"];

/// What the page's head links to, in an order in which each comes before those that name it: the app's icons and manifest.
const LINKED: [&str; 2] = ["png", "webmanifest"];

/// How long a file may be kept that is named after its content: a year, the longest there is.
pub(crate) const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// Names the files that Trunk has not named, and writes the new names into `index.html`.
pub(super) fn give(folder: &Path) -> Result<()> {
    let renamed = rename(folder, &FETCHED)?;
    let index = folder.join("index.html");
    let mut html = fs::read_to_string(&index).map_err(at(&index))?;
    for ending in LINKED {
        for (name, new) in rename(folder, &[ending])? {
            html = html.replace(&format!("href=\"{name}\""), &format!("href=\"{new}\""));
            rename_in_manifests(folder, &name, &new)?;
        }
    }
    let (before, after) = html
        .split_once("</head>")
        .ok_or_else(|| Error::new(format!("{}: expected a </head>, found none", index.display())))?;
    // By hand, because `serde_json` would be the only use of it here and a bare machine builds this program
    // first. Names of files that Trunk copies hold nothing that JSON escapes.
    let list: Vec<_> = renamed.iter().map(|(name, new)| format!("\"{name}\":\"{new}\"")).collect();
    let script = format!("<script type=\"application/json\" id=\"files\">{{{}}}</script>", list.join(","));
    fs::write(&index, format!("{before}{script}</head>{after}")).map_err(at(&index))
}

/// Names the files of these kinds that have no name yet: the old names and the new.
fn rename(folder: &Path, endings: &[&str]) -> Result<BTreeMap<String, String>> {
    let mut renamed = BTreeMap::new();
    for file in files(folder)? {
        let name = slashed(&file);
        let is_meant = file.extension().is_some_and(|ending| endings.iter().any(|meant| ending == *meant));
        if !is_meant || is_named_after_content(&name) {
            continue;
        }
        let path = folder.join(&file);
        let bytes = fs::read(&path).map_err(at(&path))?;
        let new = named(&name, hash(&bytes));
        fs::rename(&path, folder.join(&new)).map_err(at(&path))?;
        renamed.insert(name, new);
    }
    Ok(renamed)
}

/// A manifest names files beside it.
fn rename_in_manifests(folder: &Path, name: &str, new: &str) -> Result<()> {
    let last = |name: &str| format!("\"{}\"", name.rsplit('/').next().unwrap_or_default());
    for file in files(folder)?.iter().filter(|file| file.extension().is_some_and(|e| e == "webmanifest")) {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        fs::write(&path, text.replace(&last(name), &last(new))).map_err(at(&path))?;
    }
    Ok(())
}

/// Writes `_headers`, which Netlify and Cloudflare Pages read: a rule for each file, or for a folder whose files are
/// all named after their content, since there may be a hundred rules.
pub(super) fn write_headers(folder: &Path) -> Result<()> {
    let mut folders: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for file in files(folder)?.iter().filter(|file| !compress::is_compressed(file)) {
        let inside = file.parent().map(slashed).unwrap_or_default();
        let name = slashed(file);
        let is_named = is_named_after_content(&name);
        folders.entry(inside).or_default().push((name, is_named));
    }
    let mut headers = format!("/*\n  Content-Security-Policy: {}\n", policy::header());
    for (inside, files) in folders {
        let is_all = files.iter().all(|(_, is_named)| *is_named);
        let rules: Vec<String> = match is_all && !inside.is_empty() {
            true => vec![format!("{inside}/*")],
            false => files.into_iter().filter(|(_, is_named)| *is_named).map(|(name, _)| name).collect(),
        };
        for rule in rules {
            // Writing to a string cannot fail.
            let _ = write!(headers, "/{rule}\n  Cache-Control: {FOR_GOOD}\n");
        }
    }
    let path = folder.join("_headers");
    fs::write(&path, headers).map_err(at(&path))
}

/// Whether another content would have another name: `app-1d7cdde3e5643d02_bg.wasm`.
pub(crate) fn is_named_after_content(name: &str) -> bool {
    digits(name).is_some()
}

/// The name without its content's: `app_bg.wasm`.
pub(super) fn plain(name: &str) -> String {
    digits(name)
        .map_or_else(|| name.to_owned(), |place| format!("{}{}", &name[..place.start], &name[place.end..]))
}

/// `weights/base.safetensors` → `weights/base-0123456789abcdef.safetensors`.
pub(super) fn named(name: &str, hash: u64) -> String {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = name[start..].find('.').map_or(name.len(), |dot| start + dot);
    format!("{}-{hash:016x}{}", &name[..dot], &name[dot..])
}

/// Where the content's name stands, with the hyphen before it.
fn digits(name: &str) -> Option<std::ops::Range<usize>> {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    let hyphen = start + name[start..].rfind('-')?;
    let n = name[hyphen + 1..].bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    let end = hyphen + 1 + n;
    let is_end = name[end..].starts_with(['.', '_']);
    (DIGITS.contains(&n) && is_end).then_some(hyphen..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_and_come() {
        for (name, new) in [
            ("weights/base.safetensors", "weights/base-00000000000000ff.safetensors"),
            ("worker_cpu_bg.wasm", "worker_cpu_bg-00000000000000ff.wasm"),
        ] {
            assert_eq!(named(name, 255), new);
            assert_eq!(plain(new), name);
            assert!(is_named_after_content(new) && !is_named_after_content(name));
        }
        assert_eq!(plain("app-1d7cdde3e5643d02_bg.wasm"), "app_bg.wasm");
        assert_eq!(plain("style-3078e7cb9f47440.css"), "style.css");
        for name in [
            "index.html",
            "a-b.js",
            "velocity-4.bin",
            "x-1d7cdde3e5643d02f.js",
            "-/a.js",
            "a-1d7cdde3e5643d02",
        ] {
            assert_eq!(plain(name), name);
        }
    }
}
