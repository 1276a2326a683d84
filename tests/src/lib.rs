//! What the cross-crate tests share: a real browser to drive, the built page to drive it on, and a MIDI
//! device that writes down what it is sent. The program `measure` drives them for figures.
//!
//! Everything here is for tests: what does not work panics with what was waited for and what was there
//! instead.

pub mod bench;
pub mod browser;
pub mod endurance;
pub mod engines;
pub mod frames;
pub mod kept;
pub mod listening;
pub mod midi_device;
pub mod performing;
pub mod site;
pub mod steering;
pub mod times;
