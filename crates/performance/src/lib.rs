//! Expressive piano performances as plain values.

mod codec;
mod error;
mod metrics;
pub mod midi;
mod note;
pub mod schedule;
mod sounding;
mod vocabulary;

pub use codec::{Decoded, Decoder, Irregularities, decode, encode};
pub use error::Error;
pub use metrics::{
    EventCounts, N_PITCH_CLASSES, Window, duration_secs, forward_windows, note_density, pitch_class_histogram,
};
pub use note::{Note, Performance};
pub use sounding::Sounding;
pub use vocabulary::{
    Event, MAX_SHIFT_STEPS, N_PITCHES, N_TOKENS, N_VELOCITY_BINS, Pitch, STEP_MICROS, Shift, Token, Velocity,
    VelocityBin,
};
