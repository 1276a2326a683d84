//! The page: what was found, with plots, and how.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use performance::VelocityOffset;
use performance::statistics::{CollapseKind, SMOOTHING};

use super::{Findings, Profiles, changes, stability};
use crate::files::write_atomically;
use crate::measure::{self, Breakdown, Figure, Row, markdown_table};
use crate::plot::{self, COLORS, HUMAN, Line, Series};
use crate::structure::{self, TakenUp};
use crate::{copies, provenance, quality::primers};

/// Writes the page and, in a folder of its name beside it, its plots.
pub(super) fn write(out: &Path, findings: &Findings, profiles: &Profiles) -> Result<()> {
    let folder = out.with_extension("");
    let name = provenance::file_name(&folder);
    std::fs::create_dir_all(&folder)?;
    plot::distributions(
        &folder.join("distributions.svg"),
        &profiles.human,
        &profiles.generated,
        ["human", "network"],
    )?;
    plot::overlaps(&folder.join("overlap.svg"), &plot::overlap_series(&findings.features, "network"))?;
    plot::overlaps(&folder.join("stability.svg"), &minutes_series(findings))?;
    plot::shares(
        &folder.join("breakdown.svg"),
        &breakdown_lines(findings),
        "minute of the generation",
        "generations broken down",
    )?;
    let points: Vec<(f64, Figure)> =
        findings.adherence.densities.iter().map(|density| (density.asked, density.measured)).collect();
    plot::asked(&folder.join("density.svg"), &points)?;
    plot::shares(
        &folder.join("copies.svg"),
        &copy_lines(findings),
        "length of the longest shared run",
        "pieces with one as long",
    )?;
    write_atomically(out, text(findings, &name)?.as_bytes())
}

fn text(found: &Findings, folder: &str) -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    let f = &mut page;
    writeln!(f, "# Does it sound right?\n")?;
    writeln!(
        f,
        "What the network plays, measured against pieces by people that it never heard. All of this page, plots \
         included, is written by one command; nothing in it was chosen by hand{}.\n\n\
         ```\n{}\n```\n\n\
         - **Weights:** `{}`, SHA-256 `{}`\n\
         - **Machine:** {}; {} events in {:.0} s ({:.0} events/s)\n\
         - **Chance:** the seed is in the command; intervals are 95 % of {} draws of whole pieces, not of notes.\n",
        if found.notes.is_some() { ", but for what the last section says" } else { "" },
        found.command,
        found.weights,
        found.weights_sha256,
        found.machine,
        found.events,
        found.generation_secs,
        found.events as f64 / found.generation_secs.max(1e-9),
        measure::ROUNDS,
    )?;
    distributions(f, found, folder)?;
    structure(f, found)?;
    breakdown(f, found)?;
    stability(f, found, folder)?;
    controls(f, found, folder)?;
    changes::section(f, &found.changes)?;
    primers(f, found)?;
    copy_rate(f, found, folder)?;
    method(f, found)?;
    if let Some(notes) = &found.notes {
        writeln!(f, "\n## What we saw and heard\n\n{}", notes.trim_end())?;
    }
    Ok(page)
}

fn distributions(f: &mut String, found: &Findings, folder: &str) -> std::fmt::Result {
    writeln!(
        f,
        "## Distributions\n\n\
         {} generations of {} s against the first {} s of {} held-out human pieces. The *floor* is what one half of \
         the human pieces says of the other half; both sides of every draw have {} pieces. The *gap* is overlap less \
         floor, paired by draw: where its interval holds 0, the network cannot be told from people by this feature \
         in samples of this size.\n",
        found.generated_pieces, found.seconds, found.seconds, found.human_pieces, found.sample_size
    )?;
    let header = [&measure::COLUMNS[..], &["told apart"]].concat();
    let rows: Vec<Vec<String>> = found
        .features
        .iter()
        .map(|row| [measure::cells(row), vec![verdict(row).to_owned()]].concat())
        .collect();
    writeln!(f, "{}", markdown_table(&header, &rows))?;
    writeln!(f, "![overlap areas]({folder}/overlap.svg)\n")?;
    writeln!(f, "![distributions]({folder}/distributions.svg)\n")
}

