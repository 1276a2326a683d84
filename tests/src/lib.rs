//! What the cross-crate tests share: a real browser to drive, the built page to drive it on, and a MIDI
//! device that writes down what it is sent.
//!
//! Everything here is for tests: what does not work panics with what was waited for and what was there instead.

pub mod browser;
pub mod midi_device;
pub mod site;
