//! MusicXML of the shared data: every file is read or refused with a sentence, and has the notes of its MIDI score.
//!
//! The snapshot has a line per file. `UPDATE_EXPECT=1` refreshes it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use expect_test::expect_file;
use performance::score::Score;

use crate::data;

/// Notes of one pitch are the same if they lie within so many quarters.
const REACH_QUARTERS: f64 = 0.26;

#[test]
fn every_score_is_read_and_has_the_notes_of_its_midi() {
    let Some(folder) = data::folder() else { return };
    let mut report = String::new();
    let (mut shares, mut read) = (Vec::new(), 0);
    let files = data::files(&folder, "musicxml");
    for file in &files {
        let name = data::stem(file);
        let score = match Score::read(&fs::read(file).unwrap()) {
            Ok(score) => score,
            Err(error) => {
                writeln!(report, "{name}: REFUSED {error}").unwrap();
                continue;
            }
        };
        read += 1;
        let midi = Score::read(&fs::read(folder.join("score").join(name.clone() + ".mid")).unwrap()).unwrap();
        let (found, [n_musicxml, n_midi]) =
            (in_both(&score, &midi), [&score, &midi].map(|s| s.notes().len()));
        let share = found as f64 / n_midi.max(n_musicxml) as f64;
        shares.push(share);
        write!(report, "{name}: {n_musicxml} notes, MIDI {n_midi}, in both {:.1} %", 100.0 * share).unwrap();
        writeln!(report, "; {:.1} quarters, MIDI {:.1}", score.end_quarters(), midi.end_quarters()).unwrap();
    }
    shares.sort_by(f64::total_cmp);
    let above = |limit: f64| shares.iter().filter(|share| **share >= limit).count();
    let summary = format!(
        "{} files, {read} read; {} with 99 % of their notes in the MIDI score and the other way round, {} with 95 %, {} with 90 %; median {:.2} %\n",
        files.len(),
        above(0.99),
        above(0.95),
        above(0.9),
        100.0 * shares[shares.len() / 2]
    );
    print!("{summary}");
    expect_file!["musicxml.txt"].assert_eq(&(summary + &report));
}

/// How many notes of one have a note of the other.
fn in_both(one: &Score, other: &Score) -> usize {
    let mut by_pitch: BTreeMap<_, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for note in one.notes() {
        by_pitch.entry(note.pitch).or_default().0.push(note.onset_quarters);
    }
    for note in other.notes() {
        by_pitch.entry(note.pitch).or_default().1.push(note.onset_quarters);
    }
    let mut n = 0;
    for (one, other) in by_pitch.values() {
        let (mut i, mut j) = (0, 0);
        while i < one.len() && j < other.len() {
            if (one[i] - other[j]).abs() <= REACH_QUARTERS {
                (i, j, n) = (i + 1, j + 1, n + 1);
            } else if one[i] < other[j] {
                i += 1;
            } else {
                j += 1;
            }
        }
    }
    n
}
