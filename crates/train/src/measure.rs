//! What `compare` and `quality` say of two sets of performances, and how it is written down.

use std::collections::BTreeMap;

use anyhow::Result;
use performance::statistics::{
    Collapse, CollapseKind, Comparison, Excerpt, Interval, Profile, collapses, compare,
};
use performance::{Performance, Token, encode};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Draws of the bootstrap. Larger steadies the last digit of an interval and takes longer.
pub(crate) const ROUNDS: usize = 1000;
const MINUTE_US: u64 = 60_000_000;

/// A performance, or the part of it that is measured.
pub(crate) struct Piece {
    pub(crate) tokens: Vec<Token>,
    pub(crate) excerpt: Excerpt,
    pub(crate) profile: Profile,
}

impl Piece {
    pub(crate) fn new(excerpt: Excerpt) -> Self {
        let tokens = encode(&Performance::new(excerpt.notes().to_vec()));
        let profile = Profile::of(&excerpt);
        Self { tokens, excerpt, profile }
    }
}

/// The one source of chance of all intervals, so that the same pieces give the same figures.
pub(crate) fn chance() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

/// A figure and its 95 % interval, as JSON has it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl From<Interval> for Figure {
    fn from(Interval { value, low, high }: Interval) -> Self {
        Self { value, low, high }
    }
}

impl Figure {
    /// The mean of one number for each piece.
    pub(crate) fn of_mean(pieces: &[f64]) -> Self {
        Interval::of_mean(pieces, ROUNDS, &mut chance()).into()
    }

    /// `0.912 (0.901 to 0.923)`.
    pub(crate) fn show(self, decimals: usize) -> String {
        let Self { value, low, high } = self;
        if value.is_nan() {
            return "–".to_owned();
        }
        // Not "-0.000".
        let tidy = |x: f64| format!("{x:.decimals$}").replace('-', "−");
        let zero = format!("−{:.decimals$}", 0.0);
        let tidy = |x| tidy(x).replace(&zero, &zero[zero.len() - decimals - 2..]);
        format!("{} ({} to {})", tidy(value), tidy(low), tidy(high))
    }

    /// `12.5 % (10.0 to 15.0)`, of a part of 1.
    pub(crate) fn show_percent(self) -> String {
        if self.value.is_nan() {
            return "–".to_owned();
        }
        format!("{:.1} % ({:.1} to {:.1})", 100.0 * self.value, 100.0 * self.low, 100.0 * self.high)
    }
}

/// How two sets differ in one feature.
#[derive(Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) feature: &'static str,
    pub(crate) overlap: Figure,
    pub(crate) floor_overlap: Figure,
    pub(crate) gap: Figure,
    pub(crate) kl: Figure,
    pub(crate) floor_kl: Figure,
}

impl From<Comparison> for Row {
    fn from(comparison: Comparison) -> Self {
        Self {
            feature: comparison.feature.name(),
            overlap: comparison.distance.overlap.into(),
            floor_overlap: comparison.floor.overlap.into(),
            gap: comparison.gap.into(),
            kl: comparison.distance.kl.into(),
            floor_kl: comparison.floor.kl.into(),
        }
    }
}

/// Two sets, feature by feature.
pub(crate) fn rows(human: &[Profile], others: &[Profile]) -> Result<Vec<Row>> {
    Ok(compare(human, others, ROUNDS, &mut chance())?.into_iter().map(Row::from).collect())
}

/// How many pieces each side of a comparison draws.
pub(crate) fn sample_size(human: usize, others: usize) -> usize {
    (human / 2).min(others)
}

pub(crate) fn profiles(pieces: &[Piece]) -> Vec<Profile> {
    pieces.iter().map(|piece| piece.profile.clone()).collect()
}

/// How often a set breaks down.
#[derive(Clone, Serialize)]
pub(crate) struct Breakdown {
    pub(crate) pieces: usize,
    pub(crate) minutes: usize,
    /// Minutes touched, by kind.
    pub(crate) broken_minutes: BTreeMap<&'static str, usize>,
    /// Pieces touched, by kind.
    pub(crate) broken_pieces: BTreeMap<&'static str, usize>,
    /// Part of the pieces that break down in any way.
    pub(crate) share: Figure,
}

