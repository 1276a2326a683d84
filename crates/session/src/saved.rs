//! Sessions as they are kept: in the browser, and in files.
//!
//! A session is kept in parts: a head, which says what there is, the tokens of each take in blocks, and primers.
//! What has not changed is not written again ([`Writer`]). Each part has a version and a checksum of its own, so
//! that damage to one leaves the others. A file (`.prnn`) is all parts, one after another.

mod file;
mod parts;
mod record;
mod writer;

use std::rc::Rc;

use crate::protocol::TakeId;
use crate::{Listed, Primer, Settings, Span, State, Take};

pub use file::{MAX_FILE_BYTES, is_file, read_file, write_file};
pub use parts::{Glance, Opened, Parts, SavedError};
pub use writer::{Changes, Writer};

/// Tokens of a block: a minute and a half of music. Larger writes more for each change; smaller needs more parts.
pub const BLOCK_TOKENS: usize = 4_096;

/// The name of the part that says what there is.
pub const HEAD: &str = "head";

/// All of a session that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// In the order of the list.
    pub takes: Vec<(Listed, Rc<Take>)>,
    /// The take on stage.
    pub current: Option<TakeId>,
    /// Where the play-head is in it, in microseconds.
    pub position_us: u64,
    /// What is marked in it.
    pub mark: Option<Span>,
    /// What the next take continues.
    pub primer: Option<Rc<Primer>>,
    /// The controls.
    pub settings: Settings,
}

impl Saved {
    /// What is to be kept of the page.
    #[must_use]
    pub fn of(state: &State) -> Self {
        Self {
            takes: state.takes.listed(),
            current: state.takes.list().current(),
            position_us: state.transport.position_us,
            mark: state.mark,
            primer: state.primer.clone(),
            settings: state.settings.clone(),
        }
    }

    /// Whether there is anything that one would miss.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.takes.iter().all(|(_, take)| take.tokens().is_empty() && take.awaited().is_none())
    }
}

#[cfg(test)]
mod tests;
