//! Teaching the piano somebody's own music: messages between page and worker, and what the page shows.

mod outcome;
mod place;
mod protocol;
mod state;

pub use outcome::Outcome;
pub use place::{Place, Simd};
pub use protocol::{LeftOut, MusicReport, Speed, TeachReply, TeachRequest, Unfinished};
pub use state::{Phase, Point, TaughtModel, Teach, TeachAction};
