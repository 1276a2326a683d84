//! What a run says while it goes on: the metrics file with its curve, and a progress bar.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use burn::tensor::Tensor;
use indicatif::{ProgressBar, ProgressStyle};
use learn::Batch;

use super::curve;
use super::metrics::{self, METRICS_FILE, Metric};
use crate::files::write_atomically;

/// Losses, music and time since the last report.
pub(super) struct Window {
    losses: Vec<Tensor<1>>,
    pub(super) events: u64,
    pub(super) seconds: f64,
    start: Instant,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { losses: Vec::new(), events: 0, seconds: 0.0, start: Instant::now() }
    }

    pub(super) fn add(&mut self, loss: Tensor<1>, batch: &Batch) {
        self.losses.push(loss);
        self.events += batch.events();
        self.seconds += batch.seconds;
    }

    /// Of the last step.
    pub(super) fn last_loss(&self) -> Result<f64> {
        let last = self.losses.last().cloned().context("expected a step, found none")?;
        Ok(f64::from(last.into_scalar::<f32>()))
    }

    pub(super) fn mean_loss(&mut self) -> Result<f64> {
        let losses = std::mem::take(&mut self.losses);
        Ok(f64::from(Tensor::cat(losses, 0).mean().into_scalar::<f32>()))
    }

    pub(super) fn events_per_s(&self) -> f64 {
        self.events as f64 / self.start.elapsed().as_secs_f64()
    }
}

/// The metrics file and its curve.
pub(super) struct Log {
    path: PathBuf,
    file: fs::File,
    /// Events trained on before the run.
    before: u64,
    /// Everything in the file, from earlier sittings too.
    pub(super) metrics: Vec<Metric>,
}

impl Log {
    /// Goes on after `step`; what was measured since is measured again.
    pub(super) fn open(out: &Path, before: u64, step: u64) -> Result<Self> {
        let path = out.join(METRICS_FILE);
        if path.exists() {
            let mut metrics = metrics::read(&path)?;
            metrics.retain(|metric| step > 0 && metric.step <= step);
            let lines: Result<Vec<String>, _> = metrics.iter().map(serde_json::to_string).collect();
            let text: String = lines?.iter().map(|line| format!("{line}\n")).collect();
            write_atomically(&path, text.as_bytes())?;
        }
        let open = || fs::OpenOptions::new().create(true).append(true).open(&path);
        let file = open().with_context(|| format!("{} cannot be written", path.display()))?;
        let metrics = metrics::read(&path)?;
        Ok(Self { path, file, before, metrics })
    }

    pub(super) fn add(&mut self, metric: &Metric) -> Result<()> {
        writeln!(self.file, "{}", serde_json::to_string(metric)?)
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.metrics.push(metric.clone());
        if metric.validation.is_some() {
            curve::write(&self.metrics, self.before, &self.path.with_file_name("loss.svg"))?;
        }
        Ok(())
    }
}

pub(super) fn describe(metric: &Metric, best: Option<f64>) -> String {
    let mut text = format!(
        "step {} · train {:.3} nats/event, {:.0} nats/s · {:.0} events/s · rate {:.1e} · gradient {:.2}",
        metric.step,
        metric.train.unwrap_or(f64::NAN),
        metric.train_per_second.unwrap_or(f64::NAN),
        metric.events_per_s,
        metric.rate,
        metric.gradient_norm
    );
    if let Some(validation) = metric.validation {
        text += &format!(" · validation {validation:.3}");
    }
    if let Some(best) = best {
        text += &format!(" · best {best:.3}");
    }
    text
}

pub(super) fn bar(events: u64, position: u64) -> ProgressBar {
    let bar = ProgressBar::new(events).with_position(position);
    bar.reset_eta();
    match ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} events · {eta} left\n{msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
