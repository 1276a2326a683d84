//! A few events recorded once and replayed, where the runtime can.

use cubecl::client::Graph;
use cubecl::prelude::Client;

/// Events of a recorded graph; even, so that it ends with the buffers where they began. More means fewer
/// calls into the runtime.
pub(super) const RECORDED: usize = 8;

/// A few events as a recorded graph. Replaying it costs less than launching kernel by kernel, which limits a
/// single take on a fast device.
pub(super) enum Recording {
    /// No event was drawn yet: kernels must have run once before they can be recorded.
    None,
    /// Can be made now.
    Due,
    Ready(Graph),
    /// The runtime has no recordings.
    Refused,
}

impl Recording {
    /// Records what is launched without running it.
    pub(super) fn of(client: &Client, launch: impl FnOnce()) -> Self {
        if client.graph_prepare().is_err() {
            return Self::Refused;
        }
        if client.start_capture().is_err() {
            // Nothing was recorded, but the queue has to be released.
            drop(client.stop_capture());
            return Self::Refused;
        }
        launch();
        match client.stop_capture() {
            Ok(graph) => Self::Ready(graph),
            Err(_) => Self::Refused,
        }
    }
}
