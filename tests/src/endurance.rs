//! Long performances: composed at once, then listened to, and looked at all the while.

use std::time::{Duration, Instant};

use performance::playback::{micros, timed_events};
use performance::{Event, Token};
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::midi_device::MidiDevice;
use crate::site::Site;

/// Composing an hour on a machine that does other things as well.
const COMPOSE: Duration = Duration::from_secs(900);
/// Notes in a row that are held against each other, not against all: a drift of the clocks is another figure.
const NEIGHBORS: usize = 256;
/// Between two looks while it composes, and while it plays.
const LOOK: Duration = Duration::from_secs(1);
const LISTEN: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_secs(20);

/// Whether it plays, its play-head on the roll, and the audio clock, in seconds.
const HEADS: &str =
    "[performanceRnn.playback() === 'Playing', performanceRnn.played(), __performanceRnnSound.now()]";

/// How far the computer's clock is ahead of the audio clock, in milliseconds. The audio clock stands still
/// and jumps; right after a jump it is read best. Messages and not timers: those of a tab in the background
/// come once a minute.
const AHEAD: &str = "new Promise(resolve => {
    const { port1, port2 } = new MessageChannel();
    const started = performance.now();
    let least = Infinity;
    port1.onmessage = () => {
        const now = performance.now();
        least = Math.min(least, now - 1000 * __performanceRnnSound.now());
        if (now - started < 100) return port2.postMessage(0);
        port1.close();
        resolve(least);
    };
    port2.postMessage(0);
})";

/// Sees what the worker says before the page does: when, how many events, how long they took.
const WATCH: &str = "
(() => {
    const property = Object.getOwnPropertyDescriptor(Worker.prototype, 'onmessage');
    window.__chunks = [];
    Object.defineProperty(Worker.prototype, 'onmessage', { ...property, set(handler) {
        property.set.call(this, handler && (event => {
            if (typeof event.data === 'string' && event.data.startsWith('{\"Events\"')) {
                const { tokens, busy_ms } = JSON.parse(event.data).Events;
                window.__chunks.push([performance.now(), tokens.length, busy_ms]);
            }
            handler.call(this, event);
        }));
    }});
})();";

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Endured {
    /// Music composed, in seconds.
    pub music_secs: f64,
    /// How long composing took, with all that the page did meanwhile.
    pub composing_secs: f64,
    /// Events composed.
    pub events: usize,
    /// Events per second of composing, in each tenth of the music.
    pub speed_by_tenth: Vec<f64>,
    /// The 95th percentile of chunks, in milliseconds per event, in each tenth.
    pub p95_by_tenth: Vec<f64>,
    /// The worker's memory, in bytes, at the beginning and at the end of composing.
    pub worker_memory: [f64; 2],
    /// The page's: its wasm memory, and JavaScript's heap after a collection. At the beginning, when all was
    /// composed, and when all was played.
    pub page_memory: [[f64; 2]; 3],
    /// Listened to, in seconds.
    pub heard_secs: f64,
    /// Notes that were to begin meanwhile, and how many of them began within 2 ms of where the file has them.
    pub notes: [usize; 2],
    /// How far the roll's play-head went away from the audio clock, in milliseconds: the largest difference
    /// from its own median.
    pub roll_drift_ms: f64,
    /// Drift of a MIDI device: how much later the last notes came than the first ones, against the file and
    /// by the audio clock. It is the difference of medians of a tenth of the notes each, in milliseconds;
    /// none without a device.
    pub midi_drift_ms: Option<f64>,
    /// By how much the computer's clock, by which the device writes down what it gets, ran away from the
    /// audio clock meanwhile, in milliseconds.
    pub clock_drift_ms: Option<f64>,
    /// Notes at the MIDI device that are not in the file, or came more than 50 ms away from where it has
    /// them.
    pub midi_strays: Option<usize>,
}

