//! What makes the page an app that opens without a network: its version, and a service worker that knows its files.

use std::fs;
use std::path::Path;

use super::hash::hash;
use super::{compress, files, names, slashed};
use crate::error::at;
use crate::{Error, Result};

/// The service worker, without its list of files.
const WORKER: &str = include_str!("service.js");
/// Its name, which never changes: browsers ask for it again and compare.
pub(super) const NAME: &str = "service.js";

/// What the page needs in some places only: where a GPU plays, where the visitor teaches.
const OPTIONAL: [&str; 2] = ["worker_gpu", "worker_burn"];
/// What is no part of the page, or is stored as the page.
const NOT_KEPT: [&str; 4] = ["index.html", "bench.html", "_headers", NAME];

/// Writes the version into `index.html`, and the service worker beside it. The other files have their names.
pub(super) fn give(folder: &Path) -> Result<()> {
    let index = folder.join("index.html");
    let html = fs::read_to_string(&index).map_err(at(&index))?;
    let version = format!("{:016x}", hash(html.as_bytes()));
    let (before, after) = html
        .split_once("</head>")
        .ok_or_else(|| Error::new(format!("{}: expected a </head>, found none", index.display())))?;
    let html = format!("{before}<meta name=\"version\" content=\"{version}\"></head>{after}");
    fs::write(&index, html).map_err(at(&index))?;
    let mut kept = Vec::new();
    for file in files(folder)?.iter().filter(|file| !compress::is_compressed(file)) {
        let name = slashed(file);
        if !NOT_KEPT.contains(&name.as_str()) {
            let path = folder.join(file);
            kept.push((name, fs::metadata(&path).map_err(at(&path))?.len()));
        }
    }
    let (optional, needed): (Vec<_>, Vec<_>) = kept
        .into_iter()
        .partition(|(name, _)| OPTIONAL.iter().any(|start| names::plain(name).starts_with(start)));
    let worker = format!(
        "const VERSION = '{version}';\nconst FILES = {};\nconst OPTIONAL = {};\n{WORKER}",
        list(&needed),
        list(&optional)
    );
    let path = folder.join(NAME);
    fs::write(&path, worker).map_err(at(&path))
}

/// Names and bytes, as JavaScript. Names of files hold nothing that it escapes.
fn list(files: &[(String, u64)]) -> String {
    let quoted: Vec<_> = files.iter().map(|(name, bytes)| format!("'{name}':{bytes}")).collect();
    format!("{{{}}}", quoted.join(","))
}
