//! One `note` element.

use roxmltree::Node;

use super::attributes::Attributes;
use super::direction::{self, Direction};
use super::ornament::Ornament;
use super::{child, children, has, number, text};
use crate::Pitch;
use crate::score::note::{Mark, Marks};

/// A note within its measure.
#[derive(Clone, Debug)]
pub(super) struct WrittenNote {
    pub(super) pitch: Pitch,
    /// From the beginning of the measure.
    pub(super) onset_quarters: f64,
    /// 0 for grace notes.
    pub(super) duration_quarters: f64,
    pub(super) voice: Option<u8>,
    pub(super) marks: Marks,
    pub(super) is_tied_to_last: bool,
    pub(super) is_tied_to_next: bool,
    pub(super) ornament: Option<Ornament>,
    /// Semitones to the neighbors above and below in the key.
    pub(super) neighbors: (u8, u8),
    /// For grace notes: how many places before the note they lead to, counted from 1.
    pub(super) grace_rank: usize,
    /// How many places of grace notes there are in its group.
    pub(super) grace_places: usize,
    /// The note's own loudness, where the file has it; 0 is silent.
    pub(super) velocity: Option<u8>,
    /// Small and unseen: how some programs write out what an ornament sounds like.
    pub(super) is_hidden: bool,
}

/// What is known of a `note` element before its place.
pub(super) struct NoteElement {
    /// `None` for rests and pitches that no piano has.
    pub(super) note: Option<WrittenNote>,
    pub(super) duration_quarters: f64,
    pub(super) is_in_chord: bool,
    pub(super) is_grace: bool,
    pub(super) is_unpitched: bool,
    pub(super) voice: String,
    pub(super) dynamics: Option<Direction>,
}

pub(super) fn read(node: Node<'_, '_>, attributes: &Attributes) -> NoteElement {
    let is_grace = has(node, "grace");
    let duration = number(node, "duration").unwrap_or(0.0).max(0.0);
    let duration_quarters = if is_grace { 0.0 } else { attributes.quarters(duration) };
    let notations: Vec<Node<'_, '_>> = children(node, "notations").collect();
    let mut note = child(node, "pitch").and_then(|pitch| {
        let (midi, above, below) = attributes.pitch(pitch)?;
        Some(WrittenNote {
            pitch: Pitch::new(u8::try_from(midi).ok()?).ok()?,
            onset_quarters: 0.0,
            duration_quarters,
            voice: text(node, "voice").and_then(|voice| voice.parse().ok()),
            marks: Marks::default(),
            is_tied_to_last: is_tied(node, "stop"),
            is_tied_to_next: is_tied(node, "start"),
            ornament: None,
            // Lossless: 1 to 3.
            neighbors: (above as u8, below as u8),
            grace_rank: 0,
            grace_places: 0,
            velocity: own_velocity(node),
            is_hidden: has(node, "cue") && node.attribute("print-object") == Some("no"),
        })
    });
    if let Some(note) = &mut note {
        if is_grace {
            note.marks = note.marks.with(Mark::Grace);
        }
        for notation in notations.iter().flat_map(|notations| notations.children()) {
            notate(note, notation, tuplet(node));
        }
    }
    let dynamics = notations.iter().find_map(|notations| child(*notations, "dynamics"));
    NoteElement {
        note,
        duration_quarters,
        is_in_chord: has(node, "chord"),
        is_grace,
        is_unpitched: has(node, "unpitched"),
        voice: text(node, "voice").unwrap_or_default().to_owned(),
        dynamics: dynamics.and_then(direction::dynamics),
    }
}

fn is_tied(node: Node<'_, '_>, kind: &str) -> bool {
    children(node, "tie").any(|tie| tie.attribute("type") == Some(kind))
}

/// The `dynamics` attribute is in percent of forte, which is 90.
fn own_velocity(node: Node<'_, '_>) -> Option<u8> {
    let percent: f64 = node.attribute("dynamics")?.trim().parse().ok()?;
    (0.0..=1e3).contains(&percent).then(|| (percent * 0.9).round().min(127.0) as u8)
}

/// By how much a tuplet shortens notes: 2/3 in triplets.
fn tuplet(node: Node<'_, '_>) -> f64 {
    let modification = child(node, "time-modification");
    let count = |name| modification.and_then(|node| number(node, name)).filter(|n| (1.0..=1e3).contains(n));
    count("normal-notes").zip(count("actual-notes")).map_or(1.0, |(normal, actual)| normal / actual)
}

fn notate(note: &mut WrittenNote, notation: Node<'_, '_>, tuplet: f64) {
    let mut mark = |mark| note.marks = note.marks.with(mark);
    match notation.tag_name().name() {
        "fermata" => mark(Mark::Fermata),
        "arpeggiate" => mark(Mark::Arpeggio),
        "slur" if notation.attribute("type") == Some("start") => mark(Mark::Slurred),
        "articulations" => {
            for sign in notation.children() {
                match sign.tag_name().name() {
                    "staccato" => mark(Mark::Staccato),
                    "staccatissimo" | "spiccato" => mark(Mark::Staccatissimo),
                    "tenuto" | "detached-legato" => mark(Mark::Tenuto),
                    "accent" => mark(Mark::Accent),
                    "strong-accent" => mark(Mark::StrongAccent),
                    _ => {}
                }
            }
        }
        "ornaments" => {
            for sign in notation.children().filter(Node::is_element) {
                if let Some(ornament) = Ornament::read(sign, tuplet) {
                    note.ornament = Some(ornament);
                }
            }
        }
        _ => {}
    }
}