/// Has the page compose this much music and plays it.
#[must_use]
pub fn endure(
    site: &Site,
    browser: &Browser,
    device: Option<&MidiDevice>,
    music_secs: u32,
    heard: Duration,
) -> Endured {
    let address = site.url(&format!("/?backend=cpu&seed=1&length={music_secs}"));
    let page = open(browser, &address);
    page.button("Generate").click();
    page.wait_until("the piano", COMPOSE, || page.sound_peak() > 0.0);
    let worker_before = worker_memory(&page);
    let page_before = page_memory(&page);
    let tokens = composed(&page, music_secs);
    let worker_memory = [worker_before, worker_memory(&page)];
    let chunks: Vec<[f64; 3]> = from(page.evaluate("window.__chunks"));
    let page_composed = page_memory(&page);

    let midi = device.map(|device| {
        let page = open(browser, &address);
        choose_device(&page);
        page.button("Generate").click();
        page.wait_until("music at the device", COMPOSE, || !device.received().is_empty());
        page
    });
    let started = Instant::now();
    let (mut offsets, mut ahead) = (Vec::new(), Vec::new());
    while started.elapsed() < heard {
        std::thread::sleep(LISTEN.min(heard / 8));
        let (is_playing, head, clock): (bool, f64, Option<f64>) = from(page.evaluate(HEADS));
        if let Some(clock) = clock.filter(|_| is_playing) {
            offsets.push(1000.0 * (clock - head));
        }
        ahead.extend(midi.as_ref().and_then(|page| page.evaluate(AHEAD).as_f64()));
    }
    let onsets = page.sound_onsets();
    let clock = page.evaluate("__performanceRnnSound.now()").as_f64().unwrap_or(f64::NAN);
    let memory = [page_before, page_composed, page_memory(&page)];
    page.button("Stop").click();
    let begins = begins_secs(&tokens);
    let clock_drift_ms = midi.is_some().then(|| growth(&ahead));
    let (midi_drift_ms, midi_strays) = match (device, midi) {
        (Some(device), Some(page)) => {
            page.button("Stop").click();
            std::thread::sleep(Duration::from_millis(500));
            let received = device.received();
            let struck = received.iter().filter(|message| message.bytes[0] == 0x90 && message.bytes[2] > 0);
            let struck: Vec<_> = struck.map(|message| (message.bytes[1], message.at.as_secs_f64())).collect();
            let (drift_ms, strays) = midi_drift(&begins, &struck);
            (clock_drift_ms.map(|clock_ms| drift_ms - clock_ms), Some(strays))
        }
        _ => (None, None),
    };
    let composing_ms =
        chunks.last().map_or(0.0, |last| last[0]) - chunks.first().map_or(0.0, |first| first[0] - first[2]);
    Endured {
        music_secs: begins_end_secs(&tokens),
        composing_secs: composing_ms / 1000.0,
        events: tokens.len(),
        speed_by_tenth: by_tenth(&chunks, |tenth| {
            1000.0 * tenth.iter().map(|chunk| chunk[1]).sum::<f64>()
                / tenth.iter().map(|chunk| chunk[2]).sum::<f64>()
        }),
        p95_by_tenth: by_tenth(&chunks, |tenth| {
            quantile(tenth.iter().map(|chunk| chunk[2] / chunk[1]), 0.95)
        }),
        worker_memory,
        page_memory: memory,
        heard_secs: started.elapsed().as_secs_f64(),
        notes: on_time(&begins, &onsets, clock),
        roll_drift_ms: spread(&offsets),
        midi_drift_ms,
        clock_drift_ms,
        midi_strays,
    }
}

