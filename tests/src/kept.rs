//! What the page keeps in the browser, and how long keeping takes.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::browser::Page;

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

/// How long writing a session takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Writes {
    sorted_ms: Vec<f64>,
}

impl Writes {
    /// The writes of this page so far.
    #[must_use]
    pub fn of(page: &Page) -> Self {
        let mut sorted_ms = kept(page).writes_ms;
        sorted_ms.sort_by(f64::total_cmp);
        Self { sorted_ms }
    }

    fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.sorted_ms.len().saturating_sub(1);
        self.sorted_ms.get((share * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// For people; `what` is written.
    #[must_use]
    pub fn to_line(&self, what: &str) -> String {
        format!(
            "{what} is written in {:.1} ms (median), {:.1} ms (p95), {:.1} ms (longest) of {}",
            self.quantile_ms(0.5),
            self.quantile_ms(0.95),
            self.quantile_ms(1.0),
            self.sorted_ms.len()
        )
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "median_ms": self.quantile_ms(0.5), "p95_ms": self.quantile_ms(0.95),
            "longest_ms": self.quantile_ms(1.0), "writes": self.sorted_ms.len(),
        })
    }
}
