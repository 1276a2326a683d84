//! What the page keeps in the browser, and how long keeping takes.

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::browser::Page;
use crate::times::Times;

/// A write is due after a second.
const SOON: Duration = Duration::from_secs(20);

/// How the page says that its session is written down.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Kept {
    /// Names the session; empty while none is open.
    #[serde(deserialize_with = "or_empty")]
    pub session: String,
    /// Nothing waits to be written.
    pub is_idle: bool,
    /// How long the last writes took, in milliseconds.
    pub writes_ms: Vec<f64>,
}

fn or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

/// What the page says now.
#[must_use]
pub fn kept(page: &Page) -> Kept {
    let report = page.evaluate("window.performanceRnn?.kept() ?? ''");
    serde_json::from_str(report.as_str().unwrap_or_default()).unwrap_or_default()
}

/// Waits until everything is written.
///
/// # Panics
/// If that takes too long.
#[track_caller]
pub fn wait_until_kept(page: &Page) {
    page.wait_until("the session to be written", SOON, || {
        let kept = kept(page);
        !kept.session.is_empty() && kept.is_idle && !kept.writes_ms.is_empty()
    });
}

/// The SHA-256 hash of a file.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// How long writing this page's session took each time.
#[must_use]
pub fn write_times(page: &Page) -> Times {
    Times::new(kept(page).writes_ms)
}
