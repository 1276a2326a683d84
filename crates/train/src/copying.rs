//! `fit-copying`: fits the constants of the copy model and writes them as a Rust file.

mod fit;

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use performance::{Event, Token};
use rayon::prelude::*;
use rnn::Quantized;
use rnn::copying::{Copier, PARTS_OF_NAT};

use crate::cli::FitCopyingArgs;
use crate::evaluate::pieces;
use crate::evaluate::quantized::{LANES, read_through};
use crate::files::{read_weights, write_atomically};
use crate::progress;
use crate::provenance::place;
use crate::say::say;
use fit::Positions;

/// Columns of the file.
const WIDTH: usize = 110;

pub(crate) fn run(args: &FitCopyingArgs) -> Result<()> {
    let bytes = read_weights(&args.weights)?;
    let network = Quantized::load(&bytes).with_context(|| args.weights.display().to_string())?;
    let pieces = pieces(&args.data, Some(&args.only), usize::from(args.every))?;
    let mut order: Vec<&[Token]> = pieces.iter().map(Vec::as_slice).filter(|piece| piece.len() > 1).collect();
    ensure!(!order.is_empty(), "expected pieces of at least two events, found none");
    order.sort_by_key(|tokens| std::cmp::Reverse(tokens.len()));
    let bar = progress::bar(order.iter().map(|tokens| tokens.len() as u64 - 1).sum(), "events");
    // In lanes of one length whatever the number of threads, so that the sums are the same.
    let read: Vec<Positions> = order
        .par_chunks(LANES)
        .map(|lanes| positions(&network, lanes, |n| bar.inc(n as u64)))
        .collect::<Result<_>>()?;
    bar.finish_and_clear();
    let positions = Positions::concat(read);
    let constants: Vec<i16> = positions.fit().into_iter().map(parts).collect();
    let rounded: Vec<f64> =
        constants.iter().map(|&parts| f64::from(parts) / f64::from(PARTS_OF_NAT)).collect();
    let found = format!(
        "{:.4} nats/event less on these {} pieces, {} events",
        -positions.gain(&rounded),
        order.len(),
        positions.len()
    );
    write_atomically(&args.out, file(args, &found, &constants)?.as_bytes())?;
    say!("{found}; {} constants in {}", constants.len(), args.out.display())?;
    Ok(())
}

fn positions(network: &Quantized, lanes: &[&[Token]], progress: impl Fn(usize)) -> Result<Positions> {
    let mut copiers = vec![Copier::default(); lanes.len()];
    let mut positions = Positions::default();
    read_through(network, lanes, progress, |lane, time, logits, came| {
        copiers[lane].apply(Event::from(lanes[lane][time]));
        positions.push(&copiers[lane], logits, came);
    })?;
    Ok(positions)
}

/// A constant in parts of a nat; what is beyond 32 nats is taken as that.
fn parts(nats: f64) -> i16 {
    (nats * f64::from(PARTS_OF_NAT)).round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
}

fn file(args: &FitCopyingArgs, found: &str, constants: &[i16]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let f = &mut text;
    writeln!(f, "//! What the copy model learned: {found}.")?;
    writeln!(f, "//! All of this file is written by")?;
    writeln!(
        f,
        "//! `performance-rnn fit-copying --weights {} --data DATA --only {} --every {}`.\n",
        place(&args.weights),
        args.only,
        args.every
    )?;
    writeln!(f, "/// In parts of a nat, in the order of their numbers.")?;
    writeln!(f, "#[rustfmt::skip]")?;
    writeln!(f, "pub(super) const CONSTANTS: [i16; super::N_CONSTANTS] = [")?;
    let mut line = "   ".to_owned();
    for constant in constants {
        let word = format!(" {constant},");
        if line.len() + word.len() > WIDTH {
            writeln!(f, "{line}")?;
            "   ".clone_into(&mut line);
        }
        line.push_str(&word);
    }
    writeln!(f, "{line}\n];")?;
    Ok(text)
}
