//! Progress bars, on standard error so that standard output stays clean.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `n` things.
pub(crate) fn bar(n: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(n);
    let template =
        format!("{{wide_bar}} {{human_pos}}/{{human_len}} {unit} · {{per_sec}} · {{eta}} left {{msg}}");
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
