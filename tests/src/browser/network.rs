//! The line between a tab and the server, as bad as one likes.

use serde_json::json;

use super::Page;

/// How fast a line is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Millions of bits per second, either way.
    pub mbits_per_second: f64,
    /// Milliseconds until an answer begins.
    pub latency_ms: f64,
}

impl Page {
    /// From now on the tab and its workers have this line. Chromium emulates it; nothing else is slowed.
    #[track_caller]
    pub fn limit_network(&self, line: Line) {
        self.call("Network.enable", json!({}));
        let bytes_per_second = line.mbits_per_second * 1e6 / 8.0;
        let conditions = json!({
            "offline": false, "latency": line.latency_ms,
            "downloadThroughput": bytes_per_second, "uploadThroughput": bytes_per_second,
        });
        self.call("Network.emulateNetworkConditions", conditions);
    }
}
