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
const NOT_KEPT: [&str; 3] = ["index.html", "_headers", NAME];

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
    let names: Vec<String> = files(folder)?
        .iter()
        .filter(|file| !compress::is_compressed(file))
        .map(|file| slashed(file))
        .filter(|name| !NOT_KEPT.contains(&name.as_str()))
        .collect();
    let (optional, needed): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| OPTIONAL.iter().any(|start| names::plain(name).starts_with(start)));
    let worker = format!(
        "const VERSION = '{version}';\nconst FILES = {};\nconst OPTIONAL = {};\n{WORKER}",
        list(&needed),
        list(&optional)
    );
    let path = folder.join(NAME);
    fs::write(&path, worker).map_err(at(&path))
}

/// As JavaScript. Names of files hold nothing that it escapes.
fn list(names: &[&String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(","))
}
