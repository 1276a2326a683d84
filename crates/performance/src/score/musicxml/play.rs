//! Parts with their repeats played out, as one score.

use std::collections::HashMap;

use super::attributes::snap;
use super::direction::Direction;
use super::dynamics::Dynamics;
use super::navigation::{self, Navigation};
use super::note::WrittenNote;
use super::ornament::Ornament;
use super::part::Part;
use crate::score::builder::{MAX_NOTES, MAX_QUARTERS, NewNote, Score};
use crate::score::error::ScoreError;
use crate::score::note::{Bar, Mark, Span};
use crate::score::tempo::{TempoMap, TempoMark};
use crate::{Pitch, Velocity};

/// Length of a grace note, if there is room before its note: half of what is there at most.
const GRACE_SECS: f64 = 0.07;
/// Notes of a written-out ornament.
const MAX_SHAKE: usize = 1_000;
/// Tied notes of one pitch that wait for their next at once: a few voices.
const MAX_WAITING: usize = 16;
const SAME_PLACE_QUARTERS: f64 = 1e-3;

/// Puts the parts together.
pub(super) fn play(parts: Vec<Part>) -> Result<Score, ScoreError> {
    let n_measures = parts.iter().map(|part| part.measures.len()).max().unwrap_or(0);
    let mut navigation = vec![Navigation::default(); n_measures];
    let mut lengths = vec![0.0_f64; n_measures];
    for part in &parts {
        for (idx, measure) in part.measures.iter().enumerate() {
            navigation[idx].merge(&measure.navigation);
            lengths[idx] = lengths[idx].max(measure.length_quarters);
        }
    }
    let order = navigation::order(&navigation)?;
    let (places, bars) = lay_out(&parts, &order, &lengths)?;

    let mut directions: Vec<Vec<(f64, Direction)>> = Vec::new();
    for part in &parts {
        let mut all = Vec::new();
        for (&idx, place) in order.iter().zip(&places) {
            let measure = part.measures.get(idx).map_or(&[][..], |measure| &measure.directions);
            all.extend(measure.iter().map(|(offset, direction)| (place + offset, *direction)));
            if all.len() > 4 * MAX_NOTES {
                return Err(ScoreError::TooLong);
            }
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        directions.push(all);
    }
    let tempos: Vec<TempoMark> = directions.iter().flatten().filter_map(tempo).collect();
    let tempo_map = TempoMap::new(&tempos);

    let mut notes = Vec::new();
    for (part, directions) in parts.iter().zip(&directions) {
        let dynamics = Dynamics::new(directions);
        let played = tie(part, &order, &places)?;
        notes.extend(realize(played, &dynamics, &tempo_map));
        if notes.len() > MAX_NOTES {
            return Err(ScoreError::TooManyNotes);
        }
    }
    let pedals = directions.iter().flat_map(|directions| pedals(directions));
    let has_meter = parts.iter().any(|part| part.has_meter);
    Score::builder()
        .notes(notes)
        .bars(bars.into_iter().filter(|_| has_meter))
        .tempos(tempos)
        .pedals(pedals)
        .left_out(left_out(&parts, &directions))
        .build()
}

/// Where each measure begins as it is played, and the bars.
fn lay_out(parts: &[Part], order: &[usize], lengths: &[f64]) -> Result<(Vec<f64>, Vec<Bar>), ScoreError> {
    let mut place: f64 = 0.0;
    let (mut places, mut bars) = (Vec::new(), Vec::<Bar>::new());
    let mut last_short_quarters = None;
    for &idx in order {
        let meter =
            parts.iter().find_map(|part| part.measures.get(idx)).map_or((4, 4), |measure| measure.meter);
        let bar = Bar { onset_quarters: place, beats: meter.0, beat_unit: meter.1, skipped_quarters: 0.0 };
        let full = bar.length_quarters();
        let length = if lengths[idx] > 0.0 { lengths[idx] } else { full };
        let missing = (full - length).max(0.0);
        // An upbeat is the end of a bar, and so is what follows the first part of a bar.
        let is_short = missing > SAME_PLACE_QUARTERS;
        let skipped_quarters = match last_short_quarters {
            _ if !is_short => 0.0,
            None if bars.is_empty() => missing,
            Some(before) if before + length <= full + SAME_PLACE_QUARTERS => before,
            _ => 0.0,
        };
        last_short_quarters = (is_short && skipped_quarters == 0.0).then_some(length);
        bars.push(Bar { skipped_quarters, ..bar });
        places.push(place);
        place = snap(place + length);
        if place > f64::from(MAX_QUARTERS) {
            return Err(ScoreError::TooLong);
        }
    }
    Ok((places, bars))
}

/// A part's notes as they are played, tied ones in one.
fn tie(part: &Part, order: &[usize], places: &[f64]) -> Result<Vec<WrittenNote>, ScoreError> {
    let mut notes: Vec<WrittenNote> = Vec::new();
    let mut open: HashMap<Pitch, Vec<usize>> = HashMap::new();
    for (&idx, place) in order.iter().zip(places) {
        let Some(measure) = part.measures.get(idx) else { continue };
        let mut measure: Vec<&WrittenNote> = measure.notes.iter().collect();
        measure.sort_by(|a, b| a.onset_quarters.total_cmp(&b.onset_quarters));
        for note in measure {
            let onset_quarters = snap(place + note.onset_quarters);
            if note.is_tied_to_last {
                let waiting = open.entry(note.pitch).or_default();
                let meets = |idx: &usize| {
                    let first: &WrittenNote = &notes[*idx];
                    let end = first.onset_quarters + first.duration_quarters;
                    (end - onset_quarters).abs() < SAME_PLACE_QUARTERS
                };
                if let Some(at) = waiting.iter().rposition(meets) {
                    let first = waiting[at];
                    notes[first].duration_quarters += note.duration_quarters;
                    notes[first].ornament = notes[first].ornament.or(note.ornament);
                    if !note.is_tied_to_next {
                        waiting.swap_remove(at);
                    }
                    continue;
                }
            }
            if note.is_tied_to_next {
                let waiting = open.entry(note.pitch).or_default();
                // What never met its end is no longer waited for.
                waiting.retain(|idx| {
                    notes[*idx].onset_quarters + notes[*idx].duration_quarters
                        > onset_quarters - SAME_PLACE_QUARTERS
                });
                if waiting.len() < MAX_WAITING {
                    waiting.push(notes.len());
                }
            }
            notes.push(WrittenNote { onset_quarters, ..note.clone() });
            if notes.len() > MAX_NOTES {
                return Err(ScoreError::TooManyNotes);
            }
        }
    }
    Ok(notes)
}

/// Grace notes get a place and a length, ornaments become notes, and all get their loudness.
fn realize(notes: Vec<WrittenNote>, dynamics: &Dynamics, tempo: &TempoMap) -> Vec<NewNote> {
    let mut onsets: Vec<f64> =
        notes.iter().filter(|note| note.grace_rank == 0).map(|note| note.onset_quarters).collect();
    onsets.sort_by(f64::total_cmp);
    let mut hidden: Vec<(f64, i32)> = notes
        .iter()
        .filter(|note| note.is_hidden)
        .map(|note| (note.onset_quarters, i32::from(note.pitch.get())))
        .collect();
    hidden.sort_by(|a, b| a.0.total_cmp(&b.0));
    let first_quarters = onsets.first().copied().unwrap_or(0.0);
    let mut played = Vec::with_capacity(notes.len());
    for mut note in notes {
        if note.velocity == Some(0) {
            continue;
        }
        let mut marks = note.marks;
        if dynamics.is_accented(note.onset_quarters) {
            marks = marks.with(Mark::StrongAccent);
        }
        let level =
            note.velocity.unwrap_or(dynamics.level(note.onset_quarters).round().clamp(1.0, 127.0) as u8);
        if note.grace_rank > 0
            && note.onset_quarters <= first_quarters + SAME_PLACE_QUARTERS
            && first_quarters <= 0.0
        {
            // There is no time before the beginning.
            note.duration_quarters = GRACE_SECS / tempo.period_secs(0.0);
            note.onset_quarters = note.duration_quarters * (note.grace_places - note.grace_rank) as f64;
        } else if note.grace_rank > 0 {
            let before = onsets.partition_point(|onset| *onset < note.onset_quarters - SAME_PLACE_QUARTERS);
            let room =
                before.checked_sub(1).map_or(note.onset_quarters, |idx| note.onset_quarters - onsets[idx]);
            let wished = GRACE_SECS / tempo.period_secs(note.onset_quarters);
            let length = wished.min(room / 2.0 / note.grace_places.max(1) as f64);
            note.duration_quarters = length;
            note.onset_quarters -= length * note.grace_rank as f64;
        }
        let is_written_out = note.ornament.is_some() && is_written_out(&note, &hidden);
        let ornament = note.ornament.filter(|_| note.grace_rank == 0 && !is_written_out);
        let plain = vec![(0, note.onset_quarters, note.duration_quarters)];
        let sounding = ornament.map_or(plain, |ornament: Ornament| {
            marks = marks.with(Mark::Ornament).without(Mark::Staccato);
            ornament.realize(&note, tempo.period_secs(note.onset_quarters))
        });
        for (semitones, onset_quarters, duration_quarters) in sounding {
            let pitch = u8::try_from(i32::from(note.pitch.get()) + semitones).ok();
            let (Some(Ok(pitch)), Ok(velocity)) = (pitch.map(Pitch::new), Velocity::new(level)) else {
                continue;
            };
            let voice = note.voice;
            played.push(NewNote { pitch, onset_quarters, duration_quarters, velocity, voice, marks });
        }
    }
    played
}

/// Whether hidden notes within the note, three or more within two semitones, already say what its sign sounds like.
fn is_written_out(note: &WrittenNote, hidden: &[(f64, i32)]) -> bool {
    let end = note.onset_quarters + note.duration_quarters;
    let from = hidden.partition_point(|other| other.0 < note.onset_quarters - SAME_PLACE_QUARTERS);
    let within = hidden[from..].iter().take(MAX_SHAKE).take_while(|other| other.0 < end);
    // Three decide.
    within.filter(|other| (other.1 - i32::from(note.pitch.get())).abs() <= 2).nth(2).is_some()
}

fn tempo(direction: &(f64, Direction)) -> Option<TempoMark> {
    let &(onset_quarters, Direction::Tempo(quarters_per_minute)) = direction else { return None };
    Some(TempoMark { onset_quarters, quarters_per_minute })
}

fn pedals(directions: &[(f64, Direction)]) -> Vec<Span> {
    let (mut pedals, mut down) = (Vec::new(), None);
    for &(place, direction) in directions {
        if matches!(direction, Direction::PedalUp | Direction::PedalChange) {
            let span = down.take().map(|start_quarters| Span { start_quarters, end_quarters: place });
            pedals.extend(span.filter(|span| span.end_quarters > span.start_quarters));
        }
        if matches!(direction, Direction::PedalDown | Direction::PedalChange) {
            down = down.or(Some(place));
        }
    }
    pedals
}

fn left_out(parts: &[Part], directions: &[Vec<(f64, Direction)>]) -> Vec<String> {
    let mut sentences = Vec::new();
    let unpitched: usize = parts.iter().map(|part| part.unpitched_notes).sum();
    if unpitched > 0 {
        sentences.push(format!("percussion is left out ({unpitched} notes)"));
    }
    let misplaced: usize = parts.iter().map(|part| part.misplaced_notes).sum();
    if misplaced > 0 {
        sentences.push(format!("notes outside their bar are left out ({misplaced})"));
    }
    let words =
        directions.iter().flatten().filter(|(_, direction)| *direction == Direction::TempoWords).count();
    if words > 0 {
        sentences.push(format!("gradual changes of tempo (rit., accel.) are left to the renderer ({words})"));
    }
    if parts.len() > 1 {
        sentences.push(format!("all {} parts are played on one piano", parts.len()));
    }
    sentences
}
