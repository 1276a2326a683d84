//! The last notes that were struck.

use crate::Pitch;

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

/// A ring of strikes, each with its number since the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Strikes {
    ring: Vec<Strike>,
    /// A power of two.
    capacity: usize,
    len: u32,
}

impl Strikes {
    pub(super) fn new(capacity: usize) -> Self {
        Self { ring: Vec::new(), capacity: capacity.next_power_of_two(), len: 0 }
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
        if number < self.oldest() {
            return None;
        }
        let place = number as usize & (self.capacity - 1);
        if number < self.len { self.ring.get(place).copied() } else { None }
    }

    pub(super) fn push(&mut self, strike: Strike) {
        // The ring grows until it is full: most performances are short.
        let place = self.len as usize & (self.capacity - 1);
        match self.ring.get_mut(place) {
            Some(old) => *old = strike,
            None => self.ring.push(strike),
        }
        self.len = self.len.saturating_add(1);
    }
}
