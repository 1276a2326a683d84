//! Performances to continue.

use performance::playback::micros;
use performance::{Event, Token, midi};

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
    /// Reads a MIDI file; of one that is longer than `secs`, its beginning
    /// ([`performance::primer::beginning`]).
    ///
    /// # Errors
    /// If there is nothing to continue; the message is a clause about the file ("it …").
    pub fn read(name: &str, bytes: &[u8], secs: Option<f64>) -> Result<Self, performance::Error> {
        let import = midi::read(bytes)?;
        let mut tokens = performance::encode(&import.performance);
        if let Some(secs) = secs {
            tokens.truncate(performance::primer::beginning(&tokens, secs).len());
        }
        Ok(Self {
            name: name.to_owned(),
            music_us: micros(&tokens),
            n_notes: tokens.iter().filter(|&&token| matches!(Event::from(token), Event::NoteOn(_))).count(),
            tokens,
            summary: import.report.to_string(),
            dropped: import.report.dropped.iter().map(ToString::to_string).collect(),
        })
    }
}
