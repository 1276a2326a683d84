//! The page of an ablation: a table, plots, and how it was made.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;

use super::{Findings, Measured};
use crate::files::write_atomically;
use crate::measure::markdown_table;
use crate::{plot, provenance};

pub(super) fn write(out: &Path, findings: &Findings) -> Result<()> {
    let folder = out.with_extension("");
    let loss = |variant: &Measured| variant.outcomes.iter().map(|outcome| outcome.validation).collect();
    let errors = |variant: &Measured| {
        variant.outcomes.iter().map(|outcome| outcome.structure.per_1000().iter().sum()).collect()
    };
    let rows = |of: &dyn Fn(&Measured) -> Vec<f64>| -> Vec<(String, Vec<f64>)> {
        findings.variants.iter().map(|variant| (variant.name.clone(), of(variant))).collect()
    };
    plot::dots(&folder.join("loss.svg"), &rows(&loss), "validation, nats per event; a dot for each seed")?;
    plot::dots(
        &folder.join("errors.svg"),
        &rows(&errors),
        "errors of structure in 1000 sampled events; a dot for each seed",
    )?;
    write_atomically(out, text(findings, &provenance::file_name(&folder))?.as_bytes())
}

fn text(found: &Findings, folder: &str) -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    let f = &mut page;
    let n_seeds = found.variants.first().map_or(0, |variant| variant.outcomes.len());
    let sampled = found.variants.first().and_then(|variant| variant.outcomes.first());
    writeln!(
        f,
        "# What each choice is worth\n\n\
         The same {} events spent in {} ways, each with {n_seeds} seed{} (initial weights, crops, keys). The network is \
         narrower than the released one, so that all of it takes hours on a CPU. All of this page is written \
         by one command{}.\n\n\
         ```\n{}\n```\n\n\
         Machine: {}.\n",
        found.events,
        found.variants.len(),
        if n_seeds == 1 { "" } else { "s" },
        if found.notes.is_some() { ", but for what the last section says" } else { "" },
        found.command,
        found.machine,
    )?;
    let mut header =
        vec!["variant", "differs in", "nats/event", "to the reference", "NOTE_ON of a sounding pitch"];
    header.push("NOTE_OFF of a silent pitch");
    let reference = found.variants.iter().find(|variant| variant.name == found.reference);
    let rows: Vec<Vec<String>> = found.variants.iter().map(|variant| row(variant, reference)).collect();
    writeln!(f, "{}", markdown_table(&header, &rows))?;
    writeln!(
        f,
        "*nats/event*: on the beginnings of `validation/maestro-v3`'s pieces, with averaged weights, no controls and \
         carried memory: the mean of the seeds, and each. *To the reference* ({}): the mean of the differences, and \
         the one of each seed; a choice whose differences are no larger than the seeds' own is no choice. The last \
         two columns: errors of structure in 1000 of {} events for each seed, sampled at temperature 1 without the mask \
         that `generate` and the page play with, which forbids both.\n\n\
         ![loss]({folder}/loss.svg)\n\n\
         ![errors of structure]({folder}/errors.svg)\n\n\
         ## Plan\n\n```toml\n{}\n```",
        found.reference,
        sampled.map_or(0, |outcome| outcome.structure.events),
        found.plan.trim_end()
    )?;
    if let Some(notes) = &found.notes {
        writeln!(f, "\n## What else was tried\n\n{}", notes.trim_end())?;
    }
    Ok(page)
}

fn row(variant: &Measured, reference: Option<&Measured>) -> Vec<String> {
    let losses: Vec<f64> = variant.outcomes.iter().map(|outcome| outcome.validation).collect();
    let to_reference = match reference {
        Some(reference) if reference.name != variant.name => {
            let pairs = losses.iter().zip(&reference.outcomes);
            signed(&pairs.map(|(loss, reference)| loss - reference.validation).collect::<Vec<_>>())
        }
        _ => "–".to_owned(),
    };
    let errors = |kind: usize| {
        let errors: Vec<f64> =
            variant.outcomes.iter().map(|outcome| outcome.structure.per_1000()[kind]).collect();
        with_each(&errors, |x| format!("{x:.2}"))
    };
    let differs =
        if variant.differs.is_empty() { "–".to_owned() } else { format!("`{}`", variant.differs) };
    vec![
        variant.name.clone(),
        differs,
        with_each(&losses, |x| format!("{x:.3}")),
        to_reference,
        errors(0),
        errors(1),
    ]
}

fn signed(numbers: &[f64]) -> String {
    with_each(numbers, |x| format!("{x:+.3}").replace('-', "−"))
}

/// The mean, and what it is the mean of where that is more than one number.
fn with_each(numbers: &[f64], show: impl Fn(f64) -> String) -> String {
    let mean = show(numbers.iter().sum::<f64>() / numbers.len().max(1) as f64);
    if numbers.len() < 2 {
        return mean;
    }
    let each: Vec<String> = numbers.iter().map(|&number| show(number)).collect();
    format!("{mean} ({})", each.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_shown_with_each_seed() {
        assert_eq!(signed(&[-0.5, 0.25]), "−0.125 (−0.500, +0.250)");
        assert_eq!(with_each(&[2.0], |x| format!("{x:.1}")), "2.0");
    }
}
