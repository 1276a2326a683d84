//! The copy rate: what performances share with the training set, note for note.

use anyhow::Result;
use performance::statistics::{CopySearch, covered_share, melodic_intervals, strikes};
use serde::Serialize;

use crate::corpus::Corpus;
use crate::measure::{Figure, Piece};
use crate::progress;

/// Shared runs of at least this many strikes count as copied. Smaller counts scales and cadences, which are
/// common property; larger misses short quotations.
pub(crate) const LONG_STRIKES: u32 = 16;
/// The same, in melodic intervals.
pub(crate) const LONG_INTERVALS: u32 = 16;

/// What two sets share with the training set.
#[derive(Clone, Serialize)]
pub(crate) struct Copies {
    /// Runs of strikes (keys, waits and loudness): the same notes, to 8 ms.
    pub(crate) strikes: [Runs; 2],
    /// Runs of melodic intervals: the same notes in any key, at any pace.
    pub(crate) intervals: [Runs; 2],
}

/// The runs that the pieces of a set share with the training set.
#[derive(Clone, Serialize)]
pub(crate) struct Runs {
    /// Each piece's longest.
    pub(crate) longest: Vec<u32>,
    pub(crate) mean_longest: Figure,
    /// The part of a piece that lies in long runs.
    pub(crate) covered: Figure,
}

impl Runs {
    fn of(lens: &[Vec<u32>], long: u32) -> Self {
        let longest: Vec<u32> = lens.iter().map(|lens| lens.iter().copied().max().unwrap_or(0)).collect();
        let means: Vec<f64> = longest.iter().map(|&len| f64::from(len)).collect();
        let covered: Vec<f64> = lens.iter().map(|lens| covered_share(lens, long)).collect();
        Self { longest, mean_longest: Figure::of_mean(&means), covered: Figure::of_mean(&covered) }
    }

    /// The longest of all.
    pub(crate) fn max(&self) -> u32 {
        self.longest.iter().copied().max().unwrap_or(0)
    }
}

/// Compares two sets with all pieces that `corpus` trains on. Pieces should be equally long: longer ones
/// share more.
pub(crate) fn search(corpus: &Corpus, sets: [&[Piece]; 2]) -> Result<Copies> {
    let (train, _) = corpus.split()?;
    let bar = progress::bar(train.len() as u64, "training pieces searched");
    let all = || sets.iter().flat_map(|set| set.iter());
    let mut struck = CopySearch::new(all().map(|piece| strikes(&piece.tokens)).collect());
    let mut intervals = CopySearch::new(all().map(|piece| melodic_intervals(&piece.tokens)).collect());
    for piece in &train {
        let tokens = corpus.tokens(piece)?;
        struck.hear(&strikes(&tokens));
        intervals.hear(&melodic_intervals(&tokens));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let runs = |search: CopySearch, long| {
        let lens = search.finish();
        let (first, second) = lens.split_at(sets[0].len());
        [first, second].map(|lens| Runs::of(lens, long))
    };
    Ok(Copies { strikes: runs(struck, LONG_STRIKES), intervals: runs(intervals, LONG_INTERVALS) })
}

/// The columns of [`cells`].
pub(crate) const COLUMNS: [&str; 5] =
    ["runs of", "played by", "longest, mean", "longest of all", "in long runs"];

/// A table of what two sets share with the training set.
pub(crate) fn cells(copies: &Copies, names: [&str; 2]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (what, runs) in [("strikes", &copies.strikes), ("intervals", &copies.intervals)] {
        for (name, runs) in names.iter().zip(runs) {
            rows.push(vec![
                what.to_owned(),
                (*name).to_owned(),
                runs.mean_longest.show(1),
                runs.max().to_string(),
                runs.covered.show_percent(),
            ]);
        }
    }
    rows
}
