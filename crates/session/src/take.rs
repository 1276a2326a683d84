//! Performances and primers, as the page holds them: tokens.

use std::rc::Rc;

use performance::schedule::{Schedule, Timed};
use performance::{Event, STEP_MICROS, Token, decode, midi};

use crate::protocol::{Sampling, TakeId};

/// A performance that the network composed, or is composing.
#[derive(Clone, Debug)]
pub struct Take {
    /// Its number.
    pub id: TakeId,
    /// What it was drawn with.
    pub seed: u64,
    /// How it was started.
    pub sampling: Sampling,
    /// How long it was to become, in microseconds; `None` is endless.
    pub length_us: Option<u64>,
    /// What it continues.
    pub primer: Option<Rc<Primer>>,
    /// What was composed. Schedule, roll and download all read these.
    pub tokens: Vec<Token>,
    /// Whether no more tokens will come.
    pub is_complete: bool,
    /// Music time of `tokens`, in microseconds.
    pub music_us: u64,
    /// Number of notes in `tokens`.
    pub n_notes: usize,
}

/// A performance only ever grows, so that number and length tell moments of it apart: comparing hours of tokens for
/// each picture would take longer and longer.
impl PartialEq for Take {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.tokens.len(), self.is_complete) == (other.id, other.tokens.len(), other.is_complete)
    }
}

impl Take {
    /// Adds what was composed; returns its music time in microseconds.
    pub fn extend(&mut self, tokens: &[Token]) -> u64 {
        let before_us = self.music_us;
        for &token in tokens {
            match Event::from(token) {
                Event::TimeShift(shift) => self.music_us += u64::from(shift.steps()) * STEP_MICROS,
                Event::NoteOn(_) => self.n_notes += 1,
                Event::NoteOff(_) | Event::Velocity(_) => {}
            }
        }
        self.tokens.extend_from_slice(tokens);
        self.music_us - before_us
    }

    /// The performance as a MIDI file.
    #[must_use]
    pub fn to_midi(&self, primer: WithPrimer) -> Vec<u8> {
        midi::write(&decode(&self.all_tokens(primer)).performance)
    }

    /// The performance as an instrument is told it, from its beginning.
    #[must_use]
    pub fn messages(&self, primer: WithPrimer) -> Vec<Timed> {
        let mut schedule = Schedule::new(u64::MAX, 0);
        schedule.feed(&self.all_tokens(primer));
        schedule.end();
        schedule.poll(0)
    }

    /// A name for a file that says how to have this music again.
    #[must_use]
    pub fn file_name(&self, extension: &str) -> String {
        format!("performance-rnn-{}.{extension}", self.seed)
    }

    fn all_tokens(&self, primer: WithPrimer) -> Vec<Token> {
        let before = self.primer.as_ref().filter(|_| primer == WithPrimer::Yes);
        let mut tokens = before.map_or_else(Vec::new, |primer| primer.tokens.clone());
        tokens.extend_from_slice(&self.tokens);
        tokens
    }
}

/// Whether a download begins with the primer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithPrimer {
    /// Primer and continuation.
    Yes,
    /// The continuation alone.
    No,
}

/// A performance to continue.
#[derive(Clone, Debug, PartialEq)]
pub struct Primer {
    /// The file's name.
    pub name: String,
    /// The whole of it.
    pub tokens: Vec<Token>,
    /// Music time, in microseconds.
    pub music_us: u64,
    /// Number of notes.
    pub n_notes: usize,
    /// "pedal applied, 2 tracks merged"; may be empty.
    pub summary: String,
    /// What was left out of the file, a clause each.
    pub dropped: Vec<String>,
}

impl Primer {
    /// Reads a MIDI file.
    ///
    /// # Errors
    /// If there is nothing to continue; the message is a clause about the file ("it …").
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, performance::Error> {
        let import = midi::read(bytes)?;
        let tokens = performance::encode(&import.performance);
        let quantized = import.performance.quantized();
        Ok(Self {
            name: name.to_owned(),
            tokens,
            music_us: quantized.duration_us(),
            n_notes: quantized.notes().len(),
            summary: import.report.to_string(),
            dropped: import.report.dropped.iter().map(ToString::to_string).collect(),
        })
    }
}
