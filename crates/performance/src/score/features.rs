//! What of a score the ridge renderer sees: about 130 numbers for each note, up to 32 quarters around it.

use super::builder::{NewNote, Score};
use super::note::{Mark, ScoreNote};
use super::numbers::mean;
use super::rules::{CHARGE, Harmony, Rules};
use super::window::Windows;

/// Neighborhoods, in quarters, before and after a note.
const WINDOWS_QUARTERS: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
/// A time without anything to play longer than this is a rest.
const REST_QUARTERS: f64 = 0.2;

/// Features of every note of a score, each with mean 0 over the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    names: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Features {
    /// The features of a score.
    #[must_use]
    pub fn of(score: &Score) -> Self {
        let context = Context::new(score);
        let mut names = Vec::new();
        let mut rows = Vec::with_capacity(score.notes().len());
        for idx in 0..score.notes().len() {
            let mut row =
                Row { names: Vec::new(), values: Vec::with_capacity(160), is_named: names.is_empty() };
            context.note(idx, &mut row);
            context.time(idx, &mut row);
            context.neighborhood(idx, &mut row);
            if row.is_named {
                names = row.names;
            }
            rows.push(row.values);
        }
        for column in 0..names.len() {
            let mean = mean(&rows.iter().map(|row| row[column]).collect::<Vec<_>>());
            for row in &mut rows {
                row[column] -= mean;
            }
        }
        Self { names, rows }
    }

    /// The names of all features, which are the same for every score.
    pub(super) fn names_of_all() -> Vec<String> {
        let note = crate::Pitch::new(60).ok().map(|pitch| NewNote::new(pitch, 0.0, 1.0));
        Score::builder().notes(note).build().map_or_else(|_| Vec::new(), |score| Self::of(&score).names)
    }

    /// What they are, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The mean of a chord's rows.
    pub(super) fn chord_row(&self, score: &Score, chord: usize) -> Vec<f64> {
        let notes = score.chords()[chord].notes.clone();
        let n = notes.len() as f64;
        let mut sum = vec![0.0; self.names.len()];
        for idx in notes {
            for (sum, value) in sum.iter_mut().zip(&self.rows[idx]) {
                *sum += value / n;
            }
        }
        sum
    }

    /// A row for each note of the score.
    #[must_use]
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }
}

struct Row {
    names: Vec<String>,
    values: Vec<f64>,
    is_named: bool,
}

impl Row {
    fn push(&mut self, name: &str, value: f64) {
        if self.is_named {
            self.names.push(name.to_owned());
        }
        self.values.push(if value.is_finite() { value.clamp(-8.0, 8.0) } else { 0.0 });
    }

    fn push_window(&mut self, name: &str, quarters: f64, side: &str, value: f64) {
        if self.is_named {
            self.names.push(format!("{name}, {quarters} quarters {side}"));
        }
        self.values.push(if value.is_finite() { value.clamp(-8.0, 8.0) } else { 0.0 });
    }
}

struct Context<'a> {
    score: &'a Score,
    mean_velocity: f64,
    rules: Vec<[f64; 3]>,
    arches: Vec<[f64; 3]>,
    harmony: Harmony,
    /// Pitch, velocity and log2 length of notes; top pitch of chords.
    pitch: Windows,
    velocity: Windows,
    length: Windows,
    top: Windows,
    /// By chord: quarters since the last rest and until the next.
    since_rest: Vec<f64>,
    until_rest: Vec<f64>,
}

impl<'a> Context<'a> {
    fn new(score: &'a Score) -> Self {
        let notes = score.notes();
        let windows = |value: &dyn Fn(&ScoreNote) -> f64| {
            Windows::new(notes.iter().map(|note| (note.onset_quarters, value(note))))
        };
        let chords = score.chords();
        let top = |chord: &super::note::Chord| f64::from(notes[chord.notes.end - 1].pitch.get());
        let (since_rest, until_rest) = rests(score);
        Self {
            score,
            mean_velocity: mean(&notes.iter().map(|note| f64::from(note.velocity.get())).collect::<Vec<_>>()),
            rules: Rules::default().features(score),
            arches: Rules::only_arches().features(score),
            harmony: Harmony::new(score),
            pitch: windows(&|note| f64::from(note.pitch.get())),
            velocity: windows(&|note| f64::from(note.velocity.get())),
            length: windows(&|note| note.duration_quarters.log2()),
            top: Windows::new(chords.iter().map(|chord| (chord.onset_quarters, top(chord)))),
            since_rest,
            until_rest,
        }
    }

