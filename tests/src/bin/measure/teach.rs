//! `teach`: how the loss on music set aside falls while the page learns from a folder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::browser::{Browser, Page};
use tests::site::Site;

use crate::{keep, value};

/// Reading the music, fetching the weights, and the first measurement.
const PATIENCE: Duration = Duration::from_secs(600);

/// What to learn.
#[derive(Debug)]
pub(crate) struct Options {
    music: PathBuf,
    minutes: u32,
    events: Option<u64>,
    json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { music: PathBuf::new(), minutes: 10, events: None, json: None };
        let mut arguments = arguments.iter();
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--music" => options.music = value(option, arguments.next())?,
                "--minutes" => options.minutes = value(option, arguments.next())?,
                "--events" => options.events = Some(value(option, arguments.next())?),
                "--json" => options.json = Some(value(option, arguments.next())?),
                other => return Err(format!("teach does not take {other}; see --help")),
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else {
        return Err("there is no built page, or no browser to open it".to_owned());
    };
    let folder =
        std::fs::read_dir(&options.music).map_err(|error| format!("{}: {error}", options.music.display()))?;
    let mut files: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
    let events = options.events.map_or_else(String::new, |events| format!("&teach_events={events}"));
    let page = browser.open(&site.url(&format!("/?backend=cpu{events}")));
    page.button("Teach").click();
    page.choose_files("Music to learn from", &files);
    page.wait_until("the music", PATIENCE, || page.status().contains("Ready to learn"));
    println!("{}", page.evaluate("document.querySelector('.teach .music').innerText").as_str().unwrap_or(""));
    page.button("Start learning").click();
    let measured = || {
        let label = "document.querySelector('.curve svg')?.getAttribute('aria-label')";
        let label = page.evaluate(label).as_str()?.to_owned();
        label.rsplit_once("set aside ").map(|(_, nats)| nats.to_owned())
    };
    let first = page.wait_for("the first measurement", PATIENCE, measured);
    println!("{:>8} {:>8} {:>8}  nats/event on music set aside", "minutes", "learned", "memory");
    let (started, mut last, mut curve) = (Instant::now(), first.clone(), Vec::new());
    let mut row = |page: &Page, nats: &str| {
        let minutes = started.elapsed().as_secs_f64() / 60.0;
        let learned = page.status().lines().find(|line| line.contains('%')).unwrap_or_default().to_owned();
        let learned = learned.split(" %").next().unwrap_or_default().to_owned();
        let memory = memory_bytes(page);
        println!("{minutes:>8.1} {learned:>6} % {:>5.0} MB  {nats}", memory / 1e6);
        curve.push(json!({ "minutes": minutes, "percent": learned, "nats": nats, "memory_bytes": memory }));
    };
    row(&page, &first);
    while started.elapsed() < Duration::from_secs(60) * options.minutes {
        std::thread::sleep(Duration::from_millis(500));
        if let Some(nats) = measured().filter(|nats| *nats != last) {
            row(&page, &nats);
            last = nats;
        }
        if page.status().contains("nats per event on music of yours") {
            break;
        }
    }
    if page.try_find("button", "Stop").is_some_and(|_| page.status().contains("% learned")) {
        page.evaluate(
            "[...document.querySelectorAll('.teach button')].find(b => b.innerText == 'Stop').click()",
        );
    }
    page.wait_until("an outcome", PATIENCE, || page.status().contains("music of yours"));
    let outcome = page.status().lines().find(|line| line.contains("music of yours")).unwrap_or("").to_owned();
    println!("{outcome}");
    keep(options.json.as_deref(), &json!({ "curve": curve, "outcome": outcome }))
}

/// Of the worker that learns, which has more than the one that plays.
fn memory_bytes(page: &Page) -> f64 {
    page.in_workers("performanceRnn?.memory()").iter().filter_map(Value::as_f64).fold(0.0, f64::max)
}
