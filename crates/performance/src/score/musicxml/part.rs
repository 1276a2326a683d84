//! One part, measure by measure.

use std::collections::HashMap;

use roxmltree::Node;

use super::attributes::{Attributes, snap};
use super::direction::{self, Direction};
use super::navigation::{MAX_MEASURES, Navigation};
use super::note::{self, WrittenNote};
use super::ornament::Ornament;
use super::{children, number};
use crate::score::builder::{MAX_NOTES, MAX_QUARTERS};
use crate::score::error::ScoreError;

const SAME_PLACE_QUARTERS: f64 = 1e-3;
/// Times that a measure goes back, as far as they say how long it is.
const MAX_VOICES: usize = 64;
/// What rounded tuplets may add up to.
const TUPLET_ERROR_QUARTERS: f64 = 0.1;

/// A part as it is written, repeats not yet played out.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) measures: Vec<Measure>,
    pub(super) unpitched_notes: usize,
    /// Notes outside their measure, by a mistake of the program that wrote them.
    pub(super) misplaced_notes: usize,
    pub(super) has_meter: bool,
}

/// One measure of one part.
#[derive(Debug, Default)]
pub(super) struct Measure {
    pub(super) notes: Vec<WrittenNote>,
    /// By place from the measure's beginning.
    pub(super) directions: Vec<(f64, Direction)>,
    pub(super) length_quarters: f64,
    pub(super) meter: (u8, u8),
    pub(super) navigation: Navigation,
}

/// Reads a `part`.
pub(super) fn read(node: Node<'_, '_>) -> Result<Part, ScoreError> {
    let mut part = Part::default();
    let mut attributes = Attributes::default();
    let mut n_notes = 0;
    for measure in children(node, "measure") {
        let mut reader = Reader::default();
        for element in measure.children().filter(Node::is_element) {
            reader.read(element, &mut attributes);
        }
        part.unpitched_notes += reader.unpitched_notes;
        let (mut measure, misplaced_notes) = reader.finish(attributes.meter);
        part.misplaced_notes += misplaced_notes;
        measure.meter = attributes.meter;
        n_notes += measure.notes.len();
        if n_notes > MAX_NOTES {
            return Err(ScoreError::TooManyNotes);
        }
        if measure.length_quarters > f64::from(MAX_QUARTERS) {
            return Err(ScoreError::TooLong);
        }
        if part.measures.len() >= MAX_MEASURES {
            return Err(ScoreError::TooLong);
        }
        part.measures.push(measure);
    }
    part.has_meter = attributes.is_meter_written;
    Ok(part)
}

#[derive(Default)]
struct Reader {
    measure: Measure,
    cursor_quarters: f64,
    /// Where each voice ends: before anything is moved back.
    voice_ends: Vec<f64>,
    chord_ornament: Option<Ornament>,
    /// Where the last note that was no part of a chord began.
    chord_quarters: f64,
    /// Grace notes that wait for their note, by voice: their place among each other.
    graces: HashMap<String, Vec<(usize, WrittenNote)>>,
    unpitched_notes: usize,
}

impl Reader {
    fn read(&mut self, element: Node<'_, '_>, attributes: &mut Attributes) {
        match element.tag_name().name() {
            "attributes" => attributes.update(element),
            "note" => self.note(element, attributes),
            "backup" | "forward" => {
                let quarters = attributes.quarters(number(element, "duration").unwrap_or(0.0).max(0.0));
                let sign = if element.has_tag_name("backup") { -1.0 } else { 1.0 };
                if sign < 0.0 && self.voice_ends.len() < MAX_VOICES {
                    self.voice_ends.push(self.cursor_quarters);
                }
                // It may be before the measure for a while: programs count wrong back and forth.
                self.move_to(snap(self.cursor_quarters + sign * quarters));
            }
            "direction" => {
                let offset = attributes.quarters(number(element, "offset").unwrap_or(0.0));
                let place = (self.cursor_quarters + offset).max(0.0);
                let found = direction::read(element).into_iter().map(|direction| (place, direction));
                self.measure.directions.extend(found);
                for sound in children(element, "sound") {
                    self.measure.navigation.read_sound(sound);
                }
            }
            "sound" => {
                let tempo = direction::tempo(element).map(|tempo| (self.cursor_quarters, tempo));
                self.measure.directions.extend(tempo);
                self.measure.navigation.read_sound(element);
            }
            "barline" => self.measure.navigation.read_barline(element),
            _ => {}
        }
    }

