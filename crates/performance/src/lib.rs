//! Expressive piano performances as plain values: notes, events, MIDI files, and when to play what.
//!
//! A [`Performance`] is what people and files know: notes with times in microseconds. [`encode`] turns
//! it into the [`Token`]s of the 413-event vocabulary that the network reads and writes, [`decode`] turns
//! any tokens back. [`midi`] reads and writes Standard MIDI Files, [`playback`] says what is due while
//! tokens are still coming in, [`EventCounts`] and [`forward_windows`] measure, [`statistics`] compares, and
//! [`motif`] finds what was played before.
//!
//! ```
//! use performance::{EventCounts, Note, Performance, Pitch, Velocity, decode, encode, midi};
//!
//! let note = |pitch, start_us, end_us| -> Result<Note, performance::Error> {
//!     Ok(Note { pitch: Pitch::new(pitch)?, velocity: Velocity::new(70)?, start_us, end_us })
//! };
//! let fifth = Performance::new(vec![note(60, 0, 800_000)?, note(67, 400_000, 800_000)?]);
//!
//! // Through a file and back, nothing is lost: one tick is one millisecond.
//! let import = midi::read(&midi::write(&fifth))?;
//! assert_eq!(import.performance, fifth);
//!
//! // Through events and back, times are on a grid of 8 ms and velocities in 32 bins.
//! let tokens = encode(&fifth);
//! assert_eq!(EventCounts::of(&tokens).total(), 7);
//! assert_eq!(decode(&tokens).performance, fifth.quantized());
//! # Ok::<(), performance::Error>(())
//! ```
//!
//! The representation is that of Oore, Simon, Dieleman, Eck and Simonyan, *This Time with Feeling:
//! Learning Expressive Musical Performance*, arXiv 1808.03715.
//!
//! # What this crate does not do
//!
//! - I/O. It sees bytes, not files, and has no clock: the time is a parameter.
//! - Anything with a network that invents: the model, and how it reads controls and draws events, are the crate `rnn`.
//! - Bars in performances. A [`Performance`] is seconds; bars, beats and voices are a [`score::Score`]'s.
//! - Pedals as such. The sustain and the sostenuto pedal are applied to the ends of notes when a file is
//!   read; the soft pedal, pitch bend and all other controllers are ignored.
//! - Other instruments. Every channel is played on one piano keyboard, and drum kits are left out.
//! - Exact copies of files: [`midi::write()`] writes the notes, not the texts, tracks and tempos that
//!   [`midi::read`] found.

mod codec;
mod controls;
mod error;
mod key;
pub mod lineage;
pub mod math;
mod metrics;
pub mod midi;
pub mod motif;
#[cfg(test)]
mod notation;
mod note;
mod pitch_classes;
pub mod playback;
pub mod primer;
mod recipe;
mod return_rate;
pub mod score;
mod sounding;
pub mod statistics;
mod velocity_offset;
mod vocabulary;

pub use codec::{Decoded, Decoder, Irregularities, decode, encode};
pub use controls::{Controls, Sampling};
pub use error::Error;
pub use key::{Mode, MusicalKey};
pub use lineage::{Lineage, Made, Origin, TokenSum};
pub use metrics::{
    EventCounts, N_PITCH_CLASSES, Window, duration_secs, forward_windows, note_density, pitch_class_histogram,
};
pub use note::{Note, Performance};
pub use pitch_classes::PitchClasses;
pub use recipe::{Entry, Input, InputLog, Recipe};
pub use return_rate::ReturnRate;
pub use sounding::{NoteTracker, PITCH_STRIKE_STEPS, STRIKE_STEPS, Sounding};
pub use velocity_offset::VelocityOffset;
pub use vocabulary::{
    Event, MAX_SHIFT_STEPS, N_PITCHES, N_TOKENS, N_VELOCITY_BINS, Pitch, STEP_MICROS, Shift, Token, Velocity,
    VelocityBin,
};
