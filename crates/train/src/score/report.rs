//! `score-report`: how much renderers of scores agree with people, beside how much people agree among
//! themselves.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use performance::score::{
    Agreement, Evaluation, Expression, PALETTES, Part, Recurrent, Ridge, Rules, Score, Variation,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::{Piece, page};
use crate::cli::ScoreReportArgs;
use crate::files::read_bytes;
use crate::measure::Figure;
use crate::say::say;
use crate::score;

/// Interpretations of which single ones and the mean are measured.
const N_TAKES: u64 = 8;

/// Everything the page says, and what `--json` prints.
#[derive(Serialize)]
pub(super) struct Findings {
    pub(super) split: Option<String>,
    pub(super) scores: usize,
    pub(super) performances: usize,
    pub(super) double_takes: usize,
    pub(super) matched_of_written: f64,
    pub(super) matched_of_played: f64,
    pub(super) rows: Vec<Row>,
    pub(super) left_out: Vec<String>,
    pub(super) musicxml: Option<MusicXml>,
}

/// One way of playing the scores.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) scores: usize,
    /// Pearson's r by the part's name.
    pub(super) correlation: BTreeMap<&'static str, Figure>,
    pub(super) spread: BTreeMap<&'static str, Figure>,
    pub(super) velocity_nats: Figure,
    /// Of each score, for the plots.
    #[serde(skip)]
    pub(super) agreements: Vec<Agreement>,
}

/// How MusicXML of the same scores is read.
#[derive(Serialize)]
pub(super) struct MusicXml {
    pub(super) files: usize,
    pub(super) notes: usize,
    pub(super) midi_notes: usize,
    pub(super) refused: Vec<String>,
}

pub(crate) fn run(args: &ScoreReportArgs) -> Result<()> {
    let pieces = score::read(&args.pairs, &args.annotations, args.only.as_deref())?;
    let left_out: Vec<String> = pieces.iter().flat_map(|piece| piece.left_out.clone()).collect();
    let musicxml = musicxml(&pieces, &args.annotations.join("musicxml"));
    let pieces: Vec<Piece> = pieces.into_iter().filter(|piece| !piece.people.is_empty()).collect();
    ensure!(!pieces.is_empty(), "expected performances with beats, found none: {}", left_out.join("; "));
    let evaluations: Vec<Evaluation> = pieces
        .par_iter()
        .map(|piece| Evaluation::new(&piece.score, &piece.people, &piece.beat_quarters))
        .collect();
    let performances = evaluations.iter().map(|evaluation| evaluation.people().len()).sum();
    let n_people: usize = pieces.iter().map(|piece| piece.people.len()).sum();
    let sum = |of: &dyn Fn(&Piece) -> usize| pieces.iter().map(of).sum::<usize>() as f64;
    let matched = sum(&|piece| piece.matched_notes);
    let findings = Findings {
        split: args.only.clone(),
        scores: pieces.len(),
        performances,
        double_takes: n_people - performances,
        matched_of_written: matched / sum(&|piece| piece.score.notes().len() * piece.people.len()),
        matched_of_played: matched / sum(&|piece| piece.played_notes),
        rows: rows(&pieces, &evaluations)?,
        left_out,
        musicxml,
    };
    page::write(&findings, args)?;
    if args.json {
        say!("{}", serde_json::to_string(&findings)?)?;
    } else {
        say!("{}", page::plain(&findings))?;
    }
    Ok(())
}

/// A way of playing a score, one or several times.
type Render<'a> = Box<dyn Fn(&Score) -> Vec<Expression> + Sync + 'a>;

