//! `fit-returns`: fits how themes come back in people's performances and writes it as a Rust file.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, ensure};
use performance::statistics::{Excerpt, Lag, Line, Return, returns};
use performance::{STEP_MICROS, decode};
use rayon::prelude::*;

use crate::cli::FitReturnsArgs;
use crate::evaluate::pieces;
use crate::files::write_atomically;
use crate::say::say;

/// Keys that are told apart, the most frequent ones.
const N_KEYS: usize = 12;

pub(crate) fn run(args: &FitReturnsArgs) -> Result<()> {
    let pieces = pieces(&args.data, Some(&args.only), 1)?;
    let lines: Vec<(Line, f64)> = pieces
        .par_iter()
        .map(|tokens| {
            let excerpt = Excerpt::whole(&decode(tokens).performance);
            (Line::top(&excerpt), excerpt.secs())
        })
        .collect();
    let secs: f64 = lines.iter().map(|(_, secs)| secs).sum();
    let mut text = String::new();
    head(&mut text, &format!("{} pieces, {:.1} hours", lines.len(), secs / 3600.0), &args.only)?;
    for (name, from, lag) in [("FAR", "10 to 120 seconds", Lag::FAR), ("NEAR", "1 to 10 seconds", Lag::NEAR)]
    {
        let found: Vec<Vec<Return>> = lines.par_iter().map(|(line, _)| returns(line, lag)).collect();
        let habits = Habits::of(&found);
        ensure!(habits.n > 10, "expected more than 10 returns in these pieces, found {}", habits.n);
        say!(
            "from {from} before: {} returns, one in {:.1} s, {:.1} % of the time",
            habits.n,
            secs / habits.n as f64,
            100.0 * habits.secs / secs
        )?;
        habits.write(&mut text, name, from)?;
    }
    write_atomically(&args.out, text.as_bytes())?;
    say!("written to {}", args.out.display())?;
    Ok(())
}

/// How themes come back.
#[derive(Debug, Default)]
struct Habits {
    n: usize,
    /// How long all returns are together.
    secs: f64,
    /// From the end of each to the next, in steps.
    waits: Vec<u64>,
    lengths: Vec<u64>,
    lags: Vec<u64>,
    keys: BTreeMap<i16, usize>,
}

impl Habits {
    /// Of the returns of each piece, in their order.
    fn of(pieces: &[Vec<Return>]) -> Self {
        let mut habits = Self::default();
        for found in pieces {
            let mut last_us = 0;
            for found in found {
                let length_us = found.end_us - found.start_us;
                habits.n += 1;
                habits.secs += length_us as f64 / 1e6;
                habits.waits.push(found.start_us.saturating_sub(last_us) / STEP_MICROS);
                habits.lengths.push(length_us / STEP_MICROS);
                habits.lags.push(found.lag_us / STEP_MICROS);
                *habits.keys.entry(found.key).or_default() += 1;
                last_us = found.end_us;
            }
        }
        habits
    }

    fn write(mut self, f: &mut String, name: &str, from: &str) -> std::fmt::Result {
        writeln!(f, "\n/// What was heard {from} before: {} returns.", self.n)?;
        writeln!(f, "#[rustfmt::skip]")?;
        writeln!(f, "pub(super) const {name}: Habits = Habits {{")?;
        for (name, values) in
            [("waits", &mut self.waits), ("lengths", &mut self.lengths), ("lags", &mut self.lags)]
        {
            writeln!(f, "    {name}: {:?},", tenths(values))?;
        }
        let mut keys: Vec<(i16, usize)> = self.keys.into_iter().collect();
        keys.sort_by_key(|&(key, n)| (std::cmp::Reverse(n), key));
        keys.truncate(N_KEYS);
        let shares: Vec<(i16, usize)> = keys.into_iter().map(|(key, n)| (key, 1000 * n / self.n)).collect();
        writeln!(f, "    keys: &{shares:?},")?;
        writeln!(f, "}};")
    }
}

/// The mean of each tenth of the values, from the least to the greatest; as much as 16 bits hold.
fn tenths(values: &mut [u64]) -> [u16; 10] {
    values.sort_unstable();
    std::array::from_fn(|tenth| {
        let part = &values[values.len() * tenth / 10..values.len() * (tenth + 1) / 10];
        let mean = part.iter().sum::<u64>() / part.len().max(1) as u64;
        u16::try_from(mean).unwrap_or(u16::MAX)
    })
}

fn head(f: &mut String, music: &str, only: &str) -> std::fmt::Result {
    writeln!(f, "//! How themes come back in people's performances: {music}.")?;
    writeln!(
        f,
        "//! All of this file is written by `performance-rnn fit-returns --data DATA --only {only}`.\n"
    )?;
    writeln!(
        f,
        "/// Times in steps of 8 ms: the mean of each tenth of what was found, from the least to the greatest.\n\
         pub(super) struct Habits {{\n    \
         /// From the end of one return to the next.\n    pub(super) waits: [u16; 10],\n    \
         pub(super) lengths: [u16; 10],\n    \
         /// How long before it was heard.\n    pub(super) lags: [u16; 10],\n    \
         /// Semitones above what it was, and how many of a thousand; the others are rarer.\n    \
         pub(super) keys: &'static [(i8, u16)],\n}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_keep_the_mean() {
        let mut values: Vec<u64> = (0..100).rev().collect();
        assert_eq!(tenths(&mut values), [4, 14, 24, 34, 44, 54, 64, 74, 84, 94]);
        assert_eq!(tenths(&mut [1_000_000; 10]), [u16::MAX; 10]);
    }

    #[test]
    fn habits_are_counted() {
        let found = |start_us, lag_us, key| Return { start_us, end_us: start_us + 800_000, lag_us, key };
        let habits =
            Habits::of(&[vec![found(8_000_000, 4_000_000, 0), found(16_000_000, 8_000, 5)], Vec::new()]);
        assert_eq!((habits.n, habits.waits, habits.lengths), (2, vec![1000, 900], vec![100, 100]));
        assert_eq!((habits.lags, habits.keys), (vec![500, 1], BTreeMap::from([(0, 1), (5, 1)])));
    }
}
