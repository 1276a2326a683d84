//! Whether a tune comes back: the share of a melody that was heard before, note for note, in any key.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};

use super::Excerpt;
use crate::Note;

/// Onsets this close to the first of a group are one chord, and its highest note is the top line's. Larger
/// takes fast runs for chords.
const CHORD_US: u64 = 40_000;
/// Length of a repetition, in intervals. Larger misses short themes, smaller counts scales and cadences.
pub(super) const RUN: usize = 8;
/// A run with fewer different intervals is a scale, a trill or a repeated chord.
const LEAST_DIFFERENT: usize = 3;

/// The notes of an excerpt as one line of pitches.
///
/// ```
/// use performance::statistics::{Excerpt, Lag, Line, recurrence};
/// use performance::{Note, Performance, Pitch, Velocity};
/// // A tune of nine notes, the same a fifth higher 20 seconds later, and 20 seconds later as it was.
/// let tune = [60, 64, 62, 67, 65, 60, 72, 71, 69];
/// let mut notes = Vec::new();
/// for (start_us, key) in [(0, 0), (20_000_000, 7), (40_000_000, 0)] {
///     for (i, pitch) in (0..).zip(tune) {
///         let (pitch, velocity) = (Pitch::new(pitch + key)?, Velocity::new(64)?);
///         let start_us = start_us + i * 500_000;
///         notes.push(Note { pitch, velocity, start_us, end_us: start_us + 400_000 });
///     }
/// }
/// let line = Line::top(&Excerpt::whole(&Performance::new(notes)));
/// // All is repeated but the step from the second to the third.
/// assert_eq!(recurrence(&line, &line, Lag::FAR).and_then(|found| found.share()), Some(16.0 / 17.0));
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// When each note begins, in microseconds.
    pub(super) onsets_us: Vec<u64>,
    pub(super) pitches: Vec<u8>,
}

impl Line {
    /// The highest note of each group of onsets within 40 ms: what a listener takes for the tune.
    #[must_use]
    pub fn top(excerpt: &Excerpt) -> Self {
        let mut line = Self::default();
        for note in excerpt.notes() {
            match (line.onsets_us.last(), line.pitches.last_mut()) {
                (Some(&first_us), Some(highest)) if note.start_us - first_us <= CHORD_US => {
                    *highest = note.pitch.get().max(*highest);
                }
                _ => line.push(note),
            }
        }
        line
    }

    /// All notes in the order in which they are struck, those of a chord from low to high.
    #[must_use]
    pub fn strikes(excerpt: &Excerpt) -> Self {
        let mut line = Self::default();
        excerpt.notes().iter().for_each(|note| line.push(note));
        line
    }

    /// The notes before a time.
    #[must_use]
    pub fn until(&self, end_us: u64) -> Self {
        let n = self.onsets_us.partition_point(|&onset_us| onset_us < end_us);
        Self { onsets_us: self.onsets_us[..n].to_vec(), pitches: self.pitches[..n].to_vec() }
    }

    fn push(&mut self, note: &Note) {
        self.onsets_us.push(note.start_us);
        self.pitches.push(note.pitch.get());
    }

    /// From each note to the next, in semitones.
    pub(super) fn intervals(&self) -> Vec<i16> {
        self.pitches.windows(2).map(|pair| i16::from(pair[1]) - i16::from(pair[0])).collect()
    }
}

/// How long ago something was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    least_us: u64,
    most_us: u64,
}

impl Lag {
    /// 10 to 120 seconds: a theme that comes back.
    pub const FAR: Self = Self { least_us: 10_000_000, most_us: 120_000_000 };
    /// 1 to 10 seconds: a phrase said twice.
    pub const NEAR: Self = Self { least_us: 1_000_000, most_us: 10_000_000 };

    /// Between two numbers of seconds.
    #[must_use]
    pub fn of_secs(range: RangeInclusive<u64>) -> Self {
        let us = |secs: u64| secs.saturating_mul(1_000_000);
        Self { least_us: us(*range.start()), most_us: us(*range.end()) }
    }

    pub(super) fn contains(self, from_us: u64, to_us: u64) -> bool {
        to_us.checked_sub(from_us).is_some_and(|lag_us| (self.least_us..=self.most_us).contains(&lag_us))
    }
}

/// Where a line repeats what was heard before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    steps: Vec<Step>,
}

/// An interval of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    onset_us: u64,
    /// Whether anything could have been heard long enough before.
    is_eligible: bool,
    /// When it was, if it is repeated.
    heard_us: Option<u64>,
}

