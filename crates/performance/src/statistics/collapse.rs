//! Where the music breaks down.
//!
//! The limits lie at the edge of human music, where fewer than one in twenty-five minutes of recordings goes
//! beyond each of them (`tests/collapse.rs` measures it).

use std::ops::Range;

use super::{Excerpt, Feature};
use crate::{N_PITCHES, Note};

/// No note begins for this long. Smaller takes rests between movements for faults; larger lets listeners
/// wonder.
const SILENCE_US: u64 = 10_000_000;
/// A note sounds longer than this. Smaller blames long pedals; larger forgives notes that never end.
const STUCK_US: u64 = Feature::FORCED_RELEASE_SECS * 1_000_000;
/// A loop lasts at least this long. Smaller finds Alberti basses and trills; larger misses short loops.
const LOOP_US: u64 = 15_000_000;
/// Longest loop, in notes. Larger finds whole phrases that come again, which music is made of.
const MAX_LOOP_NOTES: usize = 48;
/// Smallest number of repetitions of a loop.
const MIN_LOOP_TURNS: usize = 4;
/// Notes of the loop for each other note that is tolerated. Larger wants loops to be exact.
const LOOP_NOTES_PER_SLIP: i64 = 9;
/// Average number of sounding notes over [`MUSH_WINDOW_US`]. Smaller flags études with much pedal.
const MUSH_NOTES: u64 = 32;
const MUSH_WINDOW_US: u64 = 10_000_000;
/// Strikes of one key within [`GUN_WINDOW_US`]: 10 a second. Smaller blames repeated notes of virtuosi.
const GUN_KEY_STRIKES: usize = 40;
/// Strikes of all keys within [`GUN_WINDOW_US`]: 48 a second. Smaller blames Liszt.
const GUN_STRIKES: usize = 192;
const GUN_WINDOW_US: u64 = 4_000_000;

/// How music breaks down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CollapseKind {
    /// No note begins for 10 s.
    Silence,
    /// A note sounds for more than 20 s.
    Stuck,
    /// The same notes in the same order, up to 48 of them, four times or more and for 15 s or more; one other
    /// note in ten is forgiven.
    Loop,
    /// 32 notes sound at once, on average over 10 s.
    Mush,
    /// For 4 s, one key is struck 10 times a second, or all of them 48 times.
    MachineGun,
}

impl CollapseKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Silence, Self::Stuck, Self::Loop, Self::Mush, Self::MachineGun];

    /// Its name, as people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Stuck => "stuck note",
            Self::Loop => "loop",
            Self::Mush => "mush",
            Self::MachineGun => "machine gun",
        }
    }
}

/// A stretch in which the music has broken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collapse {
    /// How.
    pub kind: CollapseKind,
    /// From when, in microseconds from the start of the excerpt.
    pub start_us: u64,
    /// Until when.
    pub end_us: u64,
}

impl Collapse {
    /// Whether it goes on at some time in `range_us`.
    #[must_use]
    pub fn touches(&self, range_us: &Range<u64>) -> bool {
        self.start_us < range_us.end && range_us.start < self.end_us
    }
}

/// Every stretch that has broken down, by kind and then by time. One may be found several times over, in
/// stretches that overlap.
///
/// ```
/// use performance::statistics::{CollapseKind, Excerpt, collapses};
/// let nothing = Excerpt::of(&performance::Performance::default(), 0..60_000_000);
/// let found = collapses(&nothing);
/// assert_eq!((found[0].kind, found[0].start_us, found[0].end_us), (CollapseKind::Silence, 0, 60_000_000));
/// ```
#[must_use]
pub fn collapses(excerpt: &Excerpt) -> Vec<Collapse> {
    let kinds: [(CollapseKind, Vec<Range<u64>>); 5] = [
        (CollapseKind::Silence, silences(excerpt)),
        (CollapseKind::Stuck, stuck_notes(excerpt)),
        (CollapseKind::Loop, loops(excerpt.notes())),
        (CollapseKind::Mush, mush(excerpt)),
        (CollapseKind::MachineGun, machine_guns(excerpt.notes())),
    ];
    let collapse = |kind, Range { start, end }| Collapse { kind, start_us: start, end_us: end };
    kinds
        .into_iter()
        .flat_map(|(kind, ranges)| ranges.into_iter().map(move |range| collapse(kind, range)))
        .collect()
}

