//! `bench`: the page's own benchmark, and its peers beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use performance::Event;
use serde_json::{Value, json};
use tests::bench::{Peer, measured, peers, tfjs_learns};
use tests::browser::{Browser, Setup, WebGpu};
use tests::frames::HourOfFrames;
use tests::kept::{wait_until_kept, write_times};
use tests::performing::{change_expression, drop_score, fugue};
use tests::site::Site;
use tests::steering::{density_latency, temperature_latency};
use tests::times::Times;

use crate::{keep, network, value};

/// What `bench.html` measures, as it stands there.
const WORKS: [&str; 4] = [
    "Processor",
    "Burn, 32 bits, processor",
    "Burn learns, processor",
    "Burn learns, processor, relaxed SIMD",
];
/// The same on WebGPU.
const WEBGPU_WORK: &str = "WebGPU";
const BURN_WEBGPU_WORKS: [&str; 2] = ["Burn, 32 bits, WebGPU", "Burn learns, WebGPU"];
/// In the names of those that learn.
const LEARNS: &str = " learns, ";
/// Changes of which the latency is measured.
const CHANGES: usize = 40;
/// Bars of the score that is performed: 2,000 notes.
const BARS: usize = 64;
/// How often it is dropped.
const DROPS: usize = 8;
/// Music that is drawn on the roll.
const HOUR_SECS: u32 = 3600;
/// Opening the page and composing the first notes.
const START: std::time::Duration = std::time::Duration::from_secs(120);
/// Composing an hour of music on a busy machine.
const HOUR: std::time::Duration = std::time::Duration::from_secs(900);

/// What to measure.
#[derive(Debug, Default)]
pub(crate) struct Options {
    rounds: usize,
    has_webgpu: bool,
    peers: Option<PathBuf>,
    network: Vec<f64>,
    only_scores: bool,
    before: Option<PathBuf>,
    has_burn_webgpu: bool,
    has_tfjs: bool,
    /// Nothing but how fast it learns.
    learns_only: bool,
    json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { rounds: 1, ..Self::default() };
        let mut arguments = arguments.iter();
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--rounds" => options.rounds = value(option, arguments.next())?,
                "--webgpu" => options.has_webgpu = true,
                "--scores" => options.only_scores = true,
                "--tfjs" => options.has_tfjs = true,
                "--all" => options.has_burn_webgpu = true,
                "--learning" => options.learns_only = true,
                "--peers" => options.peers = Some(value(option, arguments.next())?),
                "--network" => {
                    options.network = network::lines(arguments.next().map_or("nothing", String::as_str))?;
                }
                "--before" => options.before = Some(value(option, arguments.next())?),
                "--json" => options.json = Some(value(option, arguments.next())?),
                other => return Err(format!("bench does not take {other}; see --help")),
            }
        }
        if options.rounds == 0 {
            return Err("--rounds: expected at least 1, found 0".to_owned());
        }
        for (option, folder) in [("--peers", &options.peers), ("--before", &options.before)] {
            if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
                return Err(format!("{option}: expected a folder, found {}", folder.display()));
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    if !options.network.is_empty() {
        return network::run(&network::Options {
            lines: options.network.clone(),
            rounds: options.rounds,
            before: options.before.clone(),
            json: options.json.clone(),
        });
    }
    let webgpu = if options.has_webgpu { WebGpu::Software } else { WebGpu::Absent };
    let (Some(site), Some(browser)) =
        (Site::built(), Browser::launch_with(&Setup { webgpu, ..Setup::default() }))
    else {
        return Err("there is no built page, or no browser to open it".to_owned());
    };
    if options.only_scores {
        let scores = Scores::measure(&browser, &site);
        scores.print();
        return keep(options.json.as_deref(), &scores.to_json());
    }
    let mut works = WORKS.to_vec();
    if options.has_webgpu {
        works.push(WEBGPU_WORK);
        works.extend(BURN_WEBGPU_WORKS.iter().filter(|_| options.has_burn_webgpu));
    }
    if options.learns_only {
        works.retain(|work| work.contains(LEARNS));
    }
    let peers_site = options.peers.as_deref().map(Site::isolated);
    let (mut rounds, mut others) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        for work in &works {
            // A tab each, so that each starts from nothing but the browser's cache.
            let page = browser.open(&site.url("/bench.html"));
            rounds.push(measured(&page, work));
            page.close();
        }
        if let Some(site) = &peers_site {
            others.extend(peers(&browser, site, options.has_webgpu));
        }
    }
    if let Some(script) = std::env::var_os("TFJS").filter(|_| options.has_tfjs) {
        others.extend(tfjs_learns(&browser, &PathBuf::from(script)));
    }
    let all = |kind: &str| -> Vec<Value> {
        rounds.iter().flat_map(|report| report[kind].as_array().cloned().unwrap_or_default()).collect()
    };
    let (runs, learning) = (all("runs"), all("learning"));
    learning_lines(&learning).iter().for_each(|line| println!("{line}"));
    for Peer { name, events_per_second } in others.iter().filter(|peer| is_learning(peer)) {
        println!("{name:48} {:10.1} events/s learned", events_per_second.unwrap_or(f64::NAN));
    }
    for peer in others.iter().filter(|peer| peer.events_per_second.is_none()) {
        println!("not measured: {}", peer.name);
    }
    let others_json: Vec<Value> = others
        .iter()
        .map(|peer| json!({ "name": peer.name, "events_per_second": peer.events_per_second }))
        .collect();
    if options.learns_only {
        return keep(options.json.as_deref(), &json!({ "learning": learning, "peers": others_json }));
    }
    let table = Table::new(&runs, &others);
    table.print();
    let (temperature, density) = steered(&browser, &site);
    let scores = Scores::measure(&browser, &site);
    let writes = kept(&browser, &site);
    let frames = HourOfFrames::measure(&site, &browser, HOUR_SECS);
    println!("temperature: a change is heard after {}", temperature.to_words());
    println!("density: a change is heard after {}", density.to_words());
    scores.print();
    println!("a session that grows to an hour of music is written in {}", writes.to_words());
    frames.to_lines().iter().for_each(|line| println!("{line}"));
    let first = rounds.first().ok_or("nothing was measured")?;
    keep(
        options.json.as_deref(),
        &json!({
            "browser": first["browser"], "threads": first["threads"], "runs": runs, "learning": learning,
            "steering": temperature.to_json(), "steering_density": density.to_json(),
            "scores": scores.to_json(),
            "session_writes": writes.to_json(),
            "roll": frames.to_json(),
            "peers": others_json,
        }),
    )
}