impl Endured {
    /// The figures as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "music_secs": self.music_secs, "composing_secs": self.composing_secs, "events": self.events,
            "events_per_second_by_tenth": self.speed_by_tenth, "ms_per_event_p95_by_tenth": self.p95_by_tenth,
            "worker_memory_bytes": self.worker_memory, "page_wasm_and_js_bytes": self.page_memory,
            "heard_secs": self.heard_secs, "notes_due_and_on_time": self.notes,
            "roll_drift_ms": self.roll_drift_ms, "midi_drift_ms": self.midi_drift_ms,
            "clock_drift_ms": self.clock_drift_ms, "midi_strays": self.midi_strays,
        })
    }

    /// The figures as sentences.
    #[must_use]
    pub fn to_lines(&self) -> Vec<String> {
        let list = |values: &[f64], digits: usize| {
            values.iter().map(|value| format!("{value:.digits$}")).collect::<Vec<_>>().join(" ")
        };
        let megabytes = |bytes: f64| format!("{:.1}", bytes / 1e6);
        let [before, composed, heard] =
            self.page_memory.map(|[wasm, js]| format!("{} + {}", megabytes(wasm), megabytes(js)));
        let [due, on_time] = self.notes;
        let mut lines = vec![
            format!(
                "{:.1} min of music ({} events) composed in {:.1} s, {:.1} times real time",
                self.music_secs / 60.0,
                self.events,
                self.composing_secs,
                self.music_secs / self.composing_secs
            ),
            format!("events/s of composing, by tenth of the music: {}", list(&self.speed_by_tenth, 0)),
            format!("ms per event, 95th percentile of chunks, by tenth: {}", list(&self.p95_by_tenth, 3)),
            format!(
                "worker memory: {} MB at the beginning, {} MB at the end",
                megabytes(self.worker_memory[0]),
                megabytes(self.worker_memory[1])
            ),
            format!(
                "page memory (wasm + JS): {before} MB at the beginning, {composed} MB when all was composed, {heard} MB \
                 after {:.1} min of playing",
                self.heard_secs / 60.0
            ),
            format!("audio: {on_time} of {due} notes began within 2 ms of where the file has them"),
            format!("roll: its play-head stayed within {:.1} ms of the audio clock", self.roll_drift_ms),
        ];
        if let (Some(drift_ms), Some(clock_ms), Some(strays)) =
            (self.midi_drift_ms, self.clock_drift_ms, self.midi_strays)
        {
            lines.push(format!(
                "MIDI device: {drift_ms:.1} ms from the audio clock in the end, {strays} notes astray (the computer's \
                 clock drifted {clock_ms:.1} ms from the audio clock)"
            ));
        }
        lines
    }
}

fn open(browser: &Browser, address: &str) -> Page {
    let page = browser.open_blank();
    page.run_first(WATCH);
    page.go_to(address);
    page
}

fn choose_device(page: &Page) {
    let output = page.find("combobox", "Output");
    // A page that may use MIDI finds the device by itself.
    page.wait_until("the device in the list", SOON, || {
        output.options().iter().any(|name| name == MidiDevice::NAME)
    });
    output.choose(MidiDevice::NAME);
}

/// What the page has composed so far.
#[must_use]
pub fn tokens(page: &Page) -> Vec<Token> {
    let tokens: Vec<u16> = from(page.evaluate("Array.from(globalThis.performanceRnn?.tokens() ?? [])"));
    tokens.into_iter().filter_map(|token| Token::new(token).ok()).collect()
}

/// Waits until all of it is composed.
fn composed(page: &Page, music_secs: u32) -> Vec<Token> {
    let deadline = Instant::now() + COMPOSE;
    loop {
        let tokens = tokens(page);
        let secs = begins_end_secs(&tokens);
        if secs >= f64::from(music_secs) {
            return tokens;
        }
        assert!(Instant::now() < deadline, "{secs:.0} of {music_secs} s composed within {COMPOSE:?}");
        std::thread::sleep(LOOK);
    }
}

fn worker_memory(page: &Page) -> f64 {
    page.wait_for("the worker's memory", LISTEN, || {
        page.in_workers("performanceRnn.memory()").iter().find_map(Value::as_f64)
    })
}

fn page_memory(page: &Page) -> [f64; 2] {
    let wasm = page.evaluate("performanceRnn.memory()").as_f64().unwrap_or(f64::NAN);
    [wasm, page.js_heap_bytes()]
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a list of numbers from the page")
}

/// Pitch and music time of each strike, in seconds.
#[must_use]
pub fn begins_secs(tokens: &[Token]) -> Vec<(u8, f64)> {
    timed_events(tokens)
        .filter_map(|timed| match timed.event {
            Event::NoteOn(pitch) => Some((pitch.get(), timed.at_us as f64 / 1e6)),
            _ => None,
        })
        .collect()
}