/// Finds the steps of a line that lie in runs of eight equal intervals which `past` had a `lag` before;
/// none for a line of fewer than 24 notes, which says too little.
///
/// A run counts if it has three different intervals at least and if half of them at most are repeated
/// notes. `past` is the line itself, or, to see what scales and cadences have in common anyway, another
/// piece's.
#[must_use]
pub fn recurrence(line: &Line, past: &Line, lag: Lag) -> Option<Recurrence> {
    if line.pitches.len() < 3 * RUN {
        return None;
    }
    let intervals = line.intervals();
    let past_intervals = past.intervals();
    let mut heard: HashMap<&[i16], Vec<usize>> = HashMap::new();
    for (place, run) in past_intervals.windows(RUN).enumerate() {
        heard.entry(run).or_default().push(place);
    }
    let step = |&onset_us| Step { onset_us, is_eligible: false, heard_us: None };
    let mut steps: Vec<Step> = line.onsets_us[..intervals.len()].iter().map(step).collect();
    for (first, run) in intervals.windows(RUN).enumerate() {
        let onset_us = line.onsets_us[first];
        if onset_us < lag.least_us {
            continue;
        }
        let places = heard.get(run).filter(|_| is_tune(run));
        let is_long_ago = |place: &&usize| lag.contains(past.onsets_us[**place], onset_us);
        let place = places.and_then(|places| places.iter().find(is_long_ago));
        for (i, step) in steps[first..first + RUN].iter_mut().enumerate() {
            step.is_eligible = true;
            step.heard_us = step.heard_us.or(place.map(|place| past.onsets_us[place + i]));
        }
    }
    Some(Recurrence { steps })
}

/// Whether a run is more than a scale, a trill or a repeated chord.
pub(super) fn is_tune(run: &[i16]) -> bool {
    let is_new = |&(place, interval): &(usize, &i16)| !run[..place].contains(interval);
    let n_different = run.iter().enumerate().filter(is_new).count();
    let n_repeated_notes = run.iter().filter(|&&interval| interval == 0).count();
    n_different >= LEAST_DIFFERENT && 2 * n_repeated_notes <= run.len()
}

impl Recurrence {
    /// The part of the steps that is repeated, 0 to 1; none if nothing could be.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.share_within(0..u64::MAX)
    }

    /// The same of the steps that begin within a stretch of time, in microseconds.
    #[must_use]
    pub fn share_within(&self, range_us: Range<u64>) -> Option<f64> {
        let within =
            || self.steps.iter().filter(|step| step.is_eligible && range_us.contains(&step.onset_us));
        let n_eligible = within().count();
        let n_repeated = within().filter(|step| step.heard_us.is_some()).count();
        (n_eligible > 0).then(|| n_repeated as f64 / n_eligible as f64)
    }

    /// The stretches of time in which everything is repeated, to be marked in a picture.
    #[must_use]
    pub fn repeats(&self) -> Vec<Repeat> {
        let goes_on = |a: &Step, b: &Step| match (a.heard_us, b.heard_us) {
            (Some(before_us), Some(heard_us)) => before_us < heard_us,
            (before, heard) => before == heard,
        };
        let repeat = |steps: &[Step]| {
            let (first, last) = (steps.first()?, steps.last()?);
            Some(Repeat { at_us: first.onset_us..last.onset_us, heard_us: first.heard_us?..last.heard_us? })
        };
        self.steps.chunk_by(goes_on).filter_map(repeat).collect()
    }
}

