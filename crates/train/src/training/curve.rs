//! The loss curve as a picture.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::metrics::Metric;

/// Draws the metrics as an SVG; `before` events had been trained on before the run.
pub(crate) fn write(metrics: &[Metric], before: u64, out: &Path) -> Result<()> {
    let million = |metric: &Metric| (before + metric.events) as f64 / 1e6;
    let train: Vec<(f64, f64)> =
        metrics.iter().filter_map(|metric| Some((million(metric), metric.train?))).collect();
    let validation: Vec<(f64, f64)> =
        metrics.iter().filter_map(|metric| Some((million(metric), metric.validation?))).collect();
    let losses = || train.iter().chain(&validation).map(|&(_, loss)| loss);
    let (low, high) = (losses().fold(f64::INFINITY, f64::min), losses().fold(0.0, f64::max));
    let end = train.iter().chain(&validation).map(|&(x, _)| x).fold(0.0, f64::max);
    if !(low.is_finite() && end > before as f64 / 1e6) {
        return Ok(());
    }
    let events = before as f64 / 1e6..end;
    draw(out, events, (low - 0.05)..high.min(low + 2.5) + 0.05, train, validation)
        .map_err(|error| anyhow::anyhow!("{} cannot be drawn: {error}", out.display()))
}

fn draw(
    out: &Path,
    events: std::ops::Range<f64>,
    range: std::ops::Range<f64>,
    train: Vec<(f64, f64)>,
    validation: Vec<(f64, f64)>,
) -> Result<(), Box<dyn std::error::Error + '_>> {
    let root = SVGBackend::new(out, (900, 500)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(events, range)?;
    chart.configure_mesh().x_desc("million events").y_desc("nats per event").draw()?;
    chart.draw_series(LineSeries::new(train, RGBColor(170, 170, 170)))?.label("training");
    chart
        .draw_series(LineSeries::new(validation, ShapeStyle::from(RGBColor(190, 60, 40)).stroke_width(2)))?
        .label("validation");
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    root.present()?;
    Ok(())
}
