//! Playing events that are still being composed: where they lie in time, what is due, and how they look on a
//! roll.

mod cursor;
mod lookahead;
pub mod schedule;
mod timeline;

pub use cursor::{Cursor, TimedEvent, cut_at, micros, timed_events};
pub use lookahead::Lookahead;
pub use schedule::Schedule;
pub use timeline::{Bar, Origin, Timeline};
