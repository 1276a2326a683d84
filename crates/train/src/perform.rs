//! `perform`: a score, played with expression, as a MIDI file with the score's bars.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use performance::score::{Expression, PALETTES, Recurrent, Ridge, Rules, Score, Variation, export};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::cli::{PerformArgs, Renderer};
use crate::files::{keep_apart, read_bytes, write_atomically};
use crate::generate::numbered;
use crate::say::{count, say};

/// What `--json` prints.
#[derive(Serialize)]
struct Summary {
    notes: usize,
    bars: usize,
    quarters: f64,
    is_quantized: bool,
    left_out: Vec<String>,
    /// For all takes together, files included.
    render_s: f64,
    takes: Vec<Take>,
}

#[derive(Serialize)]
struct Take {
    seed: u64,
    file: PathBuf,
    duration_s: f64,
}

pub(crate) fn run(args: &PerformArgs) -> Result<()> {
    ensure!(
        (0.0..=3.0).contains(&args.expression),
        "expected an expression of 0 (the score) to 3, found {}",
        args.expression
    );
    ensure!(
        args.palette.is_none() || args.renderer == Renderer::Kth,
        "expected --renderer kth with --palette, found another"
    );
    keep_apart(&args.out, &[("the score", &args.score)])?;
    let bytes = read_bytes(&args.score)?;
    let score = Score::read(&bytes).with_context(|| args.score.display().to_string())?;
    let rules = match &args.palette {
        Some(name) => match Rules::named(name) {
            Some(rules) => rules,
            None => bail!(
                "expected a palette of {}, found {name}",
                PALETTES.map(|palette| palette.name).join(", ")
            ),
        },
        None => Rules::default(),
    };
    let started = Instant::now();
    let learned = match args.renderer {
        Renderer::Network => {
            Some((Recurrent::released()?.render(&score, &Ridge::released()?), Variation::RECURRENT))
        }
        Renderer::Ridge => Some((Ridge::released()?.render(&score), Variation::RIDGE)),
        Renderer::Kth | Renderer::Flat => None,
    };
    let written = Expression::written(&score);
    let mut takes = Vec::new();
    for number in 0..args.takes {
        let seed = args.seed.wrapping_add(u64::from(number));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let played = match (&learned, args.renderer) {
            (Some((mean, variation)), _) => variation.take(&score, mean, &mut rng),
            (None, Renderer::Kth) => {
                let mean = rules.vary(&mut rng).render(&score);
                Variation::RULES.take(&score, &mean, &mut rng)
            }
            (None, _) => Expression::flat(&score),
        };
        let expression = written.scaled(&score, &played, args.expression);
        let file =
            if args.takes == 1 { args.out.clone() } else { numbered(&args.out, usize::from(number) + 1) };
        write_atomically(&file, &export(&score, &expression))?;
        let duration_s = expression.apply(&score).duration_us() as f64 / 1e6;
        takes.push(Take { seed, file, duration_s });
    }
    let summary = Summary {
        notes: score.notes().len(),
        bars: score.bars().len(),
        quarters: score.end_quarters(),
        is_quantized: score.is_quantized(),
        left_out: score.left_out().to_vec(),
        render_s: started.elapsed().as_secs_f64(),
        takes,
    };
    if args.json {
        say!("{}", serde_json::to_string(&summary)?)?;
    } else {
        print(&summary)?;
    }
    Ok(())
}

fn print(summary: &Summary) -> Result<()> {
    say!("{} in {}", count(summary.notes, "note"), count(summary.bars, "bar"))?;
    if !summary.is_quantized {
        say!("most onsets lie off the grid of beats: it may have been played already")?;
    }
    for sentence in &summary.left_out {
        say!("{sentence}")?;
    }
    for Take { seed, file, duration_s } in &summary.takes {
        say!("seed {seed}: {duration_s:.1} s, in {}", file.display())?;
    }
    say!("performed in {:.2} s", summary.render_s)?;
    Ok(())
}
