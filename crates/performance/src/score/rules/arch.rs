//! Slow beginnings and ends: of phrases, and of the piece.

use super::line::Line;
use super::{Effects, phrase};
use crate::score::builder::Score;

/// Where in a phrase it is fastest and loudest.
const TURN: f64 = 0.3;
/// Shorter phrases have no arch.
const SHORTEST_MS: f64 = 1_500.0;
/// The final ritard's length at quantity 1.
const RITARD_MS: f64 = 1_300.0;

/// Phrase arch of quantity `k`.
pub(super) fn apply(k: f64, score: &Score, line: &Line, effects: &mut Effects) {
    let mut start = 0;
    for end in phrase::phrases(line) {
        let chords = start..end + 1;
        start = end + 1;
        let length: f64 = line.ms[chords.clone()].iter().sum();
        if length < SHORTEST_MS {
            continue;
        }
        let mut at = 0.0;
        for chord in chords {
            let x = at / length;
            at += line.ms[chord];
            let (part, depth) =
                if x < TURN { ((TURN - x) / TURN, 1.0) } else { ((x - TURN) / (1.0 - TURN), 2.0) };
            effects.longer_ms[chord] += 0.1 * depth * k * part.powi(2) * line.ms[chord];
            for idx in score.chords()[chord].notes.clone() {
                effects.louder_db[idx] -= depth * k * part.powi(2);
            }
        }
    }
}

/// The piece slows down as a runner stops: the speed at part x of the way is (1 + (w³ − 1) x)^⅓.
pub(super) fn final_ritard(k: f64, score: &Score, line: &Line, effects: &mut Effects) {
    let last_speed = 1.0 / (1.0 + 3.0 * k);
    let length = RITARD_MS * k;
    let mut left = 0.0;
    for chord in (0..score.chords().len()).rev() {
        if left > length {
            break;
        }
        let x = (1.0 - left / length).clamp(0.0, 1.0);
        let speed = (1.0 + (last_speed.powi(3) - 1.0) * x).max(last_speed.powi(3)).cbrt();
        effects.longer_ms[chord] += line.ms[chord] * (1.0 / speed - 1.0);
        left += line.ms[chord.saturating_sub(1)];
    }
}
