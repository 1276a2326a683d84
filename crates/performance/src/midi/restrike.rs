//! Room for a key to come up before it is struck again.
//!
//! A note lasts until the next strike of its key, so its release and that strike have the same time. A synthesizer
//! plays that; the hammer of a player piano has not fallen back yet, and strikes nothing.

use std::collections::VecDeque;

use crate::playback::schedule::{Message, Timed};
use crate::{N_PITCHES, Pitch};

/// Time that a key has between its release and its next strike, in microseconds. Smaller silences repeated notes on
/// player pianos; larger makes them sound detached on synthesizers.
pub const RESTRIKE_GAP_US: u64 = 30_000;
/// A key stays down at least so long, in microseconds, or half of the time to its next strike if that is shorter.
const MIN_PRESS_US: u64 = 10_000;

/// When a key should go up whose note lasts from `start_us` to `end_us` and that is struck again at `next_us`: 30 ms
/// before, where the note is long enough.
///
/// ```
/// use performance::midi::release_us;
/// assert_eq!(release_us(0, 500_000, 500_000), 470_000);
/// // There is room already.
/// assert_eq!(release_us(0, 400_000, 500_000), 400_000);
/// // Short notes keep 10 ms, the shortest half of their time.
/// assert_eq!(release_us(0, 32_000, 32_000), 10_000);
/// assert_eq!(release_us(0, 8_000, 8_000), 4_000);
/// ```
#[must_use]
pub fn release_us(start_us: u64, end_us: u64, next_us: u64) -> u64 {
    let min_press_us = MIN_PRESS_US.min(next_us.saturating_sub(start_us) / 2);
    let latest_us = next_us.saturating_sub(RESTRIKE_GAP_US).max(start_us.saturating_add(min_press_us));
    end_us.min(latest_us)
}

/// Makes room in messages while they are handed out, for instruments that are told ahead of time.
///
/// A release waits until it is known whether its key is struck again within [`RESTRIKE_GAP_US`], so the messages
/// have to be known that much ahead, and more by what the caller needs.
#[derive(Clone, Debug)]
pub(super) struct Restrikes {
    /// Releases that wait, in order of time.
    waiting: VecDeque<(u64, Pitch)>,
    struck_us: [u64; N_PITCHES],
}

impl Default for Restrikes {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), struck_us: [0; N_PITCHES] }
    }
}

impl Restrikes {
    /// Forgets the releases that wait from this time on: what they end goes on.
    pub(super) fn take_back(&mut self, from_us: u64) {
        self.waiting.retain(|&(at_us, _)| at_us < from_us);
    }

    /// The releases that wait, in order of time: for an instrument that is to fall silent.
    pub(super) fn rest(&mut self) -> Vec<Timed> {
        self.waiting.drain(..).map(|(at_us, pitch)| off(at_us, pitch)).collect()
    }

    /// Takes the next messages, in order of time, and returns those that are settled, in order of time. All messages
    /// before `known_us` have been taken; nothing waits after `u64::MAX`.
    pub(super) fn pass(&mut self, messages: &[Timed], known_us: u64) -> Vec<Timed> {
        let mut settled = Vec::with_capacity(messages.len());
        for &timed in messages {
            match timed.message {
                Message::NoteOff { pitch } => self.waiting.push_back((timed.at_us, pitch)),
                Message::NoteOn { pitch, .. } => {
                    if let Some(idx) = self.waiting.iter().position(|&(_, waiting)| waiting == pitch)
                        && let Some((end_us, _)) = self.waiting.remove(idx)
                    {
                        let at_us = release_us(self.struck_us[pitch.index()], end_us, timed.at_us);
                        settled.push(off(at_us, pitch));
                    }
                    self.struck_us[pitch.index()] = timed.at_us;
                    settled.push(timed);
                }
            }
        }
        while let Some(&(at_us, pitch)) = self.waiting.front() {
            if at_us.saturating_add(RESTRIKE_GAP_US) > known_us {
                break;
            }
            self.waiting.pop_front();
            settled.push(off(at_us, pitch));
        }
        settled.sort_by_key(|timed| (timed.at_us, matches!(timed.message, Message::NoteOn { .. })));
        settled
    }
}

fn off(at_us: u64, pitch: Pitch) -> Timed {
    Timed { at_us, message: Message::NoteOff { pitch } }
}
