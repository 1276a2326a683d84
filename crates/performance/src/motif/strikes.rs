//! The last notes that were struck.

use crate::Pitch;

/// Places that are looked at together.
const BLOCK: usize = 64;

/// A note that was struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The key.
    pub pitch: Pitch,
    /// Its loudness, a bin of VELOCITY.
    pub bin: u8,
    /// When, in steps of 8 ms from the beginning.
    pub step: u32,
}

/// The last strikes, each with its number since the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Strikes {
    /// As many as are remembered or up to twice that, so that they lie side by side. In three lists, because one
    /// of them is searched.
    pitches: Vec<Pitch>,
    bins: Vec<u8>,
    steps: Vec<u32>,
    /// How many are remembered.
    capacity: usize,
    len: u32,
}

impl Strikes {
    pub(super) fn new(capacity: usize) -> Self {
        Self { pitches: Vec::new(), bins: Vec::new(), steps: Vec::new(), capacity, len: 0 }
    }

    /// How many there were, forgotten ones included.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The number of the first that is remembered.
    pub(super) fn oldest(&self) -> u32 {
        self.len.saturating_sub(self.capacity as u32)
    }

    /// None if it is forgotten or not struck yet.
    pub(super) fn get(&self, number: u32) -> Option<Strike> {
        if number < self.oldest() || number >= self.len {
            return None;
        }
        let index = self.pitches.len() - (self.len - number) as usize;
        Some(Strike { pitch: self.pitches[index], bin: self.bins[index], step: self.steps[index] })
    }

    pub(super) fn push(&mut self, Strike { pitch, bin, step }: Strike) {
        if self.pitches.len() == 2 * self.capacity {
            self.pitches.drain(..self.capacity);
            self.bins.drain(..self.capacity);
            self.steps.drain(..self.capacity);
        }
        self.pitches.push(pitch);
        self.bins.push(bin);
        self.steps.push(step);
        self.len = self.len.saturating_add(1);
    }

    /// The latest place before which the last symbols were played as they were now: `least` of them, 3 or more.
    pub(super) fn find(&self, is_relative: bool, least: usize) -> Option<u32> {
        let remembered = &self.pitches[self.pitches.len().saturating_sub(self.capacity)..];
        let n_notes = least + usize::from(is_relative);
        let n = remembered.len();
        let last = remembered.get(n.checked_sub(n_notes)?..)?;
        let now = |back: usize| last[n_notes - 1 - back].get();
        let is_equal = |place: usize| {
            let then = |back: usize| remembered[place - 1 - back].get();
            let symbol = |pitch: &dyn Fn(usize) -> u8, back: usize| {
                if is_relative { pitch(back).wrapping_sub(pitch(back + 1)) } else { pitch(back) }
            };
            (0..least).all(|back| symbol(&then, back) == symbol(&now, back))
        };
        // Few blocks have a place at which even the last three notes are equal.
        let mut end = n;
        while end > n_notes {
            let start = end.saturating_sub(BLOCK).max(n_notes);
            let [a, b, c] = [1, 2, 3].map(|back| &remembered[start - back..end - back]);
            let notes = a.iter().zip(b).zip(c).map(|((a, b), c)| [a.get(), b.get(), c.get()]);
            let is_any = if is_relative {
                let intervals = [now(0).wrapping_sub(now(1)), now(1).wrapping_sub(now(2))];
                notes.fold(false, |is_any, [a, b, c]| {
                    is_any | (a.wrapping_sub(b) == intervals[0]) & (b.wrapping_sub(c) == intervals[1])
                })
            } else {
                let pitches = [now(0), now(1), now(2)];
                notes.fold(false, |is_any, [a, b, c]| {
                    is_any | (a == pitches[0]) & (b == pitches[1]) & (c == pitches[2])
                })
            };
            if is_any && let Some(place) = (start..end).rev().find(|&place| is_equal(place)) {
                return Some(self.oldest() + place as u32);
            }
            end = start;
        }
        None
    }
}
