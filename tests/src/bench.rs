//! The page's benchmark and its peers', in one browser.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::browser::{Browser, Page};
use crate::site::Site;

/// Five batches, on a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(300);

/// Its processor backend multiplies in plain JavaScript.
const TFJS_LIMIT: Duration = Duration::from_secs(1800);

/// What other engines do for the same work: file, expression. Their pages answer
/// `… = 390.1 events/s`.
const PEERS: [(&str, &str); 4] = [
    ("tfjs.html", "bench('wasm', 80)"),
    ("tfjs.html", "bench('cpu', 6)"),
    ("ort.html", "bench('wasm', 1, 800)"),
    ("ort.html", "bench('wasm', 2, 800)"),
];

/// The same on WebGPU.
const WEBGPU_PEERS: [(&str, &str); 2] =
    [("tfjs.html", "bench('webgpu', 2)"), ("ort.html", "bench('webgpu', 1, 20)")];

/// Runs `bench.html`, open in `page`, on a backend by the name it has there, and returns the JSON that the
/// page offers.
#[track_caller]
pub fn measured(page: &Page, backend: &str) -> Value {
    page.find("combobox", "Compute on").choose(backend);
    page.button("Run").click();
    let ended = |words: &str| words.starts_with("Done") || words.starts_with("Not measured");
    page.wait_until("the measurement", LIMIT, || ended(page.status().trim()));
    let words = page.status();
    assert!(words.trim() == "Done.", "the page says: {words}");
    let file = page.download(|| page.button("Download JSON").click());
    let json = fs::read_to_string(&file).expect("the download");
    fs::remove_file(file).expect("the download");
    serde_json::from_str(&json).expect("JSON from the page")
}

/// A peer's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// What ran: the words before the colon.
    pub name: String,
    /// Its speed; none if it did not run, and then `name` says why.
    pub events_per_second: Option<f64>,
}

/// Runs the peers that `site` has, each in a fresh tab.
#[must_use]
pub fn peers(browser: &Browser, site: &Site, with_webgpu: bool) -> Vec<Peer> {
    let webgpu = WEBGPU_PEERS.iter().filter(|_| with_webgpu);
    let here = PEERS.iter().chain(webgpu).filter(|(file, _)| site.folder().join(file).is_file());
    here.map(|(file, expression)| {
        let page = browser.open(&site.url(&format!("/{file}")));
        let caught = format!("Promise.resolve().then(() => {expression}).catch(error => String(error))");
        let answer = page.evaluate(&caught);
        parse(answer.as_str().unwrap_or("no answer")).unwrap_or_else(|| Peer {
            name: format!("{file} {expression}: {answer}"),
            events_per_second: None,
        })
    })
    .collect()
}

/// TensorFlow.js learning the same network, by the script of it that is named. Its WebAssembly has no gradients; the
/// others are its plain processor, which takes minutes, and WebGL.
#[must_use]
pub fn tfjs_learns(browser: &Browser, script: &Path) -> Vec<Peer> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::copy(script, folder.path().join("tf.min.js")).expect("TensorFlow.js");
    fs::write(folder.path().join("index.html"), include_str!("bench/tfjs.html")).expect("a page");
    let site = Site::of(folder.path());
    let measured = ["webgl", "cpu"].map(|backend| {
        let page = browser.open(&site.url("/"));
        page.evaluate(&format!(
            "void bench('{backend}', 8, 128, 20).then(answer => window.answer = answer, error => window.answer = String(error))"
        ));
        let answer = page.wait_for("TensorFlow.js", TFJS_LIMIT, || {
            page.evaluate("window.answer ?? null").as_str().map(str::to_owned)
        });
        page.close();
        parse(&answer).unwrap_or(Peer { name: format!("{backend}: {answer}"), events_per_second: None })
    });
    measured.into()
}

fn parse(answer: &str) -> Option<Peer> {
    let (name, figures) = answer.split_once(": ")?;
    let speed = figures.rsplit_once("= ")?.1.strip_suffix(" events/s")?;
    Some(Peer { name: name.to_owned(), events_per_second: Some(speed.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_peers() {
        let answer = "tfjs 4.22.0 wasm: 400 events in 1025 ms = 390.2 events/s";
        let expected = Peer { name: "tfjs 4.22.0 wasm".to_owned(), events_per_second: Some(390.2) };
        assert_eq!(parse(answer), Some(expected));
        assert_eq!(parse("backend webgl failed"), None);
    }
}
