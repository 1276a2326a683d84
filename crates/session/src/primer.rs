//! Performances to continue.

use performance::midi::{self, Import};
use performance::playback::micros;
use performance::{Event, Token};

/// A performance to continue.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// These tokens, by this name.
    #[must_use]
    pub fn of(name: String, tokens: Vec<Token>) -> Self {
        Self {
            name,
            music_us: micros(&tokens),
            n_notes: tokens.iter().filter(|&&token| matches!(Event::from(token), Event::NoteOn(_))).count(),
            tokens,
            ..Self::default()
        }
    }

    /// Reads a MIDI file; of one that is longer than `secs`, its beginning
    /// ([`performance::primer::beginning`]).
    ///
    /// # Errors
    /// If there is nothing to continue; the message is a clause about the file ("it …").
    pub fn read(name: &str, bytes: &[u8], secs: Option<f64>) -> Result<Self, performance::Error> {
        Ok(Self::of_import(name, &midi::read(bytes)?, secs))
    }

    /// The same from a file that was read.
    #[must_use]
    pub fn of_import(name: &str, import: &Import, secs: Option<f64>) -> Self {
        let mut tokens = performance::encode(&import.performance);
        if let Some(secs) = secs {
            tokens.truncate(performance::primer::beginning(&tokens, secs).len());
        }
        Self {
            summary: import.report.to_string(),
            dropped: import.report.dropped.iter().map(ToString::to_string).collect(),
            ..Self::of(name.to_owned(), tokens)
        }
    }
}