fn begins_end_secs(tokens: &[Token]) -> f64 {
    micros(tokens) as f64 / 1e6
}

/// How many notes were to begin until `clock_secs`, and how many of them did within 2 ms of where they are,
/// counted from the first one on.
#[must_use]
pub fn on_time(begins: &[(u8, f64)], onsets: &[f64], clock_secs: f64) -> [usize; 2] {
    let mut sorted = onsets.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some((_, first_begin)), Some(first_onset)) = (begins.first(), sorted.first().copied()) else {
        return [0, 0];
    };
    let mut counts = [0, 0];
    for (_, begin) in begins {
        let due = first_onset + begin - first_begin;
        if due > clock_secs {
            break;
        }
        let at = sorted.partition_point(|onset| *onset < due - 0.002);
        counts[0] += 1;
        counts[1] += usize::from(sorted.get(at).is_some_and(|onset| *onset < due + 0.002));
    }
    counts
}

/// Drift in milliseconds, and number of notes out of place, of what a device received: pitches with arrival
/// times.
fn midi_drift(begins: &[(u8, f64)], struck: &[(u8, f64)]) -> (f64, usize) {
    let mut by_pitch = vec![std::collections::VecDeque::new(); 128];
    for (pitch, begin) in begins {
        by_pitch[usize::from(*pitch)].push_back(*begin);
    }
    let delays: Vec<Option<f64>> = struck
        .iter()
        .map(|(pitch, at)| Some(at - by_pitch.get_mut(usize::from(*pitch))?.pop_front()?))
        .collect();
    let known: Vec<f64> = delays.iter().copied().flatten().collect();
    let strays_of = |neighbors: &[Option<f64>]| {
        let middle = quantile(neighbors.iter().copied().flatten(), 0.5);
        neighbors.iter().filter(|delay| delay.is_none_or(|delay| (delay - middle).abs() > 0.05)).count()
    };
    (1000.0 * growth(&known), delays.chunks(NEIGHBORS).map(strays_of).sum())
}

/// The median of the last tenth less the median of the first.
fn growth(values: &[f64]) -> f64 {
    let tenth = (values.len() / 10).max(1);
    let early = quantile(values.iter().take(tenth).copied(), 0.5);
    quantile(values.iter().rev().take(tenth).copied(), 0.5) - early
}

/// The largest distance from the median; no number of no values.
fn spread(values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = quantile(values.iter().copied(), 0.5);
    values.iter().map(|value| (value - middle).abs()).fold(0.0, f64::max)
}

fn by_tenth(chunks: &[[f64; 3]], figure: impl Fn(&[[f64; 3]]) -> f64) -> Vec<f64> {
    chunks.chunks(chunks.len().div_ceil(10).max(1)).map(figure).collect()
}

fn quantile(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_seen() {
        let begins: Vec<(u8, f64)> = (0..1000).map(|i| (60, f64::from(i))).collect();
        // A device whose clock runs a ten-thousandth too fast, a late note, and one of another key.
        let mut struck: Vec<(u8, f64)> =
            begins.iter().map(|(pitch, at)| (*pitch, 5.0 + at * 1.0001)).collect();
        let (drift_ms, strays) = midi_drift(&begins, &struck);
        assert!((drift_ms - 90.0).abs() < 2.0 && strays == 0, "{drift_ms} {strays}");
        struck[500].1 += 0.1;
        struck.push((61, 50.0));
        assert_eq!(midi_drift(&begins, &struck).1, 2);
    }

    #[test]
    fn late_notes_are_seen() {
        let begins = [(60, 0.5), (62, 1.0), (64, 1.5), (65, 9.0)];
        assert_eq!(on_time(&begins, &[3.0, 3.501, 4.01], 5.0), [3, 2]);
        assert_eq!(on_time(&[], &[], 5.0), [0, 0]);
    }

    #[test]
    fn a_play_head_that_runs_away_is_seen() {
        assert_eq!(spread(&[10.0, 10.0, 11.0, 13.0, 10.0]), 3.0);
        assert!(spread(&[]).is_nan(), "nothing seen is not nothing wrong");
    }
}