fn rows(pieces: &[Piece], evaluations: &[Evaluation]) -> Result<Vec<Row>> {
    let (ridge, network) = (&Ridge::released()?, &Recurrent::released()?);
    let takes = |score: &Score, mean: &Expression, variation: Variation| -> Vec<Expression> {
        let take = |seed| variation.take(score, mean, &mut ChaCha8Rng::seed_from_u64(seed));
        (0..N_TAKES).map(take).collect()
    };
    let ridge_takes = move |score: &Score| takes(score, &ridge.render(score), Variation::RIDGE);
    let network_takes =
        move |score: &Score| takes(score, &network.render(score, ridge), Variation::RECURRENT);
    let rules_takes = |score: &Score| -> Vec<Expression> {
        let take = |seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mean = Rules::default().vary(&mut rng).render(score);
            Variation::RULES.take(score, &mean, &mut rng)
        };
        (0..N_TAKES).map(take).collect()
    };
    let mut renderers: Vec<(String, Render<'_>)> = vec![
        ("flat".to_owned(), Box::new(|score| vec![Expression::flat(score)])),
        ("score as exported".to_owned(), Box::new(|score| vec![Expression::written(score)])),
    ];
    for palette in &PALETTES {
        let name = format!("KTH, {}", palette.name);
        renderers.push((name, Box::new(|score| vec![palette.rules.render(score)])));
    }
    renderers.push(("KTH, single takes".to_owned(), Box::new(rules_takes)));
    renderers.push(("ridge".to_owned(), Box::new(|score| vec![ridge.render(score)])));
    renderers.push(("ridge, single takes".to_owned(), Box::new(ridge_takes)));
    let mean = move |score: &Score| vec![mean_of(&ridge_takes(score))];
    renderers.push((format!("ridge, mean of {N_TAKES} takes"), Box::new(mean)));
    renderers.push(("network".to_owned(), Box::new(|score| vec![network.render(score, ridge)])));
    renderers.push(("network, single takes".to_owned(), Box::new(network_takes)));
    let mean = move |score: &Score| vec![mean_of(&network_takes(score))];
    renderers.push((format!("network, mean of {N_TAKES} takes"), Box::new(mean)));

    let mut rows: Vec<Row> = renderers
        .iter()
        .map(|(name, render)| {
            let agreement = |(piece, evaluation): (&Piece, &Evaluation)| {
                let takes = render(&piece.score);
                let with_people = |take: &Expression| {
                    evaluation.with_people(&evaluation.interpretation(&piece.score, take))
                };
                Agreement::mean(&takes.iter().map(with_people).collect::<Vec<_>>())
            };
            Row::of(name, pieces.par_iter().zip(evaluations).map(agreement).collect())
        })
        .collect();
    let among: Vec<Agreement> = evaluations.par_iter().filter_map(Evaluation::among_people).collect();
    if !among.is_empty() {
        rows.push(Row::of("one person and another", among));
    }
    Ok(rows)
}

/// The mean of several takes, field by field.
fn mean_of(takes: &[Expression]) -> Expression {
    let mean =
        |(n, mean): (usize, Expression), take: &Expression| (n + 1, mean.blend(take, 1.0 / (n + 1) as f64));
    let first = takes.first().cloned().unwrap_or_default();
    takes.iter().fold((0, first), mean).1
}

impl Row {
    fn of(name: &str, agreements: Vec<Agreement>) -> Self {
        let by_part = |of: &dyn Fn(&Agreement, usize) -> f64| {
            let figure = |(idx, part): (usize, &Part)| {
                let values: Vec<f64> = agreements.iter().map(|agreement| of(agreement, idx)).collect();
                (part.name(), Figure::of_mean(&values))
            };
            Part::ALL.iter().enumerate().map(figure).collect()
        };
        let nats: Vec<f64> = agreements.iter().map(|agreement| agreement.velocity_nats).collect();
        Self {
            name: name.to_owned(),
            scores: agreements.len(),
            correlation: by_part(&|agreement, part| agreement.correlation[part]),
            spread: by_part(&|agreement, part| agreement.spread[part]),
            velocity_nats: Figure::of_mean(&nats),
            agreements,
        }
    }
}

/// Notes of the pieces' MusicXML, where it lies there, beside those of their MIDI scores.
fn musicxml(pieces: &[Piece], folder: &Path) -> Option<MusicXml> {
    let mut found = MusicXml { files: 0, notes: 0, midi_notes: 0, refused: Vec::new() };
    for piece in pieces {
        let Ok(bytes) = read_bytes(&folder.join(format!("{}.musicxml", piece.name))) else { continue };
        found.files += 1;
        match Score::read(&bytes) {
            Ok(score) => {
                found.notes += score.notes().len();
                found.midi_notes += piece.score.notes().len();
            }
            Err(error) => found.refused.push(format!("{}: {error}", piece.name)),
        }
    }
    (found.files > 0).then_some(found)
}
