//! Which notes the pedal holds: a performance as two hands and a foot would play it.
//!
//! In a performance the pedal is part of the notes' ends. Where two hands cannot have kept all keys down, some went
//! up earlier and the pedal held their notes. That is only possible where no other note ends in between, because a
//! pedal holds them all; so what is written here is read back exactly.

use super::restrike::release_us;
use super::write::TICK_US;
use crate::{N_PITCHES, Note};

/// How far a hand reaches, in semitones: a tenth. Larger leaves more notes to the hands.
const REACH: u8 = 16;
const FINGERS: usize = 5;
/// A key that a hand leaves for another goes up so long before that one is struck.
const TRAVEL_TICKS: u64 = 50;
/// A key that is left to the pedal was down for so long.
const MIN_HELD_TICKS: u64 = 50;
/// The pedal goes down so long before the first key that it holds goes up.
const LEAD_TICKS: u64 = 40;

/// How long each note's key is down, and when the pedal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pedaling {
    /// When the key of each note goes up.
    pub(super) up_ticks: Vec<u64>,
    /// From and to which tick the pedal is down, in order.
    pub(super) spans: Vec<(u64, u64)>,
}

impl Pedaling {
    /// Keys without a pedal, with room before they are struck again.
    pub(super) fn none(notes: &[Note]) -> Self {
        let ticks = Ticks::all(notes);
        Self { up_ticks: ticks.iter().map(Ticks::release).collect(), spans: Vec::new() }
    }

    /// Keys as two hands hold them, and the pedal for the rest.
    pub(super) fn of(notes: &[Note]) -> Self {
        Self::plan(&Ticks::all(notes), 0)
    }

    /// The same for notes in order of their starts, of which everything before the tick `from` has happened.
    pub(super) fn plan(ticks: &[Ticks], from: u64) -> Self {
        let falls = falls(ticks);
        // The pedal can hold a note from after the last fall of the dampers before its end.
        let earliest = |note: &Ticks| {
            let n_before = falls.partition_point(|&fall| fall < note.end);
            let after_fall = falls[..n_before].last().map_or(0, |fall| fall + 1);
            let is_known = note.end != UNKNOWN;
            if is_known { after_fall.max(note.start + 1).max(from).min(note.end) } else { UNKNOWN }
        };
        let earliest: Vec<u64> = ticks.iter().map(earliest).collect();
        let hands = hands(ticks, &earliest);
        let up = |idx: usize| {
            let wanted = ticks[idx].release().min(hands[idx]);
            ticks[idx].up.unwrap_or(wanted.max(earliest[idx]).min(ticks[idx].end))
        };
        let up_ticks: Vec<u64> = (0..ticks.len()).map(up).collect();
        let spans = spans(ticks, &up_ticks, &falls);
        Self { up_ticks, spans }
    }
}

/// The end of a note whose end is not known.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// A note in ticks of a millisecond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    pub(super) pitch: u8,
    pub(super) start: u64,
    pub(super) end: u64,
    /// When its key is struck again.
    pub(super) next: Option<u64>,
    /// When its key went up, if it did: the pedal holds it.
    pub(super) up: Option<u64>,
}

impl Ticks {
    fn all(notes: &[Note]) -> Vec<Self> {
        let mut next_of = [None; N_PITCHES];
        let ticks = notes.iter().rev().map(|note| {
            let (start, end) = (note.start_us / TICK_US, note.end_us / TICK_US);
            let next = next_of[note.pitch.index()].replace(start);
            Self { pitch: note.pitch.get(), start, end, next, up: None }
        });
        let mut ticks: Vec<_> = ticks.collect();
        ticks.reverse();
        ticks
    }

    /// When its key has to go up at the latest, so that it can be struck again; no earlier than a tick after its
    /// strike.
    fn release(&self) -> u64 {
        let us = |tick: u64| tick.saturating_mul(TICK_US);
        let release = |next| release_us(us(self.start), us(self.end), us(next)) / TICK_US;
        self.next.map_or(self.end, release).max(self.start + 1)
    }
}

/// When dampers fall on strings that are not struck again at once, in order.
fn falls(notes: &[Ticks]) -> Vec<u64> {
    let ends = notes.iter().filter(|note| note.next != Some(note.end)).map(|note| note.end);
    let mut falls: Vec<_> = ends.filter(|&end| end != UNKNOWN).collect();
    falls.sort_unstable();
    falls.dedup();
    falls
}

/// When the hands leave each key: at its note's end, or before they need the finger elsewhere.
fn hands(notes: &[Ticks], earliest: &[u64]) -> Vec<u64> {
    let mut ups: Vec<u64> = notes.iter().map(|note| note.end).collect();
    // Keys that are down, the longest first.
    let mut held: Vec<usize> = Vec::new();
    for (idx, note) in notes.iter().enumerate() {
        if note.up.is_some() {
            continue;
        }
        let now = note.start;
        held.retain(|&key| ups[key] > now);
        held.push(idx);
        while !can_hold(&held, notes) {
            // One that the pedal can hold from now on, or from later on, or else one that nobody explains.
            let can_leave =
                |at: u64| held.iter().position(|&key| earliest[key] < notes[key].end && earliest[key] <= at);
            let place = can_leave(now).or_else(|| can_leave(u64::MAX)).unwrap_or(0);
            let key = held.remove(place);
            let left = now.saturating_sub(TRAVEL_TICKS).max(notes[key].start + MIN_HELD_TICKS);
            ups[key] = left.max(earliest[key]).min(notes[key].end);
        }
    }
    ups
}

/// Whether two hands can keep all these keys down.
fn can_hold(held: &[usize], notes: &[Ticks]) -> bool {
    if held.len() > 2 * FINGERS {
        return false;
    }
    let mut pitches: Vec<u8> = held.iter().map(|&key| notes[key].pitch).collect();
    pitches.sort_unstable();
    let fits = |hand: &[u8]| match hand {
        [] => true,
        [lowest, .., highest] => hand.len() <= FINGERS && highest - lowest <= REACH,
        [_] => true,
    };
    (0..=pitches.len()).any(|left| fits(&pitches[..left]) && fits(&pitches[left..]))
}

/// When the pedal is down: between two falls of the dampers once at most, for all notes whose keys go up early.
fn spans(notes: &[Ticks], up_ticks: &[u64], falls: &[u64]) -> Vec<(u64, u64)> {
    let mut spans: Vec<Option<(u64, u64)>> = vec![None; falls.len() + 1];
    for (note, &up) in notes.iter().zip(up_ticks).filter(|&(note, &up)| up < note.end) {
        let n_before = falls.partition_point(|&fall| fall < note.end);
        let after_fall = falls[..n_before].last().map_or(0, |fall| fall + 1);
        let down = note.up.unwrap_or(up.saturating_sub(LEAD_TICKS).max(after_fall));
        let span = spans[n_before].get_or_insert((down, note.end));
        *span = (span.0.min(down), span.1.max(note.end));
    }
    spans.into_iter().flatten().collect()
}
