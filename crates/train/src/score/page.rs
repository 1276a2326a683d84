//! What `score-report` says, in a terminal and as a page with plots.

use std::fmt::Write;

use anyhow::Result;
use performance::score::Part;

use super::report::{Findings, Row};
use crate::cli::ScoreReportArgs;
use crate::files::write_atomically;
use crate::measure::{Figure, markdown_table, plain_table};
use crate::plot;
use crate::provenance::place;

/// Of which parts there is a plot.
const PLOTTED: [(Part, &str); 4] = [
    (Part::Velocity, "velocity"),
    (Part::OnsetTempo, "onset-tempo"),
    (Part::BeatTempo, "beat-tempo"),
    (Part::Articulation, "articulation"),
];

fn header() -> Vec<&'static str> {
    let mut header = vec!["played by", "scores"];
    header.extend(Part::ALL.map(Part::name));
    header
}

fn cells(rows: &[Row], show: impl Fn(&Row, &'static str) -> String) -> Vec<Vec<String>> {
    let cells = |row: &Row| {
        let parts = Part::ALL.iter().map(|part| show(row, part.name()));
        [row.name.clone(), row.scores.to_string()].into_iter().chain(parts).collect()
    };
    rows.iter().map(cells).collect()
}

fn correlation(row: &Row, part: &str) -> String {
    row.correlation.get(part).map_or_else(String::new, |figure: &Figure| figure.show(2))
}

fn spread(row: &Row, part: &str) -> String {
    row.spread.get(part).map_or_else(String::new, |figure| format!("{:.2}", figure.value))
}

/// For a terminal.
pub(super) fn plain(findings: &Findings) -> String {
    let mut text = format!(
        "{}\n\nPearson's r with each person, mean over scores (95 % interval):\n\n",
        summary(findings)
    );
    text += &plain_table(&header(), &cells(&findings.rows, correlation));
    text += "\n\nSpread, standard deviation over people's:\n\n";
    text += &plain_table(&header(), &cells(&findings.rows, spread));
    for sentence in &findings.left_out {
        let _ = write!(text, "\nleft out {sentence}");
    }
    text
}

fn summary(findings: &Findings) -> String {
    let mut text = format!(
        "{} performances of {} scores{}; {:.1} % of written and {:.1} % of played notes match; {} second takes of one \
         recording and {} other performances are left out.",
        findings.performances,
        findings.scores,
        findings.split.as_ref().map_or_else(String::new, |split| format!(" ({split})")),
        100.0 * findings.matched_of_written,
        100.0 * findings.matched_of_played,
        findings.double_takes,
        findings.left_out.len(),
    );
    if let Some(musicxml) = &findings.musicxml {
        let _ = write!(
            text,
            " MusicXML of {} of the scores: {} refused, {} notes beside {} in MIDI.",
            musicxml.files,
            musicxml.refused.len(),
            musicxml.notes,
            musicxml.midi_notes
        );
    }
    text
}

/// Writes the page and its plots.
pub(super) fn write(findings: &Findings, args: &ScoreReportArgs) -> Result<()> {
    let plots = args.out.with_extension("");
    for (part, name) in PLOTTED {
        let idx = Part::ALL.iter().position(|other| *other == part).unwrap_or_default();
        let dots = |row: &Row| {
            (row.name.clone(), row.agreements.iter().map(|agreement| agreement.correlation[idx]).collect())
        };
        let rows: Vec<(String, Vec<f64>)> = findings.rows.iter().map(dots).collect();
        let x_desc = format!("{}: Pearson's r with people, a dot for each score", part.name());
        plot::dots(&plots.join(format!("{name}.svg")), &rows, &x_desc)?;
    }
    write_atomically(&args.out, page(findings, args).as_bytes())
}

fn page(findings: &Findings, args: &ScoreReportArgs) -> String {
    let only = args.only.as_ref().map_or_else(String::new, |only| format!(" --only {only}"));
    let folder = args.out.with_extension("");
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut page = format!(
        "# How scores are performed\n\n\
         How much each renderer agrees with people who play the same scores, beside how much one person agrees with \
         another. Written by\n\n\
         ```sh\nperformance-rnn score-report --pairs {} --annotations {}{only} --out {}\n```\n\n{}\n\n",
        place(&args.pairs),
        place(&args.annotations),
        place(&args.out),
        summary(findings)
    );
    page += "## Agreement\n\n\
             Pearson's *r* with each person, mean over people, then over scores; in brackets the 95 % interval of a \
             bootstrap over scores.\n\n";
    page += &markdown_table(&header(), &cells(&findings.rows, correlation));
    page += "\n## Spread\n\n\
             Standard deviation over people's: 1 is as varied as one person, 0 is flat. What is near a mean of people \
             agrees with each of them more and sounds blander than any.\n\n";
    page += &markdown_table(&header(), &cells(&findings.rows, spread));
    page += "\n## Surprise\n\nNats per note of people's velocity bins under a normal distribution around each \
             renderer's, scaled to fit; less is better.\n\n";
    let nats = |row: &Row| vec![row.name.clone(), row.velocity_nats.show(3)];
    page +=
        &markdown_table(&["played by", "nats per note"], &findings.rows.iter().map(nats).collect::<Vec<_>>());
    page += "\n## By score\n\n";
    for (part, name) in PLOTTED {
        let _ = writeln!(page, "![{}]({folder}/{name}.svg)\n", part.name());
    }
    page += METHODS;
    if !findings.left_out.is_empty() {
        page += "\n## Left out\n\n";
        for sentence in &findings.left_out {
            let _ = writeln!(page, "- {sentence}");
        }
    }
    page
}

/// What the figures are, and what the renderers.
const METHODS: &str = "## What is measured\n\n\
- **Alignment.** Annotated beats map the score to the performance; the closest notes of one pitch that choose each other \
within ¾ beat match; running medians of what they say correct the map twice.\n\
- **Velocity** and **articulation** (log2 of sounding over written length, the pedal in it) of each note that matches.\n\
- **Onset tempo:** log2 of seconds per quarter between chords of which everybody plays something, those within ⅛ quarter \
joined. **Beat tempo:** the same between annotated beats, interpolated. Both without the last four quarters, where all \
slow down.\n\
- Of performances whose velocities agree by more than 0.985, one counts.\n\n\
## Who plays\n\n\
- **flat:** one tempo, one loudness, full lengths. **Score as exported:** the MIDI score's own tempo and velocities.\n\
- **KTH:** the rules of Director Musices by their published formulas, in the named palettes; *natural* is the default, \
with quantities chosen on the training scores. *Single takes* vary the quantities and add a little noise.\n\
- **ridge:** a ridge regression on 151 features of the score, fitted by `performance-rnn score-fit` to the training \
pairs (on which its figures are therefore too good). *Single takes* are what `performance-rnn perform` writes: stretched \
to people's spread, with some noise from the seed.\n\
- **network:** two LSTMs of 32 units read the same features, one from the beginning and one from the end; taught by \
`performance-rnn score-train` on the training pairs. *Single takes* as those of the ridge.\n\
- **one person and another:** of scores that two or more people play.\n";
