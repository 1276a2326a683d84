//! Instruments, and the clock they play by.

mod clock;
mod midi;
mod piano;
mod wav;

pub use clock::Clock;
pub use midi::{MidiHub, MidiOut};
pub use piano::{Piano, Samples, record};