fn silences(excerpt: &Excerpt) -> Vec<Range<u64>> {
    let mut last_us = 0;
    let onsets = excerpt.notes().iter().map(|note| note.start_us).chain([excerpt.length_us()]);
    let gaps = onsets.map(|at_us| std::mem::replace(&mut last_us, at_us)..at_us);
    gaps.filter(|gap| gap.end - gap.start >= SILENCE_US).collect()
}

fn stuck_notes(excerpt: &Excerpt) -> Vec<Range<u64>> {
    let sounds = excerpt.notes().iter().map(|note| note.start_us..note.end_us);
    sounds.filter(|sound| sound.end - sound.start > STUCK_US).map(|s| s.start + STUCK_US..s.end).collect()
}

fn loops(notes: &[Note]) -> Vec<Range<u64>> {
    (1..=MAX_LOOP_NOTES).flat_map(|period| loops_of(notes, period)).collect()
}

/// Stretches in which nearly every note is the one `period` notes before. A score counts one for each such
/// note, less a penalty for each other; a stretch is where it rises from 0 to its highest value.
fn loops_of(notes: &[Note], period: usize) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    let (mut first, mut score) = (0, 0);
    let mut best: Option<(i64, usize)> = None;
    let mut close = |first: usize, best: Option<(i64, usize)>| {
        let Some((_, last)) = best else { return };
        let stretch = notes[first].start_us..notes[last].start_us;
        if last + 1 - first >= MIN_LOOP_TURNS * period && stretch.end - stretch.start >= LOOP_US {
            found.push(stretch);
        }
    };
    for idx in period..notes.len() {
        if score == 0 {
            close(first, best.take());
            first = idx - period;
        }
        if notes[idx].pitch == notes[idx - period].pitch {
            score += 1;
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, idx));
            }
        } else {
            score = (score - LOOP_NOTES_PER_SLIP).max(0);
        }
    }
    close(first, best);
    found
}

fn mush(excerpt: &Excerpt) -> Vec<Range<u64>> {
    // How much has sounded until each edge; a window may begin and end at edges only, which misses little.
    let mut sounded = vec![(0_u64, 0_u64)];
    for (stretch, n_sounding) in excerpt.polyphony() {
        let before = sounded.last().map_or(0, |&(_, sum)| sum);
        sounded.push((stretch.end, before + (stretch.end - stretch.start) * n_sounding as u64));
    }
    let mut found = Vec::new();
    let mut end = 0;
    for &(start_us, before) in &sounded {
        while end < sounded.len() && sounded[end].0 < start_us + MUSH_WINDOW_US {
            end += 1;
        }
        let Some(&(end_us, after)) = sounded.get(end) else { break };
        if after - before >= MUSH_NOTES * (end_us - start_us) {
            found.push(start_us..end_us);
        }
    }
    found
}

fn machine_guns(notes: &[Note]) -> Vec<Range<u64>> {
    let mut strikes = vec![Vec::new(); N_PITCHES];
    for note in notes {
        strikes[note.pitch.index()].push(note.start_us);
    }
    let of_keys = strikes.iter().flat_map(|strikes| bursts(strikes, GUN_KEY_STRIKES));
    let all: Vec<u64> = notes.iter().map(|note| note.start_us).collect();
    of_keys.chain(bursts(&all, GUN_STRIKES)).collect()
}