    /// The note, its chord, and what is written at it.
    fn note(&self, idx: usize, row: &mut Row) {
        let note = &self.score.notes()[idx];
        let chord = &self.score.chords()[note.chord];
        let notes = &self.score.notes()[chord.notes.clone()];
        let pitch = f64::from(note.pitch.get());
        let [bottom, top] = [&notes[0], &notes[notes.len() - 1]].map(|note| f64::from(note.pitch.get()));
        let rank = (idx - chord.notes.start) as f64;
        let n = notes.len() as f64;
        let is = |condition: bool| f64::from(u8::from(condition));
        row.push("pitch", (pitch - 64.0) / 12.0);
        row.push("pitch squared", ((pitch - 64.0) / 12.0).powi(2));
        row.push("low pitch", ((52.0 - pitch) / 12.0).max(0.0));
        row.push("high pitch", ((pitch - 76.0) / 12.0).max(0.0));
        row.push("top of several", is(pitch == top && n > 1.0));
        row.push("bottom of several", is(pitch == bottom && n > 1.0));
        row.push("inner", is(pitch < top && pitch > bottom));
        row.push("chord size", n.log2());
        row.push("rank in chord", if n > 1.0 { rank / (n - 1.0) } else { 0.5 });
        row.push("below top", (top - pitch) / 12.0);
        row.push("above bottom", (pitch - bottom) / 12.0);
        row.push("interval below", self.interval(chord.notes.start, idx.checked_sub(1), pitch));
        row.push("velocity", (f64::from(note.velocity.get()) - self.mean_velocity) / 16.0);
        row.push("velocity in chord", {
            let mean = mean(&notes.iter().map(|note| f64::from(note.velocity.get())).collect::<Vec<_>>());
            (f64::from(note.velocity.get()) - mean) / 16.0
        });
        for (mark, name) in [
            (Mark::Staccato, "staccato"),
            (Mark::Tenuto, "tenuto"),
            (Mark::Accent, "accent"),
            (Mark::StrongAccent, "strong accent"),
            (Mark::Fermata, "fermata"),
            (Mark::Slurred, "slurred"),
            (Mark::Grace, "grace"),
            (Mark::Arpeggio, "arpeggio"),
            (Mark::Ornament, "ornament"),
        ] {
            row.push(name, is(note.marks.contains(mark)));
        }
        row.push("first voice", is(note.voice == self.score.notes()[chord.notes.end - 1].voice));
        let class = note.pitch.index() % 12;
        let bass = notes[0].pitch.index() % 12;
        let names = ["1", "b2", "2", "b3", "3", "4", "b5", "5", "b6", "6", "b7", "7"];
        for (semitones, name) in names.iter().enumerate().skip(1) {
            row.push(&format!("{name} over bass"), is((class + 12 - bass) % 12 == semitones));
        }
        let tonic = self.harmony.tonic[note.chord];
        row.push("charge in key", CHARGE[(class + 12 - tonic) % 12]);
        row.push("tonic", is(class == tonic));
        row.push("leading", is((class + 1) % 12 == tonic));
        row.push(
            "charge in chord",
            self.harmony.root[note.chord].map_or(0.0, |root| CHARGE[(class + 12 - root) % 12]),
        );
        row.push("bass charge in key", CHARGE[(bass + 12 - tonic) % 12]);
        row.push("unsure chord", is(self.harmony.root[note.chord].is_none()));
        let semitones =
            notes.windows(2).filter(|pair| pair[1].pitch.get() - pair[0].pitch.get() <= 2).count();
        row.push("close notes", semitones as f64);
        let rules = self.rules[idx];
        row.push("rules' loudness", rules[0] / 4.0);
        row.push("rules' lengthening", rules[1] * 8.0);
        row.push("rules' gap", rules[2]);
        row.push("arches' loudness", self.arches[idx][0]);
        row.push("arches' lengthening", self.arches[idx][1] * 8.0);
    }