    fn move_to(&mut self, quarters: f64) {
        self.cursor_quarters = quarters;
        self.measure.length_quarters = self.measure.length_quarters.max(quarters);
    }

    fn note(&mut self, element: Node<'_, '_>, attributes: &Attributes) {
        let read = note::read(element, attributes);
        self.unpitched_notes += usize::from(read.is_unpitched);
        if read.is_grace {
            let waiting = self.graces.entry(read.voice).or_default();
            let last = waiting.last().map_or(0, |last| last.0);
            let place = if read.is_in_chord && last > 0 { last } else { last + 1 };
            waiting.extend(read.note.map(|note| (place, note)));
            return;
        }
        if !read.is_in_chord {
            self.chord_quarters = self.cursor_quarters;
            self.place_graces(&read.voice, self.cursor_quarters);
            self.move_to(snap(self.cursor_quarters + read.duration_quarters));
        }
        self.measure.directions.extend(read.dynamics.map(|dynamics| (self.chord_quarters, dynamics)));
        if let Some(mut note) = read.note.filter(|note| note.duration_quarters > 0.0) {
            if read.is_in_chord {
                note.ornament = note.ornament.or(self.chord_ornament);
            } else {
                self.chord_ornament = note.ornament.filter(|ornament| ornament.is_of_chord());
            }
            self.measure.notes.push(WrittenNote { onset_quarters: self.chord_quarters, ..note });
        }
    }

    fn place_graces(&mut self, voice: &str, onset_quarters: f64) {
        let waiting = self.graces.remove(voice).unwrap_or_default();
        let places = waiting.last().map_or(0, |last| last.0);
        self.measure.notes.extend(waiting.into_iter().map(|(place, note)| WrittenNote {
            onset_quarters,
            grace_rank: places + 1 - place,
            grace_places: places,
            ..note
        }));
    }

    /// The measure, and how many notes lie outside it.
    fn finish(mut self, meter: (u8, u8)) -> (Measure, usize) {
        // Grace notes at the end lead to the next measure's beginning.
        let end = self.measure.length_quarters;
        let voices: Vec<String> = self.graces.keys().cloned().collect();
        for voice in voices {
            self.place_graces(&voice, end);
        }
        self.voice_ends.push(self.cursor_quarters);
        let full = f64::from(meter.0) * 4.0 / f64::from(meter.1.max(1));
        if self.measure.length_quarters > full + SAME_PLACE_QUARTERS {
            self.measure.length_quarters = full.max(agreed_length(&self.voice_ends, full));
        }
        let length = self.measure.length_quarters;
        let before = self.measure.notes.len();
        self.measure.notes.retain(|note| {
            let latest =
                if note.grace_rank > 0 { length + SAME_PLACE_QUARTERS } else { length - SAME_PLACE_QUARTERS };
            note.onset_quarters > -SAME_PLACE_QUARTERS && note.onset_quarters < latest
        });
        let misplaced = before - self.measure.notes.len();
        (self.measure, misplaced)
    }
}

/// How long a measure is of which some voice is longer than the bar: as most voices say, and if none agree, the
/// longest. In a cadenza all are longer; a voice that is so alone is a program's mistake, and so are parts of a
/// tuplet.
fn agreed_length(voice_ends: &[f64], full: f64) -> f64 {
    let ends = || voice_ends.iter().copied().filter(|end| *end > full - SAME_PLACE_QUARTERS);
    let votes = |end: f64| ends().filter(|other| (other - end).abs() < 0.02).count();
    let agreed = ends().max_by(|a, b| votes(*a).cmp(&votes(*b)).then(a.total_cmp(b))).unwrap_or(full);
    if agreed < full + TUPLET_ERROR_QUARTERS { full } else { agreed }
}
