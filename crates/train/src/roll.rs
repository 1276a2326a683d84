//! `roll`: performances as piano rolls, to look at side by side.

use anyhow::{Context, Result, ensure};
use performance::Performance;
use performance::midi;
use performance::statistics::{Excerpt, Lag, Line, Repeat, recurrence};

use crate::cli::RollArgs;
use crate::files::read_midi;
use crate::say::{count, say};
use crate::{plot, provenance};

pub(crate) fn run(args: &RollArgs) -> Result<()> {
    let (from, to) = (args.from, args.from + args.seconds);
    ensure!(
        (0.0..=86_400.0).contains(&from) && args.seconds > 0.0 && args.seconds <= 86_400.0,
        "expected a start of 0 to 86400 s and a length above 0, up to 86400, found {from} and {}",
        args.seconds
    );
    let read = |file: &std::path::PathBuf| -> Result<(String, Performance)> {
        let bytes = read_midi(file)?;
        let import = midi::read(&bytes).with_context(|| file.display().to_string())?;
        Ok((provenance::file_name(file), import.performance))
    };
    let performances: Vec<_> = args.files.iter().map(read).collect::<Result<_>>()?;
    let repeats: Vec<_> =
        performances.iter().map(|(_, it)| if args.returns { repeats(it) } else { Vec::new() }).collect();
    plot::rolls(&args.out, &performances, &repeats, from..to, args.mark)?;
    for ((name, _), repeats) in performances.iter().zip(&repeats) {
        for Repeat { at_us, heard_us } in
            repeats.iter().filter(|repeat| repeat.at_us.start < (to * 1e6) as u64)
        {
            let [at, until, heard] = [at_us.start, at_us.end, heard_us.start].map(|us| us as f64 / 1e6);
            say!("{name}: {at:.1} to {until:.1} s is what was played from {heard:.1} s on")?;
        }
    }
    say!("{}, {from} to {to} s, in {}", count(performances.len(), "performance"), args.out.display())?;
    Ok(())
}

/// Where the top line repeats what was heard 1 to 120 seconds before.
fn repeats(performance: &Performance) -> Vec<Repeat> {
    let line = Line::top(&Excerpt::whole(performance));
    recurrence(&line, &line, Lag::of_secs(1..=120)).map(|found| found.repeats()).unwrap_or_default()
}
