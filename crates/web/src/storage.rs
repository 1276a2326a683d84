//! What is remembered from visit to visit.

use performance::midi::Pedal;
use session::engine::{Benchmark, Preference};
use session::protocol::BackendKind;
use session::teach::{Place, Speed};

use crate::js;

const PREFERENCE: &str = "performance-rnn-place";
const CHARACTER_KEYS: &str = "performance-rnn-character-keys";
const PEDAL: &str = "performance-rnn-pedal";
/// Before a place.
const LEARNING: &str = "performance-rnn-learning-speed-";
/// Its number rises when a trial measures something else: with 2, themes come back.
const BENCHMARK: &str = "performance-rnn-trial-2";

/// Where the visitor wants the network to run.
pub fn preference() -> Preference {
    js::stored(PREFERENCE).and_then(|value| Preference::from_value(&value)).unwrap_or_default()
}

pub fn store_preference(preference: Preference) {
    js::store(PREFERENCE, preference.value());
}

/// Whether single characters are shortcuts.
pub fn has_character_keys() -> bool {
    js::stored(CHARACTER_KEYS).as_deref() != Some("off")
}

pub fn store_character_keys(are_on: bool) {
    js::store(CHARACTER_KEYS, if are_on { "on" } else { "off" });
}

/// Whether MIDI devices and files get a pedal.
pub fn pedal() -> Pedal {
    if js::stored(PEDAL).as_deref() == Some("written") { Pedal::Written } else { Pedal::InNotes }
}

pub fn store_pedal(pedal: Pedal) {
    js::store(PEDAL, if pedal == Pedal::Written { "written" } else { "in notes" });
}

/// What was measured of this page's programs.
pub fn benchmark() -> Option<Benchmark> {
    let benchmark: Benchmark = serde_json::from_str(&js::stored(BENCHMARK)?).ok()?;
    (benchmark.program == gpu_program()).then_some(benchmark)
}

pub fn store_benchmark(benchmark: &Benchmark) {
    if let Ok(json) = serde_json::to_string(benchmark) {
        js::store(BENCHMARK, &json);
    }
}

/// How fast the network learned in a place.
pub fn learning_speed(place: &Place) -> Speed {
    let known = js::stored(&format!("{LEARNING}{place}")).and_then(|speed| speed.parse().ok());
    match (known, place) {
        (Some(events_per_second), _) if events_per_second > 0.0 => Speed::Known { events_per_second },
        (_, Place::WebGpu { is_software: true, .. }) => Speed::Unwanted,
        _ => Speed::Unknown,
    }
}

pub fn store_learning_speed(place: &Place, events_per_second: f64) {
    js::store(&format!("{LEARNING}{place}"), &format!("{events_per_second:.1}"));
}

/// The address of the GPU's program, which names its content.
pub fn gpu_program() -> String {
    js::asset_url(BackendKind::WebGpu.files()[1]).unwrap_or_default()
}
