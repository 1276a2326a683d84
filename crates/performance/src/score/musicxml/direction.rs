//! Dynamics, tempo and pedal between the notes.

use roxmltree::Node;

use super::{child, children, number, text};

/// What a `direction` or `sound` says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Direction {
    /// A loudness from here on.
    Level(u8),
    /// A loudness here, and another at once after.
    LevelThen(u8, u8),
    /// Notes here are louder.
    Accent,
    /// A hairpin begins: +1 louder, -1 softer.
    Hairpin { number: u8, sign: i8 },
    /// It ends.
    HairpinEnd { number: u8 },
    /// "cresc." or "dim.", until the next loudness.
    Gradual { sign: i8 },
    /// Quarters per minute from here on.
    Tempo(f64),
    /// The sustain pedal goes down.
    PedalDown,
    /// It goes up.
    PedalUp,
    /// It goes up and down again.
    PedalChange,
    /// "rit." and the like, which no fixed tempo can follow.
    TempoWords,
}

/// Loudness of marks as score programs play them, and people's own order.
fn level(mark: &str) -> Option<Direction> {
    let level = match mark {
        "pppppp" | "ppppp" | "pppp" => 8,
        "ppp" => 16,
        "pp" => 33,
        "p" => 49,
        "mp" => 64,
        "mf" => 80,
        "f" => 96,
        "ff" => 112,
        "fff" => 120,
        "ffff" | "fffff" | "ffffff" => 126,
        "fp" | "sfp" => return Some(Direction::LevelThen(96, 49)),
        "sfpp" => return Some(Direction::LevelThen(96, 33)),
        "pf" => return Some(Direction::LevelThen(49, 96)),
        "sf" | "sfz" | "sffz" | "fz" | "rf" | "rfz" | "sfzp" => return Some(Direction::Accent),
        _ => return None,
    };
    Some(Direction::Level(level))
}

/// All that one `direction` says.
pub(super) fn read(node: Node<'_, '_>) -> Vec<Direction> {
    let mut found = Vec::new();
    let sound_tempo = child(node, "sound").and_then(tempo);
    for kind in children(node, "direction-type").flat_map(|kind| kind.children()).filter(Node::is_element) {
        match kind.tag_name().name() {
            "dynamics" => found.extend(dynamics(kind)),
            "wedge" => found.extend(wedge(kind)),
            "words" => found.extend(words(kind.text().unwrap_or_default())),
            "metronome" if sound_tempo.is_none() => found.extend(metronome(kind)),
            "pedal" => found.extend(pedal(kind)),
            _ => {}
        }
    }
    found.extend(sound_tempo);
    found
}

/// The tempo of a `sound` element.
pub(super) fn tempo(sound: Node<'_, '_>) -> Option<Direction> {
    let tempo: f64 = sound.attribute("tempo")?.trim().parse().ok()?;
    (tempo.is_finite() && tempo > 0.0).then_some(Direction::Tempo(tempo))
}

/// What a `dynamics` element says, at a place or at a note.
pub(super) fn dynamics(node: Node<'_, '_>) -> Option<Direction> {
    node.children().filter(Node::is_element).find_map(|mark| match mark.tag_name().name() {
        "other-dynamics" => level(mark.text()?.trim()),
        name => level(name),
    })
}

fn wedge(node: Node<'_, '_>) -> Option<Direction> {
    let number = node.attribute("number").and_then(|number| number.parse().ok()).unwrap_or(1);
    match node.attribute("type")? {
        "crescendo" => Some(Direction::Hairpin { number, sign: 1 }),
        "diminuendo" => Some(Direction::Hairpin { number, sign: -1 }),
        "stop" => Some(Direction::HairpinEnd { number }),
        _ => None,
    }
}

fn words(text: &str) -> Option<Direction> {
    let text = text.trim().to_lowercase();
    let is =
        |stems: &[&str]| stems.iter().any(|stem| text.split_whitespace().any(|word| word.starts_with(stem)));
    if is(&["cresc"]) {
        Some(Direction::Gradual { sign: 1 })
    } else if is(&["dim", "decresc", "smorz", "calando"]) {
        Some(Direction::Gradual { sign: -1 })
    } else if is(&["rit", "rall", "accel", "string", "slentando", "allargando", "stretto"]) {
        Some(Direction::TempoWords)
    } else {
        None
    }
}

fn metronome(node: Node<'_, '_>) -> Option<Direction> {
    let quarters = match text(node, "beat-unit")? {
        "whole" => 4.0,
        "half" => 2.0,
        "quarter" => 1.0,
        "eighth" => 0.5,
        "16th" => 0.25,
        _ => return None,
    };
    let dotted = if child(node, "beat-unit-dot").is_some() { 1.5 } else { 1.0 };
    let per_minute = number(node, "per-minute").filter(|value| *value > 0.0)?;
    Some(Direction::Tempo(per_minute * quarters * dotted))
}

fn pedal(node: Node<'_, '_>) -> Option<Direction> {
    match node.attribute("type")? {
        "start" | "resume" => Some(Direction::PedalDown),
        "stop" | "discontinue" => Some(Direction::PedalUp),
        "change" => Some(Direction::PedalChange),
        _ => None,
    }
}
