//! Where the network runs, how fast, and what to do when a worker dies.

mod loading;
mod placement;
mod speed;
mod supervisor;
mod watch;

pub use loading::{Download, EngineState};
pub use placement::{Adapter, Benchmark, Choice, Preference};
pub use speed::{SLOW, Speed};
pub use supervisor::{Command, Event, OwnModel, Supervisor, WorkerId};