/// Whether a feature separates the two.
fn verdict(row: &Row) -> &'static str {
    if row.gap.high < 0.0 { "yes" } else { "no" }
}

fn structure(f: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        f,
        "## Does a tune come back?\n\n\
         The share of the steps from note to note that lie in runs of eight equal intervals that were heard before, in \
         any key; a run has at least three different intervals. The *top line* is the highest note of each group of \
         onsets within 40 ms, *strikes* are all notes in their order. *In another piece* says what scales and cadences \
         have in common anyway. Quartiles are of the pieces.\n"
    )?;
    let sets = [("human", &found.human_structure), ("network", &found.structure)];
    writeln!(f, "{}", markdown_table(&structure::COLUMNS, &structure::cells(&sets)))?;
    writeln!(
        f,
        "The top line, 10–120 s before, minute by minute: in the generations of ten minutes, and in human pieces that \
         last as long.\n"
    )?;
    let stability = &found.stability;
    let header: Vec<String> = (0..stability.structure.len() as u64).map(minute_name).collect();
    let header: Vec<&str> = std::iter::once("").chain(header.iter().map(String::as_str)).collect();
    let row = |name: &str, minutes: &[Figure]| -> Vec<String> {
        let percent = |figure: &Figure| match figure.value {
            value if value.is_nan() => "–".to_owned(),
            value => format!("{:.1} %", 100.0 * value),
        };
        std::iter::once(name.to_owned()).chain(minutes.iter().map(percent)).collect()
    };
    let rows = [row("human", &stability.human_structure), row("network", &stability.structure)];
    writeln!(f, "{}", markdown_table(&header, &rows))
}

fn breakdown(f: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        f,
        "## Minutes nobody should meet\n\n\
         The limits lie at the edge of human music: silence is 10 s without a new note, a stuck note sounds for more \
         than 20 s, a loop is the same notes at least four times over and for 15 s, mush is 32 notes at once over \
         10 s, a machine gun strikes one key 10 times a second or all of them 48 times for 4 s. \
         {} of the generations have any of it, and {} of the human pieces (which have rests between movements).\n",
        found.breakdown.share.show_percent(),
        found.human_breakdown.share.show_percent()
    )?;
    let cell = |breakdown: &Breakdown, kind: CollapseKind| {
        let of =
            |counts: &std::collections::BTreeMap<&str, usize>| counts.get(kind.name()).copied().unwrap_or(0);
        [of(&breakdown.broken_minutes).to_string(), of(&breakdown.broken_pieces).to_string()]
    };
    let row = |kind: CollapseKind| {
        let cells = [cell(&found.breakdown, kind), cell(&found.human_breakdown, kind)].concat();
        [vec![kind.name().to_owned()], cells].concat()
    };
    let rows: Vec<Vec<String>> = CollapseKind::ALL.into_iter().map(row).collect();
    let (network, human) = (&found.breakdown, &found.human_breakdown);
    let header = [
        "".to_owned(),
        format!("network: minutes of {}", network.minutes),
        format!("pieces of {}", network.pieces),
        format!("human: minutes of {}", human.minutes),
        format!("pieces of {}", human.pieces),
    ];
    writeln!(f, "{}", markdown_table(&header.each_ref().map(String::as_str), &rows))
}

