//! Ornaments that are written as signs, as notes.

use roxmltree::Node;

use super::attributes::snap;
use super::note::WrittenNote;

/// Notes of a trill per second; people play 8 to 10.
const TRILL_NOTES_PER_SEC: f64 = 9.0;
/// Length of the notes of mordents and turns.
const SHAKE_SECS: f64 = 0.08;
/// A trill longer than this is a mistake of the file.
const MAX_NOTES: usize = 1_000;

/// A sign over a note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ornament {
    /// The note and its upper neighbor in turn.
    Trill,
    /// The note, its lower neighbor, the note.
    Mordent,
    /// The note, its upper neighbor, the note.
    InvertedMordent,
    /// Upper neighbor, note, lower neighbor, note.
    Turn,
    /// Lower neighbor, note, upper neighbor, note.
    InvertedTurn,
    /// The note repeated each so many quarters.
    Tremolo(f64),
    /// The first of two notes or chords that alternate each so many quarters.
    TremoloFrom(f64),
    /// The second.
    TremoloTo(f64),
}

impl Ornament {
    /// Whether it is written once for a whole chord.
    pub(super) fn is_of_chord(self) -> bool {
        matches!(self, Self::Tremolo(_) | Self::TremoloFrom(_) | Self::TremoloTo(_))
    }

    /// `tuplet` is by how much a tuplet shortens the notes.
    pub(super) fn read(node: Node<'_, '_>, tuplet: f64) -> Option<Self> {
        let beams = || node.text()?.trim().parse().ok().filter(|beams: &i32| (1..=5).contains(beams));
        // One beam is eighths.
        let step = || Some(tuplet / f64::from(1_i32 << beams()?));
        match node.tag_name().name() {
            "trill-mark" | "shake" => Some(Self::Trill),
            "mordent" => Some(Self::Mordent),
            "inverted-mordent" => Some(Self::InvertedMordent),
            "turn" | "delayed-turn" => Some(Self::Turn),
            "inverted-turn" | "delayed-inverted-turn" => Some(Self::InvertedTurn),
            "tremolo" => match node.attribute("type") {
                Some("start") => Some(Self::TremoloFrom(step()?)),
                Some("stop") => Some(Self::TremoloTo(step()?)),
                Some("single") | None => Some(Self::Tremolo(step()?)),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is played instead of `note`: semitones from it, onset and duration in quarters; its own if the note is
    /// too short for it.
    pub(super) fn realize(self, note: &WrittenNote, secs_per_quarter: f64) -> Vec<(i32, f64, f64)> {
        let (above, below) = (i32::from(note.neighbors.0), -i32::from(note.neighbors.1));
        let (onset, length) = (note.onset_quarters, note.duration_quarters);
        let plain = vec![(0, onset, length)];
        let shake = |steps: &[i32]| {
            let step = (SHAKE_SECS / secs_per_quarter).min(length / (steps.len() + 1) as f64);
            let at = |idx: usize| onset + idx as f64 * step;
            let quick = steps.iter().enumerate().map(|(idx, &semitones)| (semitones, at(idx), step));
            let rest = length - step * steps.len() as f64;
            quick.chain([(0, at(steps.len()), rest)]).collect()
        };
        match self {
            Self::Trill => {
                let n = (length * secs_per_quarter * TRILL_NOTES_PER_SEC).floor() as usize;
                // It ends on the note itself.
                let n = if n.is_multiple_of(2) { n.saturating_sub(1) } else { n }.min(MAX_NOTES);
                if n < 3 {
                    return shake(&[0, above]);
                }
                let step = length / n as f64;
                let semitones = |idx: usize| if idx.is_multiple_of(2) { 0 } else { above };
                (0..n).map(|idx| (semitones(idx), onset + idx as f64 * step, step)).collect()
            }
            Self::Mordent => shake(&[0, below]),
            Self::InvertedMordent => shake(&[0, above]),
            Self::Turn => shake(&[above, 0, below]),
            Self::InvertedTurn => shake(&[below, 0, above]),
            Self::Tremolo(step) => {
                let n = (length / step).round() as usize;
                if !(2..=MAX_NOTES).contains(&n) {
                    return plain;
                }
                (0..n).map(|idx| (0, snap(onset + idx as f64 * step), step)).collect()
            }
            Self::TremoloFrom(step) | Self::TremoloTo(step) => {
                let n = (length / step).round() as usize;
                if !(2..=MAX_NOTES).contains(&n) {
                    return plain;
                }
                // Each of the two is written half as long as both together sound.
                let start = if matches!(self, Self::TremoloTo(_)) { onset - length + step } else { onset };
                (0..n).map(|idx| (0, snap(start + 2.0 * idx as f64 * step), step)).collect()
            }
        }
    }
}
