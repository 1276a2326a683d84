//! `compare`: one folder of performances against another, beside what the first differs within itself.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use performance::midi;
use performance::statistics::Excerpt;
use rayon::prelude::*;
use serde::Serialize;

use crate::cli::CompareArgs;
use crate::copies::{self, Copies};
use crate::corpus::Corpus;
use crate::files::read_midi;
use crate::measure::{self, Breakdown, Piece, Row};
use crate::say::{left_out, remark, say};
use crate::structure::{self, Structure};
use crate::{plot, prepare, progress};

/// What `--json` prints.
#[derive(Serialize)]
struct Summary {
    reference_pieces: usize,
    generated_pieces: usize,
    sample_size: usize,
    features: Vec<Row>,
    reference_breakdown: Breakdown,
    generated_breakdown: Breakdown,
    reference_structure: Structure,
    generated_structure: Structure,
    copies: Option<Copies>,
}

pub(crate) fn run(args: &CompareArgs) -> Result<()> {
    ensure!(
        args.seconds > 0.0 && args.seconds <= 86_400.0,
        "expected seconds above 0, up to 86400, found {}",
        args.seconds
    );
    let corpus = args.train.as_deref().map(Corpus::open).transpose()?;
    let reference = read_folder(&args.reference, args.seconds)?;
    let generated = read_folder(&args.generated, args.seconds)?;
    let [human, others] = [&reference, &generated].map(|pieces| measure::profiles(pieces));
    let features = measure::rows(&human, &others)?;
    let copies = corpus.map(|corpus| copies::search(&corpus, [&reference, &generated])).transpose()?;
    if let Some(dir) = &args.plots {
        fs::create_dir_all(dir).with_context(|| format!("{} cannot be created", dir.display()))?;
        plot::distributions(&dir.join("distributions.svg"), &human, &others, ["reference", "generated"])?;
        plot::overlaps(&dir.join("overlap.svg"), &plot::overlap_series(&features, "generated"))?;
    }
    let breakdown = |pieces: &[Piece]| Breakdown::of(pieces.iter().map(|piece| &piece.excerpt));
    let summary = Summary {
        reference_pieces: reference.len(),
        generated_pieces: generated.len(),
        sample_size: measure::sample_size(reference.len(), generated.len()),
        features,
        reference_breakdown: breakdown(&reference),
        generated_breakdown: breakdown(&generated),
        reference_structure: Structure::of_pieces(&reference),
        generated_structure: Structure::of_pieces(&generated),
        copies,
    };
    if args.json {
        say!("{}", serde_json::to_string(&summary)?)?;
    } else {
        print(&summary)?;
    }
    Ok(())
}

/// The first seconds of every MIDI file below a folder, from its first note. Files that cannot be used are
/// named and left out.
fn read_folder(dir: &Path, seconds: f64) -> Result<Vec<Piece>> {
    ensure!(dir.is_dir(), "expected a folder of MIDI files, found {}", describe(dir));
    let sources = prepare::find(&[dir.to_owned()])?;
    let bar = progress::bar(sources.len() as u64, "files");
    let read = |source: &prepare::Source| -> Result<Piece> {
        // As `prepare` has them: on the grid first, then from the first note.
        let performance = midi::read(&read_midi(&source.file)?)?.performance.quantized();
        let length_us = Excerpt::whole(&performance).length_us().min((seconds * 1e6) as u64);
        Ok(Piece::new(Excerpt::of(&performance, 0..length_us)))
    };
    let pieces: Vec<Result<Piece>> = sources.par_iter().map(read).inspect(|_| bar.inc(1)).collect();
    bar.finish_and_clear();
    let (mut usable, mut refused) = (Vec::new(), Vec::new());
    for (source, piece) in sources.iter().zip(pieces) {
        match piece {
            Ok(piece) => usable.push(piece),
            Err(error) => refused.push((source.path.clone(), format!("{error:#}"))),
        }
    }
    if let Some(line) = left_out(sources.len(), &refused) {
        remark!("{line}");
    }
    ensure!(!usable.is_empty(), "expected MIDI files in {}, found none that can be played", dir.display());
    Ok(usable)
}

fn describe(path: &Path) -> String {
    format!("{} ({})", path.display(), if path.exists() { "a file" } else { "nothing there" })
}

fn print(summary: &Summary) -> Result<()> {
    say!(
        "{} generated pieces against {} of reference; {} on each side of every draw, 95 % intervals",
        summary.generated_pieces,
        summary.reference_pieces,
        summary.sample_size
    )?;
    say!("")?;
    let rows: Vec<_> = summary.features.iter().map(measure::cells).collect();
    say!("{}", measure::plain_table(&measure::COLUMNS, &rows))?;
    say!("")?;
    let sets = [("reference", &summary.reference_breakdown), ("generated", &summary.generated_breakdown)];
    for (name, breakdown) in sets {
        let kinds = breakdown.broken_minutes.iter().map(|(kind, n)| format!("{kind} {n}"));
        say!(
            "{name}: {} of the pieces break down; of {} minutes {}",
            breakdown.share.show_percent(),
            breakdown.minutes,
            kinds.collect::<Vec<_>>().join(", ")
        )?;
    }
    say!("\nnotes that were heard before, in runs of eight equal intervals in any key:")?;
    let sets = [("reference", &summary.reference_structure), ("generated", &summary.generated_structure)];
    say!("{}", measure::plain_table(&structure::COLUMNS, &structure::cells(&sets)))?;
    if let Some(copies) = &summary.copies {
        say!("\nshared with the training set:")?;
        say!(
            "{}",
            measure::plain_table(&copies::COLUMNS, &copies::cells(copies, ["reference", "generated"]))
        )?;
    }
    Ok(())
}
