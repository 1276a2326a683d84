//! A session at the piano as plain values: the page's state, its actions, and its decisions.
//!
//! [`State`] holds all that is shown: takes, transport, settings, outputs, notices. [`State::reduced`] is its
//! only reducer. [`engine`] decides where the network runs and what to do when a worker dies: events in,
//! commands out. [`Steering`] changes music that is composed and not yet heard. [`protocol`] has the messages
//! between page and worker. [`roll`] has the geometry of notes and keys.
//!
//! ```
//! use session::{Action, Moment, Playback, State};
//! let state = State::new(7).reduced(Action::Generate { drawn_seed: 123 }, Moment::default());
//! assert!(state.is_running());
//! assert_eq!(state.transport.playback, Playback::Starting);
//! assert_eq!(state.takes.current().map(|take| take.seed), Some(123));
//! ```
//!
//! # What this crate does not do
//!
//! It knows no browser, no network, no clock and no files. The time and the play-head come with each action
//! ([`Moment`]). `web` owns the worker, the sound and the screen, and does what the state says.

mod clock_watch;
mod conductor;
pub mod doors;
pub mod engine;
pub mod format;
mod history;
pub mod link;
#[cfg(test)]
mod notation;
mod notice;
pub mod opening;
mod output;
mod performed;
mod primer;
pub mod protocol;
pub mod roll;
pub mod saved;
mod settings;
pub mod shape;
pub mod shortcuts;
mod state;
mod steering;
mod take;
mod takes;
pub mod teach;
mod transport;

pub use clock_watch::{ClockSource, ClockWatch};
pub use conductor::Conductor;
pub use engine::{Download, EngineState, SLOW, Speed};
pub use history::History;
pub use notice::{Notice, Notices, Remedy};
pub use output::{Midi, OutputChoice, Outputs, Port};
pub use performed::{CurveColumn, Curves, Performed, Piece, WithScore};
pub use primer::Primer;
pub use protocol::TakeId;
pub use settings::{DRAWN_SEEDS, Length, MAX_SEED, SeedLock, Settings, TEMPERATURES};
pub use shape::{DENSITIES, MAX_DYNAMICS, Shape, Strength, Wish};
pub use state::{Action, Moment, Received, State};
pub use steering::{Splice, Steering};
pub use take::{Parent, Planned, Start, Take, TakeChange, WithPrimer};
pub use takes::{List, Listed, Row, Takes};
pub use transport::{Beside, Cue, Playback, Run, RunKind, Span, Transport};
