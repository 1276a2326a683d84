//! Whether a tune comes back: the tables of `compare` and `quality`.

use performance::statistics::{Excerpt, Lag, Line, recurrence};
use serde::Serialize;

use crate::measure::{Figure, Piece};

const MINUTE_US: u64 = 60_000_000;
/// Primers and what follows them are shorter than this.
const LONGEST_SECS: u64 = 600;

/// How much of a set of pieces was heard before, and when.
#[derive(Clone, Serialize)]
pub(crate) struct Structure {
    /// Of the highest notes.
    pub(crate) top_line: Returns,
    /// Of all notes in the order in which they are struck.
    pub(crate) strikes: Returns,
}

/// The part of the steps that lies in repeated runs.
#[derive(Clone, Serialize)]
pub(crate) struct Returns {
    /// What was heard 10 to 120 seconds before.
    pub(crate) far: Repeated,
    /// What was heard 1 to 10 seconds before.
    pub(crate) near: Repeated,
}

/// The part of the steps that is repeated.
#[derive(Clone, Serialize)]
pub(crate) struct Repeated {
    pub(crate) share: Figure,
    /// A quarter of the pieces have less than the first, half less than the second, three quarters less
    /// than the third.
    pub(crate) quartiles: [f64; 3],
    /// The same with another piece of the set as the past: what pieces have in common anyway.
    pub(crate) baseline: Figure,
}

impl Structure {
    pub(crate) fn of<'a>(excerpts: impl Iterator<Item = &'a Excerpt> + Clone) -> Self {
        let returns = |line: fn(&Excerpt) -> Line| {
            let lines: Vec<Line> = excerpts.clone().map(line).collect();
            Returns { far: Repeated::of(&lines, Lag::FAR), near: Repeated::of(&lines, Lag::NEAR) }
        };
        Self { top_line: returns(Line::top), strikes: returns(Line::strikes) }
    }

    pub(crate) fn of_pieces(pieces: &[Piece]) -> Self {
        Self::of(pieces.iter().map(|piece| &piece.excerpt))
    }
}

impl Repeated {
    fn of(lines: &[Line], lag: Lag) -> Self {
        let mut shares: Vec<f64> =
            lines.iter().filter_map(|line| recurrence(line, line, lag)?.share()).collect();
        let baseline: Vec<f64> =
            with_others(lines).filter_map(|(line, other)| recurrence(line, other, lag)?.share()).collect();
        let share = Figure::of_mean(&shares);
        shares.sort_by(f64::total_cmp);
        let quartile = |quarters: usize| shares.get(shares.len() * quarters / 4).copied().unwrap_or(0.0);
        Self { share, quartiles: [1, 2, 3].map(quartile), baseline: Figure::of_mean(&baseline) }
    }
}

/// The part of the top line that was heard 10 to 120 seconds before, minute by minute, over the excerpts
/// that last so long.
pub(crate) fn by_minute<'a>(excerpts: impl Iterator<Item = &'a Excerpt>, n_minutes: u64) -> Vec<Figure> {
    let mut shares = vec![Vec::new(); n_minutes as usize];
    for excerpt in excerpts {
        let line = Line::top(excerpt);
        let Some(found) = recurrence(&line, &line, Lag::FAR) else { continue };
        for (minute, shares) in (0..).zip(&mut shares) {
            let range_us = minute * MINUTE_US..(minute + 1) * MINUTE_US;
            if range_us.end <= excerpt.length_us() {
                shares.extend(found.share_within(range_us));
            }
        }
    }
    shares.iter().map(|shares| Figure::of_mean(shares)).collect()
}

/// Whether what follows primers takes up their themes.
#[derive(Clone, Serialize)]
pub(crate) struct TakenUp {
    /// The part of the top line of what follows that lies in runs of its primer.
    pub(crate) own: Figure,
    /// In runs of another primer.
    pub(crate) baseline: Figure,
}

