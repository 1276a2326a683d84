//! A session at the piano, as values: what the page knows, what can happen to it, and what follows.
//!
//! [`State`] and its one function [`State::reduced`] hold all that is shown: takes, transport, settings, outputs, notices.
//! [`engine`] decides where the network runs and what to do when a worker dies: events in, commands out. [`Steering`]
//! changes music that is composed and not yet heard. [`protocol`] is what page and worker say to each other. [`roll`]
//! knows where notes and keys lie.
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
//! It knows no browser, no network and no clock: the time and the play-head come with each action ([`Moment`]), and
//! whoever owns the worker, the sound and the screen acts on what the state says.

pub mod engine;
pub mod format;
mod history;
mod notice;
mod output;
pub mod protocol;
pub mod roll;
mod settings;
mod state;
mod steering;
mod take;
mod takes;
mod transport;

pub use engine::{Download, EngineState, SLOW, Speed};
pub use history::History;
pub use notice::{Notice, Notices, Remedy};
pub use output::{Midi, OutputChoice, Outputs, Port};
pub use protocol::TakeId;
pub use settings::{DRAWN_SEEDS, Length, MAX_SEED, SeedLock, Settings, TEMPERATURES};
pub use state::{Action, Moment, State};
pub use steering::{Change, Splice, Steering};
pub use take::{Parent, Primer, Take, WithPrimer};
pub use takes::Takes;
pub use transport::{Playback, Run, RunKind, Transport};
