//! What holds until it is changed: divisions, meter, key, transposition.

use roxmltree::Node;

use super::{child, children, number, text};

/// Steps of the scale, C first, in semitones.
const STEP_SEMITONES: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
/// The order in which sharps appear in keys: F C G D A E B.
const SHARP_ORDER: [usize; 7] = [3, 0, 4, 1, 5, 2, 6];
/// Places are rounded to this part of a quarter, in which all usual tuplets are whole.
const GRID_PER_QUARTER: f64 = 10_080.0;
/// More divisions per quarter or quarters per duration are nonsense.
const MAX_VALUE: f64 = 1e6;

#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    divisions: f64,
    /// Upper and lower number of the time signature.
    pub(super) meter: (u8, u8),
    pub(super) is_meter_written: bool,
    fifths: i32,
    transpose: i32,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { divisions: 1.0, meter: (4, 4), is_meter_written: false, fifths: 0, transpose: 0 }
    }
}

impl Attributes {
    pub(super) fn update(&mut self, node: Node<'_, '_>) {
        if let Some(divisions) = number(node, "divisions").filter(|value| (1e-3..=MAX_VALUE).contains(value))
        {
            self.divisions = divisions;
        }
        if let Some(time) = child(node, "time") {
            // 3+2/8 is 5/8.
            let beats =
                text(time, "beats").map(|beats| beats.split('+').filter_map(|n| n.trim().parse::<u8>().ok()));
            let beats = beats.map(|beats| beats.fold(0, u8::saturating_add));
            let unit = text(time, "beat-type").and_then(|unit| unit.parse().ok());
            if let (Some(beats @ 1..), Some(unit @ 1..=64)) = (beats, unit) {
                self.meter = (beats, unit);
                self.is_meter_written = true;
            }
        }
        if let Some(fifths) = child(node, "key").and_then(|key| number(key, "fifths")) {
            self.fifths = fifths.clamp(-7.0, 7.0) as i32;
        }
        for transpose in children(node, "transpose").take(1) {
            let semitones = number(transpose, "chromatic").unwrap_or(0.0).clamp(-48.0, 48.0);
            let octaves = number(transpose, "octave-change").unwrap_or(0.0).clamp(-4.0, 4.0);
            self.transpose = semitones as i32 + 12 * octaves as i32;
        }
    }

    /// A duration in divisions, in quarters.
    pub(super) fn quarters(&self, divisions: f64) -> f64 {
        snap(divisions.clamp(-MAX_VALUE, MAX_VALUE) / self.divisions)
    }

    /// The MIDI number of a `pitch` element, and the semitones to the next steps of the key above and below.
    pub(super) fn pitch(&self, node: Node<'_, '_>) -> Option<(i32, i32, i32)> {
        let step = "CDEFGAB".find(text(node, "step")?.chars().next()?)?;
        let octave = number(node, "octave")?.clamp(-2.0, 12.0) as i32;
        let alter = number(node, "alter").unwrap_or(0.0).clamp(-3.0, 3.0).round() as i32;
        let plain = |step: usize| STEP_SEMITONES[step];
        let here = plain(step) + alter;
        let above =
            plain((step + 1) % 7) + self.alter_in_key((step + 1) % 7) + if step == 6 { 12 } else { 0 };
        let below =
            plain((step + 6) % 7) + self.alter_in_key((step + 6) % 7) - if step == 0 { 12 } else { 0 };
        let midi = 12 * (octave + 1) + here + self.transpose;
        Some((midi, (above - here).clamp(1, 3), (here - below).clamp(1, 3)))
    }

    fn alter_in_key(&self, step: usize) -> i32 {
        let rank = SHARP_ORDER.iter().position(|sharp| *sharp == step).unwrap_or(0) as i32;
        if rank < self.fifths {
            1
        } else if 6 - rank < -self.fifths {
            -1
        } else {
            0
        }
    }
}

/// On the finest grid, so that sums of fractions meet.
pub(super) fn snap(quarters: f64) -> f64 {
    (quarters * GRID_PER_QUARTER).round() / GRID_PER_QUARTER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_are_in_the_key() {
        let attributes = |fifths| Attributes { fifths, ..Attributes::default() };
        let pitch = |fifths, xml: &str| {
            let document = roxmltree::Document::parse(xml).unwrap();
            attributes(fifths).pitch(document.root_element())
        };
        let e4 = "<pitch><step>E</step><octave>4</octave></pitch>";
        let b4 = "<pitch><step>B</step><alter>-1</alter><octave>4</octave></pitch>";
        assert_eq!(pitch(0, e4), Some((64, 1, 2)));
        assert_eq!(pitch(1, e4), Some((64, 2, 2)));
        assert_eq!(pitch(-1, b4), Some((70, 2, 1)));
    }
}