/// A stretch in which everything is repeated, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// When it comes back.
    pub at_us: Range<u64>,
    /// When it was heard.
    pub heard_us: Range<u64>,
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::notation::performance;

    const TUNE: [u8; 9] = [60, 64, 62, 67, 65, 60, 72, 71, 69];

    /// Notes of half a second each, from a time in seconds, in a key.
    fn notes(tune: &[u8], from_secs: usize, key: u8) -> String {
        let note = |(i, pitch): (usize, &u8)| {
            let start_ms = 1000 * from_secs + 480 * i;
            format!("{}/64 {start_ms}..{}, ", pitch + key, start_ms + 400)
        };
        tune.iter().enumerate().map(note).collect()
    }

    fn top(text: &str) -> Line {
        Line::top(&Excerpt::whole(&performance(text)))
    }

    #[track_caller]
    fn check(text: &str, lag: Lag, expected: Expect) {
        let line = top(text);
        let times = |repeat: Repeat| (repeat.at_us, repeat.heard_us);
        let found = recurrence(&line, &line, lag)
            .map(|found| (found.share(), found.repeats().into_iter().map(times).collect::<Vec<_>>()));
        expected.assert_eq(&format!("{found:?}"));
    }

    #[test]
    fn a_tune_that_comes_back_is_found() {
        let other = [50, 53, 57, 51, 50, 58, 54, 56, 62];
        let middle = notes(&other, 8, 0);
        let tune = |from_secs, key| notes(&TUNE, from_secs, key);
        let all = |last: String| format!("{}{middle}{last}", tune(0, 0));
        for key in [0, 5] {
            let found = expect!["Some((Some(0.6666666666666666), [(20000000..23360000, 0..3360000)]))"];
            check(&all(tune(20, key)), Lag::FAR, found);
        }
        check(&all(tune(20, 0)), Lag::NEAR, expect!["Some((Some(0.0), []))"]);
        check(&all(tune(130, 0)), Lag::FAR, expect!["Some((Some(0.0), []))"]);
        // One note is another.
        let mut wrong = TUNE;
        wrong[4] += 1;
        check(&all(notes(&wrong, 20, 0)), Lag::FAR, expect!["Some((Some(0.0), []))"]);
        check(&tune(0, 0), Lag::FAR, expect!["None"]);
    }

    #[test]
    fn scales_and_trills_are_no_tunes() {
        let scale: Vec<u8> = (60..70).collect();
        let trill: Vec<u8> = (0..10).map(|i| 60 + i % 2).collect();
        let chord = [60, 60, 60, 60, 62, 62, 64, 64, 64, 64];
        for tune in [&scale[..], &trill, &chord] {
            let text: String = (0..3).map(|i| notes(tune, 15 * i, 0)).collect();
            check(&text, Lag::FAR, expect!["Some((Some(0.0), []))"]);
        }
    }

    #[test]
    fn a_chord_is_its_highest_note() {
        let line = top("60/64 0..400, 72/64 16..400, 64/64 40..400, 65/64 48..400");
        assert_eq!(line, Line { onsets_us: vec![0, 48_000], pitches: vec![72, 65] });
        let strikes = Line::strikes(&Excerpt::whole(&performance("64/64 0..80, 60/64 0..80, 62/64 8..80")));
        assert_eq!(strikes.pitches, [60, 64, 62]);
        assert_eq!(strikes.until(8_000).pitches, [60, 64]);
        assert_eq!(strikes.until(0), Line::default());
    }

    #[test]
    fn minutes_are_told_apart() {
        let text: String = [0, 30, 70].map(|secs| notes(&TUNE, secs, 0)).concat();
        let line = top(&text);
        let found = recurrence(&line, &line, Lag::of_secs(60..=90)).unwrap();
        assert_eq!(found.share_within(0..60_000_000), None, "nothing is old enough");
        assert_eq!(found.share_within(60_000_000..120_000_000), Some(1.0));
        assert_eq!(recurrence(&line, &Line::default(), Lag::FAR).unwrap().share(), Some(0.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The definition, word by word.
        #[test]
        fn it_is_as_good_as_looking_everywhere(
            notes in prop::collection::vec((0_u64..4, 60_u8..63), 24..80),
            past in prop::collection::vec((0_u64..4, 60_u8..63), 0..80),
        ) {
            let line = |notes: &[(u64, u8)]| {
                let mut line = Line::default();
                let mut now_us = 0;
                for &(secs, pitch) in notes {
                    now_us += 1_000_000 * secs;
                    line.onsets_us.push(now_us);
                    line.pitches.push(pitch);
                }
                line
            };
            let (line, past) = (line(&notes), line(&past));
            let (a, b) = (line.intervals(), past.intervals());
            let starts = |intervals: &[i16]| 0..(intervals.len() + 1).saturating_sub(RUN);
            let is_run = |i: usize| starts(&b).any(|j| {
                a[i..i + RUN] == b[j..j + RUN]
                    && is_tune(&a[i..i + RUN])
                    && line.onsets_us[i] >= past.onsets_us[j] + Lag::FAR.least_us
                    && line.onsets_us[i] <= past.onsets_us[j] + Lag::FAR.most_us
            });
            let covers = |i: usize, step: usize| (i..i + RUN).contains(&step);
            let repeated = (0..a.len()).filter(|&step| starts(&a).any(|i| covers(i, step) && is_run(i))).count();
            let found = recurrence(&line, &past, Lag::FAR).unwrap();
            prop_assert_eq!(found.steps.iter().filter(|step| step.heard_us.is_some()).count(), repeated);
        }
    }
}
