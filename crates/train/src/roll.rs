//! `roll`: performances as piano rolls, to look at side by side.

use anyhow::{Context, Result, ensure};
use performance::Performance;
use performance::midi;

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
    plot::rolls(&args.out, &performances, from..to, args.mark)?;
    say!("{}, {from} to {to} s, in {}", count(performances.len(), "performance"), args.out.display())?;
    Ok(())
}