    fn interval(&self, chord_start: usize, below: Option<usize>, pitch: f64) -> f64 {
        let below = below.filter(|below| *below >= chord_start);
        below.map_or(0.0, |below| (pitch - f64::from(self.score.notes()[below].pitch.get())) / 12.0)
    }

    /// When it comes: lengths, meter, rests, beginning and end.
    fn time(&self, idx: usize, row: &mut Row) {
        let score = self.score;
        let note = &score.notes()[idx];
        let chords = score.chords();
        let onset = note.onset_quarters;
        let gap = |from: Option<usize>, to: Option<usize>| {
            let place = |idx: Option<usize>| Some(chords.get(idx?)?.onset_quarters);
            place(from).zip(place(to)).map_or(0.0, |(from, to)| (to - from).max(1e-3).log2())
        };
        let [last, here, next] = [note.chord.checked_sub(1), Some(note.chord), Some(note.chord + 1)];
        let (before, after) = (gap(last, here), gap(here, next));
        let length = note.duration_quarters.log2();
        let period = score.tempo().period_secs(onset);
        row.push("length", length);
        row.push("length squared", length.powi(2) / 4.0);
        row.push("gap before", before);
        row.push("gap after", after);
        row.push("gap changes", after - before);
        row.push("gap before last", gap(note.chord.checked_sub(2), last));
        row.push("gap after next", gap(next, Some(note.chord + 2)));
        row.push("overlap", length - after);
        row.push("written seconds", (note.duration_quarters * period).log2());
        row.push("gap's seconds", after + period.log2());
        row.push("short gap", (-1.0 - after).max(0.0));
        row.push("long gap", after.max(0.0));
        row.push("tempo changes", {
            let before = score.tempo().period_secs(onset - 4.0);
            (period / before).log2()
        });
        let pitch_at = |idx: Option<usize>| {
            let chord = chords.get(idx?)?;
            Some(f64::from(score.notes()[chord.notes.end - 1].pitch.get()))
        };
        let top = pitch_at(here).unwrap_or(64.0);
        let [from, to] = [last, next].map(|chord| pitch_at(chord).map_or(0.0, |pitch| (top - pitch) / 12.0));
        row.push("top from last", from);
        row.push("top to next", to);
        row.push("leap from last", from.abs());
        row.push("leap to next", to.abs());
        row.push("peak of top", from.min(to).max(0.0));
        let has_pitch = |chord: Option<usize>| {
            let notes =
                chord.and_then(|chord| chords.get(chord)).map(|chord| &score.notes()[chord.notes.clone()]);
            f64::from(u8::from(
                notes.is_some_and(|notes| notes.iter().any(|other| other.pitch == note.pitch)),
            ))
        };
        row.push("repeats", has_pitch(last));
        row.push("is repeated", has_pitch(next));
        let nearest = |chord: Option<usize>| {
            let notes =
                chord.and_then(|chord| chords.get(chord)).map(|chord| &score.notes()[chord.notes.clone()]);
            let pitch = f64::from(note.pitch.get());
            let distances = notes.into_iter().flatten().map(|other| f64::from(other.pitch.get()) - pitch);
            distances.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0) / 12.0
        };
        row.push("nearest of last", nearest(last));
        row.push("nearest of next", nearest(next));

        let (bar, place) = score.place_in_bar(onset);
        let (beat, length) = (bar.beat_quarters(), bar.length_quarters());
        let within = place % beat;
        let is_on = |part: f64| within.min(beat - within) < 1e-3 || ((within / beat) - part).abs() < 1e-3;
        let is = |condition: bool| f64::from(u8::from(condition));
        let is_on_beat = is_on(0.0);
        row.push("downbeat", is(place < 1e-3));
        row.push("beat", is(is_on_beat));
        row.push("half beat", is(!is_on_beat && is_on(0.5)));
        row.push("middle of bar", is((place - length / 2.0).abs() < 1e-3));
        row.push("last beat", is(is_on_beat && length - place <= beat + 1e-3));
        let angle = std::f64::consts::TAU * place / length;
        row.push("bar, sine", angle.sin());
        row.push("bar, cosine", angle.cos());
        row.push("bar, double sine", (2.0 * angle).sin());
        row.push("bar, double cosine", (2.0 * angle).cos());