/// How soon changes of temperature and of density are heard while the page plays.
fn steered(browser: &Browser, site: &Site) -> (Times, Times) {
    let page = browser.open(&site.url("/?backend=cpu&seed=1"));
    page.button("Generate").click();
    page.wait_until("music", START, || page.evaluate("performanceRnn.played()").as_f64() > Some(2.0));
    let temperature = temperature_latency(&page, CHANGES);
    page.button("Shape").click();
    let density = density_latency(&page, CHANGES);
    page.button("Stop").click();
    // A tab that shares a session with the next one has a notice come up there, under the mouse.
    page.close();
    (temperature, density)
}

/// A score that is dropped, and changed while it plays.
struct Scores {
    n_notes: usize,
    /// From the drop to the first note.
    first_note: Times,
    /// From a change of expression to the first note that follows it.
    expression: Times,
}

impl Scores {
    fn measure(browser: &Browser, site: &Site) -> Self {
        let page = browser.open(&site.url("/?backend=cpu&seed=1"));
        page.button("Shape").click();
        page.button("Done").click();
        let file =
            std::env::temp_dir().join(format!("performance-rnn-fugue-{}.musicxml", std::process::id()));
        std::fs::write(&file, fugue(BARS)).expect("a temporary file");
        let first_note = Times::new((0..DROPS).map(|_| drop_score(&page, &file)).collect());
        std::fs::remove_file(&file).expect("the temporary file");
        let change = |idx: usize| {
            std::thread::sleep(std::time::Duration::from_millis(400));
            change_expression(&page, if idx.is_multiple_of(2) { 160 } else { 40 })
        };
        let expression = Times::new((0..CHANGES).map(change).collect());
        let tokens = tests::endurance::tokens(&page);
        let n_notes = tokens.iter().filter(|token| matches!(Event::from(**token), Event::NoteOn(_))).count();
        page.button("Stop").click();
        page.close();
        Self { n_notes, first_note, expression }
    }

    fn print(&self) {
        let first_note = self.first_note.to_words();
        println!("a score of {} notes: the first is heard {first_note} after the drop", self.n_notes);
        println!("expression of a score: a change is heard after {}", self.expression.to_words());
    }

    fn to_json(&self) -> Value {
        json!({
            "notes": self.n_notes, "first_note": self.first_note.to_json(), "expression": self.expression.to_json(),
        })
    }
}

