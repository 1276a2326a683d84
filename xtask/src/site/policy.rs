//! The page's Content-Security-Policy: what it may load, run and reach, which is its own files and nothing else.

use std::fs;
use std::path::Path;

use super::hash::hash;
use super::names::named;
use crate::error::at;
use crate::{Error, Result};

/// `'wasm-unsafe-eval'` lets WebAssembly run, and no text become a script. Workers start from a blob, a few lines that
/// load the worker's own files. Styles may stand in the page: a text field's width, a bar's length.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; \
    connect-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'";

/// The policy as a header, which can also forbid other sites to show the page in a frame.
pub(crate) fn header() -> String {
    format!("{POLICY}; frame-ancestors 'none'")
}

/// Whether a page carries a policy: plain test pages do not.
pub(crate) fn is_carried_by(html: &str) -> bool {
    html.contains("http-equiv=\"Content-Security-Policy\"")
}

/// Moves the script that Trunk writes into `index.html` to a file, and has the page carry the policy.
pub(super) fn give(folder: &Path) -> Result<()> {
    let index = folder.join("index.html");
    let html = fs::read_to_string(&index).map_err(at(&index))?;
    let found = |what: &str| Error::new(format!("{}: expected {what}, found none", index.display()));
    let (html, script) = without_starter(&html).ok_or_else(|| found("Trunk's starter"))?;
    let file = named("start.js", hash(script.as_bytes()));
    let path = folder.join(&file);
    fs::write(&path, script).map_err(at(&path))?;
    let html = html.replace(STARTER, &format!("<script type=\"module\" src=\"./{file}\"></script>"));
    let (before, after) = html.split_once("<head>").ok_or_else(|| found("a <head>"))?;
    let meta = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">");
    fs::write(&index, format!("{before}<head>{meta}{after}")).map_err(at(&index))
}

/// Stands where the starter stood.
const STARTER: &str = "<!-- starter -->";

/// The page without the text of its one script in a `<script type="module">`, and that text.
fn without_starter(html: &str) -> Option<(String, String)> {
    let (before, rest) = html.split_once("<script type=\"module\">")?;
    let (script, after) = rest.split_once("</script>")?;
    Some((format!("{before}{STARTER}{after}"), script.trim().to_owned() + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_becomes_a_file() {
        let html = "<head><script type=\"module\">\nimport init from './app.js';\n</script></head>";
        let (html, script) = without_starter(html).unwrap();
        assert_eq!(html, "<head><!-- starter --></head>");
        assert_eq!(script, "import init from './app.js';\n");
        assert_eq!(without_starter("<head></head>"), None);
    }

    #[test]
    fn no_script_may_stand_in_the_page() {
        let scripts = POLICY.split(';').find(|part| part.trim().starts_with("script-src")).unwrap();
        assert!(!scripts.contains("unsafe-inline") && !scripts.contains("'unsafe-eval'"), "{scripts}");
        assert!(!POLICY.contains("http:") && !POLICY.contains("https:") && !POLICY.contains('"'));
    }
}
