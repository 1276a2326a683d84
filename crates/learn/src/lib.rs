//! Training the network: crops and augmentation, loss, optimizer, steps, checkpoints, evaluation. The command
//! line trains with it, and so does the page.
//!
//! A [`Learner`] takes one step at a time. Its owner has the loop, and everything that a loop meets: threads,
//! files and a terminal, or the inbox of a browser's worker.
//!
//! # What this crate does not do
//!
//! It reads no files and no clock. The caller opens the device.

mod augment;
mod error;
mod evaluate;
mod learner;
mod lessons;
mod loader;
mod loss;
mod optimizer;
mod progress;
mod score;
mod settings;
mod source;
mod teaching;
mod verdict;

pub use error::Error;
pub use evaluate::{ByType, Evaluation, Evaluator, Judged, Tally, TypeLoss, judge};
pub use learner::Learner;
pub use lessons::{Lessons, MIN_EVENTS};
pub use loader::{Batch, Cut, Loader, Position, Share};
pub use loss::loss;
pub use optimizer::{Adam, Settings as AdamSettings};
pub use progress::{Before, Progress};
pub use score::{ScoreTraining, learn_scores};
pub use settings::{Precision, Schedule, Training};
pub use source::{InMemory, Piece, Source};
pub use teaching::{Best, End, Plan, Teaching, invented};
pub use verdict::Verdict;

pub use burn::tensor::Device;

/// The CPU as a device, for whoever does not know Burn.
#[must_use]
pub fn cpu() -> Device {
    Device::flex()
}

/// The fastest GPU, or a software adapter. Once in a program; asynchronous, because a browser opens it in no other
/// way.
///
/// # Errors
/// If there is none, or it was opened before.
#[cfg(feature = "wgpu")]
pub async fn gpu() -> Result<Device, Error> {
    Device::wgpu_options().init_async().await.map_err(|error| Error::Device(error.to_string()))
}