/// How long the session is written each time, while an hour of music is composed in one go.
fn kept(browser: &Browser, site: &Site) -> Times {
    let page = browser.open(&site.url("/?backend=cpu&seed=1&length=3600"));
    page.button("Generate").click();
    page.wait_until("an hour of music", HOUR, || page.button("Download MIDI").title().starts_with("1:00:"));
    page.button("Stop").click();
    wait_until_kept(&page);
    let writes = write_times(&page);
    page.close();
    writes
}

/// Lines in the order in which they were first measured.
struct Table {
    lines: Vec<String>,
}

impl Table {
    fn new(runs: &[Value], others: &[Peer]) -> Self {
        let mut ours: BTreeMap<(String, u64), Vec<&Value>> = BTreeMap::new();
        for run in runs {
            let adapter = run["adapter"].as_str().unwrap_or_default();
            let webgpu = if run["is_software"] == true { "software WebGPU" } else { "WebGPU" };
            let name = match run["backend"].as_str() {
                Some("Cpu") => "worker, WebAssembly".to_owned(),
                Some("Burn") => "Burn in 32 bits, processor".to_owned(),
                Some("BurnWebGpu") => format!("Burn in 32 bits, {webgpu} ({adapter})"),
                _ => format!("worker, {webgpu} ({adapter})"),
            };
            for row in run["batches"].as_array().into_iter().flatten() {
                ours.entry((name.clone(), row["takes"].as_u64().unwrap_or(0))).or_default().push(row);
            }
        }
        let mut lines = vec![format!("{:48} {:>10} {:>10} {:>10}", "", "events/s", "chunk p50", "chunk p95")];
        for ((name, takes), rows) in &ours {
            let figure = |field: &str| median(rows.iter().filter_map(|row| row[field].as_f64()));
            lines.push(format!(
                "{:48} {:10.0} {:7.1} ms {:7.1} ms",
                format!("{name}, {takes} at once"),
                figure("events_per_second"),
                figure("chunk_p50_ms"),
                figure("chunk_p95_ms")
            ));
        }
        let mut names: Vec<&str> = Vec::new();
        for peer in others.iter().filter(|peer| peer.events_per_second.is_some() && !is_learning(peer)) {
            if !names.contains(&peer.name.as_str()) {
                names.push(&peer.name);
            }
        }
        let one = median(
            ours.iter()
                .filter(|((name, takes), _)| *takes == 1 && name.ends_with("WebAssembly"))
                .flat_map(|(_, rows)| rows.iter().filter_map(|row| row["events_per_second"].as_f64())),
        );
        for name in names {
            let speeds =
                others.iter().filter(|peer| peer.name == name).filter_map(|peer| peer.events_per_second);
            let speed = median(speeds);
            lines.push(format!("{name:48} {speed:10.1}   the worker is {:.1} times as fast", one / speed));
        }
        for run in runs {
            lines.push(format!(
                "first events {:.0} ms after asking for a worker (weights: {}), {:.1} MB of wasm memory ({})",
                run["first_events_ms"].as_f64().unwrap_or(0.0),
                run["weights"].as_str().unwrap_or("?"),
                run["memory_bytes"].as_f64().unwrap_or(0.0) / 1e6,
                run["backend"].as_str().unwrap_or("?"),
            ));
        }
        Self { lines }
    }

    fn print(&self) {
        self.lines.iter().for_each(|line| println!("{line}"));
    }
}

fn is_learning(peer: &Peer) -> bool {
    peer.name.contains(" learns ")
}

/// How fast it learned, by place and shape of the crops.
fn learning_lines(learning: &[Value]) -> Vec<String> {
    let mut speeds: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for run in learning {
        for crops in run["crops"].as_array().into_iter().flatten() {
            let place = run["place"].as_str().unwrap_or_default();
            let name = format!("Burn learns on {place}, {} × {}", crops["batch"], crops["time"]);
            let figure = |field: &str| crops[field].as_f64().unwrap_or(f64::NAN);
            speeds.entry(name).or_default().push((figure("events_per_second"), figure("memory_bytes")));
        }
    }
    let line = |(name, figures): (String, Vec<(f64, f64)>)| {
        let speed = median(figures.iter().map(|(speed, _)| *speed));
        let bytes = median(figures.iter().map(|(_, bytes)| *bytes));
        format!("{name:48} {speed:10.1} events/s learned, {:.0} MB", bytes / 1e6)
    };
    speeds.into_iter().map(line).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
