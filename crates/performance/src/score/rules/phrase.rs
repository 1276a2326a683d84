//! Where gestures and phrases end: at rests, after long notes, and where the line leaps.

use super::line::Line;

/// A boundary is at least as strong as this part of the strongest nearby (larger: fewer).
const GESTURE_STRENGTH: f64 = 0.35;
const PHRASE_STRENGTH: f64 = 0.55;
/// Chords on both sides among which a boundary is the strongest.
const GESTURE_REACH: usize = 3;
const PHRASE_REACH: usize = 12;

/// How much a listener hears a boundary after each chord, 0 to about 1: change of time and of pitch against both
/// neighbors, and rests.
fn strengths(line: &Line) -> Vec<f64> {
    let change = |a: f64, b: f64| if a + b > 0.0 { (a - b).abs() / (a + b) } else { 0.0 };
    let n = line.ms.len();
    let leap = |idx: usize| line.top.get(idx + 1).map_or(0.0, |next| (next - line.top[idx]).abs() + 1.0);
    let strength = |idx: usize| {
        if idx == 0 || idx + 2 >= n {
            return 0.0;
        }
        let of = |value: &dyn Fn(usize) -> f64| {
            let around = change(value(idx - 1), value(idx)) + change(value(idx), value(idx + 1));
            let is_peak = value(idx) >= value(idx - 1) && value(idx) >= value(idx + 1);
            if is_peak { around / 2.0 } else { 0.0 }
        };
        let rest = f64::from(u8::from(line.is_before_rest[idx]));
        0.7 * of(&|idx| line.ms[idx]) + 0.2 * of(&leap) + 0.4 * rest
    };
    (0..n).map(strength).collect()
}

fn boundaries(line: &Line, reach: usize, strength: f64) -> Vec<usize> {
    let strengths = strengths(line);
    let is_boundary = |idx: &usize| {
        let around = idx.saturating_sub(reach)..strengths.len().min(idx + reach + 1);
        let strongest = strengths[around].iter().copied().fold(0.0, f64::max);
        strengths[*idx] >= strength && strengths[*idx] >= strongest
    };
    (0..strengths.len()).filter(is_boundary).collect()
}

/// Last chords of melodic gestures.
pub(super) fn gestures(line: &Line) -> Vec<usize> {
    boundaries(line, GESTURE_REACH, GESTURE_STRENGTH)
}

/// Last chords of phrases; the last of all is one.
pub(super) fn phrases(line: &Line) -> Vec<usize> {
    let mut phrases = boundaries(line, PHRASE_REACH, PHRASE_STRENGTH);
    let last = line.ms.len().saturating_sub(1);
    if phrases.last() != Some(&last) {
        phrases.push(last);
    }
    phrases
}