impl TakenUp {
    /// Of primers with what follows, and where each primer ends, in microseconds.
    pub(crate) fn of(excerpts: &[Excerpt], ends_us: &[u64]) -> Self {
        let lines: Vec<(Line, u64)> = excerpts.iter().map(Line::top).zip(ends_us.iter().copied()).collect();
        // From a second before to the first note of the primer.
        let lag = Lag::of_secs(1..=LONGEST_SECS);
        let share = |(line, end_us): &(Line, u64), (past, past_end_us): &(Line, u64)| {
            recurrence(line, &past.until(*past_end_us), lag)?.share_within(*end_us..u64::MAX)
        };
        let own: Vec<f64> = lines.iter().filter_map(|line| share(line, line)).collect();
        let baseline: Vec<f64> = with_others(&lines).filter_map(|(line, other)| share(line, other)).collect();
        Self { own: Figure::of_mean(&own), baseline: Figure::of_mean(&baseline) }
    }
}

/// Each with one that is far from it in the list, because neighbors are often one pianist's or one
/// composition's.
pub(crate) fn with_others<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let n = items.len();
    let other = move |idx: usize| (idx + n / 2) % n;
    (0..n).filter(move |&idx| other(idx) != idx).map(move |idx| (&items[idx], &items[other(idx)]))
}

/// The columns of [`cells`].
pub(crate) const COLUMNS: [&str; 6] =
    ["of the", "played by", "10–120 s before", "quartiles", "1–10 s before", "in another piece, 10–120 s"];

/// A table of what comes back in sets of pieces.
pub(crate) fn cells(sets: &[(&str, &Structure)]) -> Vec<Vec<String>> {
    let row = |what: &str, name: &str, returns: &Returns| {
        let [low, middle, high] = returns.far.quartiles.map(|share| format!("{:.1}", 100.0 * share));
        vec![
            what.to_owned(),
            name.to_owned(),
            returns.far.share.show_percent(),
            format!("{low}, {middle}, {high}"),
            returns.near.share.show_percent(),
            returns.far.baseline.show_percent(),
        ]
    };
    let top = sets.iter().map(|(name, structure)| row("top line", name, &structure.top_line));
    top.chain(sets.iter().map(|(name, structure)| row("strikes", name, &structure.strikes))).collect()
}

#[cfg(test)]
mod tests {
    use performance::{Note, Performance, Pitch, Velocity};

    use super::*;

    /// A tune of 12 notes that begins after so many seconds each.
    fn excerpt(key: u8, begins: &[u64]) -> Excerpt {
        let tune = [60, 64, 62, 67, 65, 72, 71, 69, 60, 65, 61, 70];
        let note = |start_us, pitch: u8| Note {
            pitch: Pitch::new(pitch).unwrap(),
            velocity: Velocity::new(64).unwrap(),
            start_us,
            end_us: start_us + 200_000,
        };
        let play = |&secs: &u64| {
            (0..).zip(tune).map(move |(i, pitch)| note(secs * 1_000_000 + i * 240_000, pitch + key))
        };
        Excerpt::whole(&Performance::new(begins.iter().flat_map(play).collect()))
    }

    #[test]
    fn people_and_others_are_told_apart() {
        let [far, near] = [excerpt(0, &[0, 20, 40]), excerpt(3, &[0, 4, 8])];
        let found = Structure::of([&far, &near].into_iter());
        let top = &found.top_line;
        assert!(top.far.share.value > 0.4 && top.near.share.value > 0.3, "{:?}", top.near.share);
        assert!(top.far.baseline.value > 0.3, "both are of one tune: {:?}", top.far.baseline);
        assert!(top.far.quartiles[2] > 0.9);
        let alone = Structure::of([&far].into_iter());
        assert!(alone.top_line.far.baseline.value.is_nan(), "there is no other piece");
        assert_eq!(cells(&[("people", &alone)]).len(), 2);
        assert_eq!(cells(&[("people", &alone)])[0][5], "–");
    }

    #[test]
    fn minutes_and_primers_are_told_apart() {
        // The tune at 0, 30 and 70 seconds; ends at 73.
        let long = excerpt(0, &[0, 30, 70]);
        let minutes = by_minute([&long].into_iter(), 2);
        assert!(minutes[0].value > 0.5, "{:?}", minutes[0]);
        assert!(minutes[1].value.is_nan(), "there is no second minute");
        let other = excerpt(0, &[50]);
        let found = TakenUp::of(&[long.clone(), long, other], &[20_000_000, 20_000_000, 20_000_000]);
        assert!(found.own.value > 0.5, "{:?}", found.own);
    }
}
