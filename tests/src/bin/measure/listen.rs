//! `listen`: what the page plays from some seeds and after some primers, as files of sound.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value};
use tests::browser::{Browser, Page};
use tests::listening::{Heard, Sound, recorded};
use tests::site::Site;

use crate::{keep, value};

/// What to listen to.
#[derive(Debug)]
pub(crate) struct Options {
    out: PathBuf,
    seeds: u32,
    secs: u32,
    primer_secs: u32,
    primers: Vec<PathBuf>,
    json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            out: PathBuf::new(),
            seeds: 10,
            secs: 60,
            primer_secs: 30,
            primers: Vec::new(),
            json: None,
        };
        let mut arguments = arguments.iter();
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--out" => options.out = value(option, arguments.next())?,
                "--seeds" => options.seeds = value(option, arguments.next())?,
                "--seconds" => options.secs = value(option, arguments.next())?,
                "--primer-seconds" => options.primer_secs = value(option, arguments.next())?,
                "--primer" => options.primers.push(value(option, arguments.next())?),
                "--json" => options.json = Some(value(option, arguments.next())?),
                other => return Err(format!("listen does not take {other}; see --help")),
            }
        }
        if options.out.as_os_str().is_empty() {
            return Err("--out: expected a folder to write to".to_owned());
        }
        if !(1..=3600).contains(&options.secs) {
            return Err(format!("--seconds: expected 1 to 3600, found {}", options.secs));
        }
        Ok(options)
    }
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else {
        return Err("there is no built page, or no browser to open it".to_owned());
    };
    fs::create_dir_all(&options.out).map_err(|error| format!("{}: {error}", options.out.display()))?;
    // A primer is cut by the page, by the same rule as by the command.
    let open = |seed: u32| -> Page {
        let Options { secs, primer_secs, .. } = options;
        let query = format!("?backend=cpu&seed={seed}&length={secs}&primer_seconds={primer_secs}");
        browser.open(&site.url(&format!("/{query}")))
    };
    let mut figures = Map::new();
    println!(
        "{:<44} {:>6} {:>8} {:>8} {:>8} {:>8} {:>5}",
        "", "s", "peak dB", "RMS dB", "range dB", "silence", "cut"
    );
    let mut hear = |name: String, page: &Page| -> Result<(), String> {
        let file = options.out.join(format!("{name}.wav"));
        let made = recorded(page, options.secs);
        fs::copy(&made, &file).map_err(|error| format!("{}: {error}", file.display()))?;
        let heard = Sound::read(&file).heard();
        let Heard { secs, peak_db, loudness_db, range_db, silence_secs, cut } = heard;
        println!(
            "{name:<44} {secs:>6.1} {peak_db:>8.1} {loudness_db:>8.1} {range_db:>8.1} {silence_secs:>6.2} s {cut:>5}"
        );
        figures.insert(name, heard.to_json());
        Ok(())
    };
    for seed in 1..=options.seeds {
        hear(format!("seed-{seed}"), &open(seed))?;
    }
    for primer in &options.primers {
        let name = primer.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let page = open(1);
        page.choose_files("Primer MIDI file", &[primer]);
        page.wait_until("the primer", std::time::Duration::from_secs(20), || page.text().contains(&name));
        hear(name, &page)?;
    }
    keep(options.json.as_deref(), &Value::Object(figures))
}
