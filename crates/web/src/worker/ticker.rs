//! The time, for a page whose own timers are slowed down.

use gloo::timers::callback::Interval;

use session::protocol::Reply;

/// Ticks while it is asked to.
#[derive(Debug, Default)]
pub(super) struct Ticker(Option<Interval>);

impl Ticker {
    pub(super) fn set(&mut self, every_ms: Option<u32>) {
        self.0 = every_ms.map(|every_ms| Interval::new(every_ms.max(1), || super::post(&Reply::Tick)));
    }
}