impl Breakdown {
    pub(crate) fn of<'a>(excerpts: impl IntoIterator<Item = &'a Excerpt>) -> Self {
        let zeros = || CollapseKind::ALL.iter().map(|kind| (kind.name(), 0)).collect::<BTreeMap<_, _>>();
        let (mut broken_minutes, mut broken_pieces) = (zeros(), zeros());
        let (mut minutes, mut shares) = (0, Vec::new());
        for excerpt in excerpts {
            let found = collapses(excerpt);
            let n_minutes = excerpt.length_us().div_ceil(MINUTE_US);
            minutes += n_minutes as usize;
            shares.push(if found.is_empty() { 0.0 } else { 1.0 });
            for kind in CollapseKind::ALL {
                let n = (0..n_minutes).filter(|&minute| is_broken(&found, minute, Some(kind))).count();
                *broken_minutes.entry(kind.name()).or_insert(0) += n;
                *broken_pieces.entry(kind.name()).or_insert(0) += usize::from(n > 0);
            }
        }
        let share = Figure::of_mean(&shares);
        Self { pieces: shares.len(), minutes, broken_minutes, broken_pieces, share }
    }
}

/// Whether something is found in a minute: of a kind, or of any.
pub(crate) fn is_broken(found: &[Collapse], minute: u64, kind: Option<CollapseKind>) -> bool {
    let range = minute * MINUTE_US..(minute + 1) * MINUTE_US;
    found.iter().any(|collapse| kind.is_none_or(|kind| collapse.kind == kind) && collapse.touches(&range))
}

/// The columns of a table of rows; the same in the terminal and in Markdown.
pub(crate) const COLUMNS: [&str; 6] = ["feature", "overlap", "floor", "gap", "KL, nats", "KL floor"];

/// The cells of a row, under [`COLUMNS`].
pub(crate) fn cells(row: &Row) -> Vec<String> {
    vec![
        row.feature.to_owned(),
        row.overlap.show(3),
        row.floor_overlap.show(3),
        row.gap.show(3),
        row.kl.show(3),
        row.floor_kl.show(3),
    ]
}

/// Rows of cells as text, the columns under each other.
pub(crate) fn plain_table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
    let all = || std::iter::once(&header).chain(rows);
    let width = |column: usize| {
        all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(line).collect::<Vec<_>>().join("\n")
}

/// Rows of cells as a Markdown table.
pub(crate) fn markdown_table(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    let rule = format!("|{}\n", "---|".repeat(header.len()));
    std::iter::once(line(header.to_vec())).chain([rule]).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_with_their_interval() {
        let figure = Figure { value: 0.91234, low: -0.00001, high: -0.5 };
        assert_eq!(figure.show(3), "0.912 (0.000 to −0.500)");
        assert_eq!(figure.show(1), "0.9 (0.0 to −0.5)");
        assert_eq!(figure.show_percent(), "91.2 % (-0.0 to -50.0)");
        assert_eq!(Figure::of_mean(&[]).show(3), "–");
    }

    #[test]
    fn minutes_and_pieces_are_counted() {
        let silence = Excerpt::of(&Performance::default(), 0..90_000_000);
        let breakdown = Breakdown::of([&silence]);
        assert_eq!((breakdown.pieces, breakdown.minutes), (1, 2));
        assert_eq!((breakdown.broken_minutes["silence"], breakdown.broken_pieces["silence"]), (2, 1));
        assert_eq!(breakdown.broken_minutes["loop"], 0);
        assert_eq!(breakdown.share.value, 1.0);
    }

    #[test]
    fn tables_line_up() {
        let rows = [vec!["a".to_owned(), "−1".to_owned()], vec!["bcd".to_owned(), "2".to_owned()]];
        assert_eq!(plain_table(&["x", "y"], &rows), "x    y\na    −1\nbcd  2");
        assert_eq!(markdown_table(&["x", "y"], &rows), "| x | y |\n|---|---|\n| a | −1 |\n| bcd | 2 |\n");
    }
}