fn stability(f: &mut String, found: &Findings, folder: &str) -> std::fmt::Result {
    let stability = &found.stability;
    writeln!(
        f,
        "## Stability\n\n\
         {} generations of ten minutes. Overlap of single minutes with human ones ({} pieces, one minute drawn from \
         each, the same for every row of the table).\n",
        stability.generations, stability.human_minutes
    )?;
    let minutes = stability.minutes.iter().map(|minute| minute_name(minute.from));
    let header: Vec<String> = ["feature".to_owned(), "floor".to_owned()].into_iter().chain(minutes).collect();
    let n_features = stability.minutes.first().map_or(0, |minute| minute.features.len());
    let row = |idx: usize| {
        let rows = || stability.minutes.iter().map(|minute| &minute.features[idx]);
        let first = rows().next();
        let start = first.map(|row| vec![row.feature.to_owned(), row.floor_overlap.show(2)]);
        start.into_iter().flatten().chain(rows().map(|row| row.overlap.show(2))).collect::<Vec<String>>()
    };
    let rows: Vec<Vec<String>> = (0..n_features).map(row).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    writeln!(f, "{}", markdown_table(&header, &rows))?;
    writeln!(f, "![overlap areas by minute]({folder}/stability.svg)\n")?;
    writeln!(
        f,
        "{} of the generations break down somewhere in their ten minutes. By minute, and beside single human minutes \
         ({}):\n",
        stability.breakdown.share.show_percent(),
        stability.human_broken.show_percent()
    )?;
    let header: Vec<String> = (0..stability.broken.len() as u64).map(minute_name).collect();
    let header: Vec<&str> = std::iter::once("").chain(header.iter().map(String::as_str)).collect();
    let percent = |x: f64| format!("{:.0} %", 100.0 * x);
    let by_kind = stability.broken_by_kind.iter().map(|(kind, shares)| {
        std::iter::once((*kind).to_owned()).chain(shares.iter().map(|&x| percent(x))).collect()
    });
    let any = stability.broken.iter().map(|figure| percent(figure.value));
    let any: Vec<String> = std::iter::once("any".to_owned()).chain(any).collect();
    writeln!(f, "{}", markdown_table(&header, &std::iter::once(any).chain(by_kind).collect::<Vec<_>>()))?;
    writeln!(f, "![broken minutes]({folder}/breakdown.svg)\n")
}

fn controls(f: &mut String, found: &Findings, folder: &str) -> std::fmt::Result {
    let adherence = &found.adherence;
    writeln!(f, "## Controls\n\nOne control at a time, generations of a minute.\n")?;
    let row = |density: &super::adherence::Density| {
        vec![format!("{}", density.asked), density.measured.show(1), density.close.show_percent()]
    };
    let rows: Vec<Vec<String>> = adherence.densities.iter().map(row).collect();
    writeln!(f, "{}", markdown_table(&["notes/s asked for", "measured", "within a factor of √2"], &rows))?;
    writeln!(f, "![density asked for and measured]({folder}/density.svg)\n")?;
    let histogram = &adherence.histogram;
    writeln!(
        f,
        "**Pitch classes.** The histograms of {} human pieces' first minutes were asked for. Cosine of what was asked \
         and what was played: {}; of what was asked of *other* generations and what was played: {}. A human piece's \
         second minute against its first: {}.\n",
        histogram.generations,
        histogram.asked.show(3),
        histogram.others.show(3),
        histogram.human.show(3)
    )?;
    let Some(composer) = &adherence.composer else {
        return writeln!(f, "**Composer.** Not measured: the weights or the data name no composers.\n");
    };
    writeln!(
        f,
        "**Composer.** A minute is given to the composer whose mean profile in the training set explains it best (least \
         Kullback-Leibler divergence, summed over the features). Of the \
         generations, {} go to the composer asked for; of {} held-out human minutes, {} go to their \
         own; guessing gives {:.1} %. The yardstick is coarse: read the network's figure beside the human one.\n",
        composer.asked.show_percent(),
        composer.human_pieces,
        composer.human.show_percent(),
        100.0 * composer.chance
    )?;
    let row = |(name, right, human, n): &(String, f64, f64, usize)| {
        let human = if *n == 0 { "–".to_owned() } else { format!("{:.0} % of {n}", 100.0 * human) };
        vec![name.clone(), format!("{:.0} %", 100.0 * right), human]
    };
    let rows: Vec<Vec<String>> = composer.each.iter().map(row).collect();
    writeln!(f, "{}", markdown_table(&["composer", "network", "human"], &rows))
}

