//! Files made after public bug reports, with what is right: `reports/cases.csv` of the shared data.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::fs;
use std::path::Path;

use performance::midi;

/// What the expectations say in words: a case, and what the text about the file has to have.
const SAID: [(&str, &str); 8] = [
    ("w01", "values above 127"),
    ("w07", "without a length"),
    ("w11", "pedal applied"),
    ("w17", "drums left out (32 notes)"),
    ("w19", "13 tracks merged"),
    ("w22", "2 files in one"),
    ("w26", "it is a web page, so the download failed"),
    ("w33", ""),
];

#[test]
fn every_report_about_a_midi_file_is_answered() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/reports");
    if !reports.is_dir() {
        eprintln!("skipped: {} is not there", reports.display());
        return;
    }
    let cases = fs::read_to_string(reports.join("cases.csv")).unwrap();
    let mut n_cases = 0;
    for case in cases.lines().skip(1).map(cells).filter(|case| case[5] == "import" || case[0] == "w19") {
        let (id, expected) = (&case[0], &case[4]);
        let outcome = Outcome::of(&fs::read(reports.join(&case[1])).unwrap());
        let notes = numbers_before(expected, "notes");
        assert_eq!(notes.is_empty(), outcome.notes.is_none(), "{id}: {}", outcome.text);
        if let Some(found) = outcome.notes {
            assert!(notes.contains(&(found as f64)), "{id}: expected {expected}, found {found} notes");
            let secs = numbers_before(expected, "s");
            let is_near = |secs: &f64| (secs - outcome.secs).abs() < 0.05;
            assert!(secs.is_empty() || secs.iter().any(is_near), "{id}: {expected}: {} s", outcome.secs);
        }
        let said = SAID.iter().find(|(case, _)| case == id).map_or("", |(_, said)| said);
        assert!(outcome.text.contains(said), "{id}: expected {said:?}, found {:?}", outcome.text);
        n_cases += 1;
    }
    assert_eq!(n_cases, 10);
}

/// A release that comes a tick after the next strike leaves no note short.
#[test]
fn repeated_legato_notes_keep_their_length() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/reports");
    let Ok(bytes) = fs::read(reports.join("inputs/w33_repeated_legato.mid")) else {
        eprintln!("skipped: {} is not there", reports.display());
        return;
    };
    for note in midi::read(&bytes).unwrap().performance.notes() {
        assert!((490_000..=510_000).contains(&(note.end_us - note.start_us)), "{note:?}");
    }
}

struct Outcome {
    /// None if it was refused.
    notes: Option<usize>,
    secs: f64,
    text: String,
}

impl Outcome {
    fn of(bytes: &[u8]) -> Self {
        match midi::read(bytes) {
            Ok(import) => Self {
                notes: Some(import.performance.notes().len()),
                secs: import.performance.duration_us() as f64 / 1e6,
                text: format!("{}; {:?}", import.report, sentences(&import.report.dropped)),
            },
            Err(err) => Self { notes: None, secs: 0.0, text: err.to_string() },
        }
    }
}

fn sentences(dropped: &[midi::Dropped]) -> Vec<String> {
    dropped.iter().map(ToString::to_string).collect()
}

/// The numbers that stand before a word: of "8 notes; or 16 notes, 8.0 s", 8 and 16 before `notes`.
fn numbers_before(text: &str, word: &str) -> Vec<f64> {
    let words: Vec<&str> = text.split([' ', ',', ';', '(']).filter(|word| !word.is_empty()).collect();
    // "or 44 and a remark with the number of notes": a number alone after "or" counts, too.
    let is_named = |pair: &[&str]| pair[1].trim_end_matches('.') == word;
    let is_other = |pair: &[&str]| word == "notes" && pair[0].parse::<u32>().is_ok() && pair[1] == "and";
    let pairs = words.windows(2).filter(|pair| is_named(pair) || is_other(pair));
    pairs.filter_map(|pair| pair[0].parse().ok()).collect()
}

/// The cells of a line of CSV, in which quotes keep commas together.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            _ => cells.last_mut().unwrap().push(letter),
        }
    }
    cells
}