/// Every stretch of `n` strikes within the window.
fn bursts(strikes: &[u64], n: usize) -> Vec<Range<u64>> {
    let stretches = strikes.windows(n).map(|strikes| strikes[0]..strikes[n - 1]);
    stretches.filter(|stretch| stretch.end - stretch.start < GUN_WINDOW_US).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Performance, Pitch, Velocity};

    /// Notes as key, start and end in milliseconds, in an excerpt of a minute.
    fn minute(notes: impl IntoIterator<Item = (u8, u64, u64)>) -> Excerpt {
        let note = |(pitch, start_ms, end_ms)| Note {
            pitch: Pitch::new(pitch).unwrap(),
            velocity: Velocity::new(64).unwrap(),
            start_us: start_ms * 1000,
            end_us: end_ms * 1000,
        };
        Excerpt::of(&Performance::new(notes.into_iter().map(note).collect()), 0..60_000_000)
    }

    /// What is found, and from when to when in seconds, stretches of one kind taken together.
    #[track_caller]
    fn check(notes: impl IntoIterator<Item = (u8, u64, u64)>, expected: &[(CollapseKind, f64, f64)]) {
        let found = collapses(&minute(notes));
        let of = |kind| {
            let ranges = || found.iter().filter(move |collapse| collapse.kind == kind);
            let start = ranges().map(|collapse| collapse.start_us).min()?;
            let end = ranges().map(|collapse| collapse.end_us).max()?;
            Some((kind, start as f64 / 1e6, end as f64 / 1e6))
        };
        let found: Vec<_> = CollapseKind::ALL.into_iter().filter_map(of).collect();
        assert_eq!(found, expected);
    }

    /// A minute of music: every step another key, in no order.
    fn music(n: u64, every_ms: u64) -> impl Iterator<Item = (u8, u64, u64)> {
        (0..n).map(move |i| {
            let pitch = 40 + (i * i * 7 % 53) as u8;
            (pitch, i * every_ms, i * every_ms + 80)
        })
    }

    #[test]
    fn music_does_not_break_down() {
        check(music(300, 200), &[]);
    }

    #[test]
    fn silence_is_ten_seconds_without_a_strike() {
        check(music(250, 200), &[(CollapseKind::Silence, 49.8, 60.0)]);
        check(music(252, 200), &[]);
        let late = || music(250, 200).map(|(pitch, start, end)| (pitch, start + 10_000, end + 10_000));
        check(late(), &[(CollapseKind::Silence, 0.0, 10.0)]);
    }

    #[test]
    fn a_note_is_stuck_after_twenty_seconds() {
        check(music(300, 200).chain([(30, 0, 20_000)]), &[]);
        check(music(300, 200).chain([(30, 0, 32_000)]), &[(CollapseKind::Stuck, 20.0, 32.0)]);
    }

    #[test]
    fn a_loop_is_the_same_notes_for_fifteen_seconds() {
        let turning = |n: u64, slip: Option<u64>| {
            music(300, 200).enumerate().map(move |(i, (pitch, start, end))| {
                let i = i as u64;
                let pitch = if i < n { 60 + (i % 7) as u8 } else { pitch };
                (if slip == Some(i) { 59 } else { pitch }, start, end)
            })
        };
        check(turning(77, None), &[(CollapseKind::Loop, 0.0, 15.2)]);
        check(turning(75, None), &[]);
        // One note in ten may be another: it breaks the order twice.
        check(turning(100, Some(50)), &[(CollapseKind::Loop, 0.0, 19.8)]);
    }

    #[test]
    fn mush_is_more_than_can_be_heard() {
        let cluster = |n: u8| (0..n).map(|i| (30 + i, 20_000, 30_000));
        check(
            music(300, 200).filter(|note| note.0 < 30).chain(cluster(40)),
            &[(CollapseKind::Silence, 0.0, 60.0), (CollapseKind::Mush, 20.0, 30.0)],
        );
        check(music(300, 200).chain(cluster(20).map(|(pitch, s, e)| (pitch - 30, s, e))), &[]);
    }

    #[test]
    fn a_machine_gun_is_faster_than_hands() {
        let repeated = |every_ms: u64| (0..41).map(move |i| (20, 8_000 + i * every_ms, 8_040 + i * every_ms));
        check(music(300, 200).chain(repeated(96)), &[(CollapseKind::MachineGun, 8.0, 11.84)]);
        check(music(300, 200).chain(repeated(112)), &[]);
        let storm = (0..200).map(|i| (20 + (i * i * 5 % 83) as u8, 8_000 + i * 16, 8_010 + i * 16));
        let found = collapses(&minute(music(300, 200).chain(storm)));
        assert!(found.iter().any(|collapse| collapse.kind == CollapseKind::MachineGun));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_found_lies_within(
            notes in prop::collection::vec((0_u8..128, 0_u64..70_000, 0_u64..30_000), 0..80),
        ) {
            let excerpt = minute(notes.into_iter().map(|(pitch, start, length)| (pitch, start, start + length)));
            for collapse in collapses(&excerpt) {
                prop_assert!(collapse.start_us < collapse.end_us && collapse.end_us <= excerpt.length_us());
                prop_assert!(collapse.touches(&(0..excerpt.length_us())));
            }
        }
    }
}
