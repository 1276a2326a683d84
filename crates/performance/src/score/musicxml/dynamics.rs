//! How loud a part is at each place.

use super::direction::Direction;
use crate::score::builder::MEZZO_FORTE;
use crate::score::note::Span;

/// What a hairpin changes where no mark follows, in MIDI velocity: one mark.
const HAIRPIN: f64 = 16.0;
/// "cresc." holds until the next mark, at most so long.
const GRADUAL_QUARTERS: f64 = 16.0;
/// A mark so close to a hairpin's end is its goal.
const GOAL_QUARTERS: f64 = 1.0;
/// Hairpins of a part, all and open at once. More are a mistake.
const MAX_SPANS: usize = 20_000;
const MAX_OPEN: usize = 16;
/// Places closer than this are one.
const SAME_PLACE_QUARTERS: f64 = 1e-4;

/// Loudness over a part.
#[derive(Debug, Default)]
pub(super) struct Dynamics {
    /// Place and level, in order.
    levels: Vec<(f64, f64)>,
    /// Span, level at its beginning and end.
    changes: Vec<(Span, f64, f64)>,
    /// Places with sf and the like, in order.
    accents: Vec<f64>,
}

impl Dynamics {
    /// `directions` by place, repeats played out.
    pub(super) fn new(directions: &[(f64, Direction)]) -> Self {
        let mut dynamics = Self::default();
        let mut spans: Vec<(Span, f64)> = Vec::new();
        let mut open: Vec<(u8, f64, i8)> = Vec::new();
        for &(place, direction) in directions {
            match direction {
                Direction::Level(level) => dynamics.levels.push((place, f64::from(level))),
                Direction::LevelThen(level, then) => {
                    dynamics.levels.push((place, f64::from(level)));
                    dynamics.levels.push((place + 2.0 * SAME_PLACE_QUARTERS, f64::from(then)));
                }
                Direction::Accent => dynamics.accents.push(place),
                Direction::Hairpin { number, sign } => {
                    if open.len() >= MAX_OPEN {
                        open.remove(0);
                    }
                    open.push((number, place, sign));
                }
                Direction::HairpinEnd { number } => {
                    if let Some(at) = open.iter().rposition(|hairpin| hairpin.0 == number) {
                        let (_, start_quarters, sign) = open.swap_remove(at);
                        spans.push((Span { start_quarters, end_quarters: place }, f64::from(sign)));
                    }
                }
                Direction::Gradual { sign } => {
                    let is_loudness = |other: &&(f64, Direction)| {
                        let is_mark = matches!(
                            other.1,
                            Direction::Level(_)
                                | Direction::LevelThen(..)
                                | Direction::Hairpin { .. }
                                | Direction::Gradual { .. }
                        );
                        is_mark && other.0 > place + SAME_PLACE_QUARTERS
                    };
                    let after = directions.partition_point(|other| other.0 <= place);
                    let next =
                        directions[after..].iter().find(is_loudness).map_or(f64::INFINITY, |next| next.0);
                    let end_quarters = next.min(place + GRADUAL_QUARTERS);
                    spans.push((Span { start_quarters: place, end_quarters }, f64::from(sign)));
                }
                Direction::Tempo(_)
                | Direction::TempoWords
                | Direction::PedalDown
                | Direction::PedalUp
                | Direction::PedalChange => {}
            }
        }
        dynamics.levels.sort_by(|a, b| a.0.total_cmp(&b.0));
        dynamics.accents.sort_by(f64::total_cmp);
        spans.retain(|(span, _)| span.end_quarters > span.start_quarters);
        spans.truncate(MAX_SPANS);
        spans.sort_by(|a, b| a.0.start_quarters.total_cmp(&b.0.start_quarters));
        for (span, sign) in spans {
            dynamics.push_change(span, sign);
        }
        dynamics
    }

    fn push_change(&mut self, span: Span, sign: f64) {
        let from = self.level(span.start_quarters);
        let next = self.levels.partition_point(|level| level.0 < span.end_quarters - SAME_PLACE_QUARTERS);
        let goal = self.levels.get(next).filter(|level| level.0 <= span.end_quarters + GOAL_QUARTERS);
        let to = match goal {
            Some(&(_, level)) if (level - from) * sign > 0.0 => level,
            _ => (from + sign * HAIRPIN).clamp(8.0, 124.0),
        };
        if goal.is_none() {
            self.levels.insert(next, (span.end_quarters, to));
        }
        self.changes.push((span, from, to));
    }

    /// The loudness written at a place.
    pub(super) fn level(&self, quarters: f64) -> f64 {
        let at = quarters + SAME_PLACE_QUARTERS;
        let after = self.levels.partition_point(|level| level.0 <= at);
        let (since, level) =
            after.checked_sub(1).map_or((f64::NEG_INFINITY, f64::from(MEZZO_FORTE)), |idx| self.levels[idx]);
        let after = self.changes.partition_point(|change| change.0.start_quarters <= at);
        let change =
            self.changes[..after].iter().rev().take(4).find(|(span, ..)| quarters < span.end_quarters);
        match change {
            Some(&(span, from, to)) if since <= span.start_quarters + SAME_PLACE_QUARTERS => {
                let length = span.end_quarters - span.start_quarters;
                from + (to - from) * ((quarters - span.start_quarters) / length).clamp(0.0, 1.0)
            }
            _ => level,
        }
    }

    /// Whether sf or the like stands at a place.
    pub(super) fn is_accented(&self, quarters: f64) -> bool {
        let from = self.accents.partition_point(|place| *place < quarters - SAME_PLACE_QUARTERS);
        self.accents.get(from).is_some_and(|place| *place <= quarters + SAME_PLACE_QUARTERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hairpins_lead_to_marks_or_one_mark_further() {
        let hairpin = |sign| Direction::Hairpin { number: 1, sign };
        let end = Direction::HairpinEnd { number: 1 };
        let dynamics = Dynamics::new(&[
            (0.0, Direction::Level(49)),
            (4.0, hairpin(1)),
            (8.0, end),
            (8.0, Direction::Level(97)),
            (12.0, hairpin(-1)),
            (16.0, end),
            (20.0, Direction::Accent),
        ]);
        let levels = [0.0, 4.0, 6.0, 8.0, 12.0, 14.0, 16.0, 30.0].map(|place| dynamics.level(place));
        assert_eq!(levels, [49.0, 49.0, 73.0, 97.0, 97.0, 89.0, 81.0, 81.0]);
        assert!(dynamics.is_accented(20.0) && !dynamics.is_accented(19.0));
        assert_eq!(Dynamics::new(&[]).level(3.0), 80.0);
    }
}