fn primers(f: &mut String, found: &Findings) -> std::fmt::Result {
    let continuity = &found.continuity;
    writeln!(
        f,
        "## Going on from a primer\n\n\
         {} human openings of {} s were given, and the next {} s measured. Distance is one less the overlap area, \
         averaged over the features: 0 is alike. *Nearest* is the part to which no other primer is nearer than its \
         own; guessing gives {:.1} %.\n",
        continuity.primers,
        primers::SECS,
        primers::SECS,
        100.0 / continuity.primers as f64
    )?;
    let row = |name: &str, nearness: &super::primers::Nearness| {
        vec![name.to_owned(), nearness.own.show(3), nearness.others.show(3), nearness.nearest.show_percent()]
    };
    let rows = [
        row("network, as the page plays", &continuity.network),
        row("network, asked for nothing", &continuity.freely),
        row("the pianist", &continuity.human),
    ];
    let header = ["who goes on", "distance from the primer", "from the others'", "nearest"];
    writeln!(f, "{}", markdown_table(&header, &rows))?;
    writeln!(
        f,
        "**Loudness.** The same primers as they are, and all of their notes softer and louder, as other instruments and \
         other recordings have them. MIDI velocities of what follows (of the primers in the second column), and in \
         brackets how far each is from its own primer's, up or down.\n"
    )?;
    let rows = continuity.loudness.iter().map(|loudness| {
        let kept =
            |kept: &super::primers::Kept| format!("{:.1} [{:.1}]", kept.velocity.value, kept.apart.value);
        vec![
            match loudness.louder {
                0 => "as played".to_owned(),
                by if by < 0 => format!("{} softer", -by),
                by => format!("{by} louder"),
            },
            format!("{:.1}", loudness.primers.value),
            kept(&loudness.network),
            kept(&loudness.freely),
            kept(&loudness.human),
        ]
    });
    let header =
        ["primers", "theirs", "network, as the page plays", "network, asked for nothing", "the pianist"];
    writeln!(f, "{}", markdown_table(&header, &rows.collect::<Vec<_>>()))?;
    writeln!(
        f,
        "**Themes.** The share of the top line of what follows that lies in runs of eight equal intervals of the primer, \
         and of another primer.\n"
    )?;
    let themes = &continuity.themes;
    let row = |name: &str, taken_up: &TakenUp| {
        vec![name.to_owned(), taken_up.own.show_percent(), taken_up.baseline.show_percent()]
    };
    let rows = [
        row("network, as the page plays", &themes.network),
        row("network, asked for nothing", &themes.freely),
        row("the pianist", &themes.human),
    ];
    writeln!(f, "{}", markdown_table(&["who goes on", "in the primer", "in another primer"], &rows))?;
    let Some(loudness_model) = &found.loudness_model else { return Ok(()) };
    writeln!(
        f,
        "A velocity offset shifts each primer to the loudness that is usual for its pace, and is taken off what the \
         network plays. Usual are MIDI velocity {:.1} at one note a second and {:.1} more with each doubling (least \
         squares over {} half minutes of {} training pieces; correlation {:.2}, standard deviation around it {:.1}); \
         `performance::VelocityOffset` has {:.1} and {:.1}.\n",
        loudness_model.at_one,
        loudness_model.per_doubling,
        loudness_model.half_minutes,
        loudness_model.pieces,
        loudness_model.correlation,
        loudness_model.around,
        VelocityOffset::VELOCITY_AT_ONE,
        VelocityOffset::VELOCITY_PER_DOUBLING
    )
}

fn copy_rate(f: &mut String, found: &Findings, folder: &str) -> std::fmt::Result {
    writeln!(
        f,
        "## Copies\n\n\
         The longest runs that a piece of {} s shares with any training piece, note for note. Of *strikes*: the same \
         keys, waits (of up to a second) and loudness, to 8 ms, two or three events a note; releases are left out. Of *intervals* from note to note: the same notes in any key, at any pace. \
         Runs of {} strike events and of {} intervals are *long*. Human pieces share scales, trills and repeated chords with \
         other music, too: what they share is the yardstick.\n",
        found.seconds,
        copies::LONG_STRIKES,
        copies::LONG_INTERVALS
    )?;
    writeln!(
        f,
        "{}",
        markdown_table(&copies::COLUMNS, &copies::cells(&found.copies, ["human, held out", "network"]))
    )?;
    writeln!(f, "![longest shared runs]({folder}/copies.svg)\n")
}