        let end = score.end_quarters();
        let part = onset / end.max(1e-3);
        row.push("part", part);
        row.push("part squared", part.powi(2));
        row.push("start", (-onset / 2.0).exp());
        row.push("early", (-onset / 8.0).exp());
        for quarters in [1.0, 4.0, 16.0] {
            let to_end = chords[chords.len() - 1].onset_quarters - onset;
            row.push_window("nearness of the end", quarters, "off", (-to_end / quarters).exp());
        }
        let (since, until) = (self.since_rest[note.chord], self.until_rest[note.chord]);
        row.push("after a rest", (-since).exp());
        row.push("since a rest", (1.0 + since.min(64.0)).log2());
        row.push("before a rest", (-until).exp());
        row.push("until a rest", (1.0 + until.min(64.0)).log2());
    }

    /// What is around it.
    fn neighborhood(&self, idx: usize, row: &mut Row) {
        let note = &self.score.notes()[idx];
        let onset = note.onset_quarters;
        let pitch = f64::from(note.pitch.get());
        let velocity = f64::from(note.velocity.get());
        let length = note.duration_quarters.log2();
        for quarters in WINDOWS_QUARTERS {
            for (side, start, end) in
                [("before", onset - quarters, onset), ("after", onset + 1e-3, onset + quarters)]
            {
                let density = (1.0 + self.pitch.sum(start, end).0 / quarters).log2();
                row.push_window("density", quarters, side, density);
                row.push_window("pitch", quarters, side, (pitch - self.pitch.mean(start, end, pitch)) / 12.0);
                row.push_window(
                    "velocity",
                    quarters,
                    side,
                    (velocity - self.velocity.mean(start, end, velocity)) / 16.0,
                );
                row.push_window("length", quarters, side, length - self.length.mean(start, end, length));
                if quarters >= 2.0 {
                    row.push_window("top", quarters, side, (pitch - self.top.mean(start, end, pitch)) / 12.0);
                }
            }
        }
        let around = |quarters: f64| self.pitch.sum(onset - quarters, onset + quarters).0 / quarters;
        row.push("density rises", ((1.0 + around(1.0)) / (1.0 + around(16.0))).log2());
        let line = |quarters: f64| {
            let pitch = |start, end| self.top.mean(start, end, 64.0);
            (pitch(onset, onset + quarters) - pitch(onset - quarters, onset)) / 12.0
        };
        row.push("line rises, short", line(2.0));
        row.push("line rises, long", line(8.0));
        let level = |quarters: f64| {
            let velocity = |start, end| self.velocity.mean(start, end, velocity);
            (velocity(onset, onset + quarters) - velocity(onset - quarters, onset)) / 16.0
        };
        row.push("velocity rises", level(4.0));
    }
}

/// Quarters since the last rest and until the next, by chord; a rest is a place where nothing is held.
fn rests(score: &Score) -> (Vec<f64>, Vec<f64>) {
    let chords = score.chords();
    let mut rest_before = vec![false; chords.len()];
    let mut sounding_until: f64 = 0.0;
    for (idx, chord) in chords.iter().enumerate() {
        rest_before[idx] = idx == 0 || chord.onset_quarters - sounding_until > REST_QUARTERS;
        let ends = score.notes()[chord.notes.clone()]
            .iter()
            .map(|note| note.onset_quarters + note.duration_quarters);
        sounding_until = ends.fold(sounding_until, f64::max);
    }
    let (mut since, mut until) = (vec![0.0; chords.len()], vec![0.0; chords.len()]);
    let mut last = 0.0;
    for (idx, chord) in chords.iter().enumerate() {
        last = if rest_before[idx] { chord.onset_quarters } else { last };
        since[idx] = chord.onset_quarters - last;
    }
    let mut next = score.end_quarters();
    for (idx, chord) in chords.iter().enumerate().rev() {
        until[idx] = (next - chord.onset_quarters).max(0.0);
        next = if rest_before[idx] { chord.onset_quarters } else { next };
    }
    (since, until)
}
