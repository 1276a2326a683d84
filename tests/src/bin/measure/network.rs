//! `bench --network`: from opening the page to the first sound, as a new visitor on a slow line.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tests::browser::Browser;
use tests::site::{Site, Speed};

use crate::keep;

/// Until an answer begins, on all lines but the machine's own.
const LATENCY_MS: u64 = 40;
/// A visitor's first music, whose beginning the page has, and other music, which needs the model first.
const MUSIC: [(&str, &str); 2] = [("first music", "/?backend=cpu"), ("other music", "/?backend=cpu&seed=7")];
/// A slow line takes its time.
const LIMIT: Duration = Duration::from_secs(180);

/// What to measure.
#[derive(Debug)]
pub(crate) struct Options {
    /// Speeds, in Mbit/s.
    pub(crate) lines: Vec<f64>,
    pub(crate) rounds: usize,
    /// Another built page, measured in turn.
    pub(crate) before: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
}

/// `50,10,4`.
pub(crate) fn lines(text: &str) -> Result<Vec<f64>, String> {
    let speed = |word: &str| word.parse().ok().filter(|speed| (0.01..=10_000.0).contains(speed));
    text.split(',')
        .map(|word| {
            speed(word).ok_or_else(|| format!("--network: expected Mbit/s like 50,10,4, found {text}"))
        })
        .collect()
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let now = Site::built().ok_or("there is no built page")?;
    let mut sites = vec![("this page", now)];
    sites.extend(options.before.as_deref().map(|folder| ("before", Site::of(folder))));
    let lines = options.lines.iter().map(|&speed| Some(speed)).chain([None]);
    println!("{:24} {:>12} {:>12} {:>12} {:>12}", "first sound", "", "", "median", "all");
    let mut rows = Vec::new();
    for speed in lines {
        let kinds: Vec<_> = sites.iter().flat_map(|site| MUSIC.map(|music| (site, music))).collect();
        let mut secs = vec![Vec::new(); kinds.len()];
        for _ in 0..options.rounds {
            for (((_, site), (_, path)), secs) in kinds.iter().zip(&mut secs) {
                secs.push(first_sound(site, path, speed)?);
            }
        }
        let line = speed.map_or("localhost".to_owned(), |speed| format!("{speed} Mbit/s, {LATENCY_MS} ms"));
        for (((name, _), (music, _)), mut secs) in kinds.into_iter().zip(secs) {
            secs.sort_by(f64::total_cmp);
            let median = secs.get(secs.len() / 2).copied().unwrap_or(f64::NAN);
            let all: Vec<_> = secs.iter().map(|secs| format!("{secs:.2}")).collect();
            println!("{line:24} {name:>12} {music:>12} {median:10.2} s {:>12}", all.join(" "));
            rows.push(json!({ "mbits_per_second": speed, "page": name, "music": music, "secs": secs }));
        }
    }
    keep(options.json.as_deref(), &Value::from(rows))
}

/// Seconds from opening the page, with a click as soon as there is a button, in a browser that was never there.
fn first_sound(site: &Site, path: &str, mbits_per_second: Option<f64>) -> Result<f64, String> {
    let browser = Browser::launch().ok_or("there is no browser")?;
    let page = browser.open_blank();
    // The line and not the browser is slow, since Chromium's emulation leaves out what workers fetch.
    let latency = Duration::from_millis(LATENCY_MS);
    site.limit(mbits_per_second.map(|mbits_per_second| Speed { mbits_per_second, latency }));
    page.go_to(&site.url(path));
    page.button("Generate").click();
    let first_ms = page.wait_for("the first sound", LIMIT, || page.first_note_after_opening());
    page.wait_until("sound", LIMIT, || page.sound_peak() > 1e-3);
    page.assert_no_errors();
    Ok(first_ms / 1000.0)
}