fn method(f: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        f,
        "## Method\n\n\
         - All times are on the 8 ms grid of the vocabulary, for people and network alike, and the pedal is part of a \
           note's length. Every piece counts the same, however many notes it has.\n\
         - *Inter-onset interval*: from each note to the next to begin. *Overlap*: how long a note goes on when the \
           next chord begins. *Polyphony* is weighted by time. *Density*: notes that begin in each second. *Longest \
           silence* and *forced releases* (notes a minute of more than 20 s) have one value for each piece.\n\
         - Overlap area and Kullback-Leibler divergence after Yang and Lerch, *On the evaluation of generative models \
           in music* (2018), of the mean distributions themselves. Divergence is from the human distribution, {:.0} % \
           of a uniform one mixed into both.\n\
         - Every draw splits the human pieces into two halves with no piece in common, then draws {} pieces from each \
           half and from the network's, with replacement. Pieces that several pianists play can be in both halves, \
           which makes the floor a little too good, never too bad.\n\
         - Code: `performance::statistics`, `crates/train/src/quality`. Folders of MIDI files are compared in the same \
           way by `performance-rnn compare`.",
        100.0 * SMOOTHING,
        found.sample_size
    )
}

fn minute_name(from: u64) -> String {
    format!("{from}–{}", from + 1)
}

fn minutes_series(found: &Findings) -> Vec<Series> {
    let minutes = &found.stability.minutes;
    let floor = minutes.first().map(|minute| Series {
        name: "human and human".to_owned(),
        color: HUMAN,
        figures: minute.features.iter().map(|row| row.floor_overlap).collect(),
    });
    let of = |(minute, &color): (&stability::Minute, _)| Series {
        name: format!("minute {}", minute_name(minute.from)),
        color,
        figures: minute.features.iter().map(|row| row.overlap).collect(),
    };
    floor.into_iter().chain(minutes.iter().zip(&COLORS).map(of)).collect()
}

fn breakdown_lines(found: &Findings) -> Vec<Line> {
    let stability = &found.stability;
    // In the middle of each minute.
    let points = |shares: &[f64]| -> Vec<(f64, f64)> {
        shares.iter().enumerate().map(|(minute, &share)| (minute as f64 + 0.5, share)).collect()
    };
    let n = stability.broken.len() as f64;
    let human = Line {
        name: "human minutes, any kind".to_owned(),
        color: HUMAN,
        points: [0.0, n].map(|x| (x, stability.human_broken.value)).to_vec(),
    };
    let kinds = stability.broken_by_kind.iter().zip(COLORS).map(|((name, shares), color)| Line {
        name: (*name).to_owned(),
        color,
        points: points(shares),
    });
    std::iter::once(human).chain(kinds).collect()
}

fn copy_lines(found: &Findings) -> Vec<Line> {
    let line = |name: &str, color, longest: &[u32]| {
        let max = longest.iter().copied().max().unwrap_or(0);
        let share = |len: u32| longest.iter().filter(|&&longest| longest >= len).count() as f64;
        let points = (0..=max + 1).map(|len| (f64::from(len), share(len) / longest.len().max(1) as f64));
        Line { name: name.to_owned(), color, points: points.collect() }
    };
    let copies = &found.copies;
    vec![
        line("human, strikes", HUMAN, &copies.strikes[0].longest),
        line("network, strikes", COLORS[0], &copies.strikes[1].longest),
        line("human, intervals", RGB_LIGHT, &copies.intervals[0].longest),
        line("network, intervals", COLORS[2], &copies.intervals[1].longest),
    ]
}

/// A second human line beside [`HUMAN`].
const RGB_LIGHT: plotters::style::RGBColor = plotters::style::RGBColor(185, 185, 185);
