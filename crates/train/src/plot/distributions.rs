//! Features of music: their distributions, and how far two sets of them overlap.

use std::path::Path;

use anyhow::Result;
use performance::statistics::{Feature, Profile};
use plotters::prelude::*;

use super::{Area, COLORS, Drawn, FONT, HUMAN, below_legend, save, tick};
use crate::measure::{Figure, Row};

const PITCH_CLASSES: [&str; performance::N_PITCH_CLASSES] =
    ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/// Points with whiskers that share a name, one for each feature in the order of [`Feature::ALL`].
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) figures: Vec<Figure>,
}

/// Floor and overlap of a comparison, as two series.
pub(crate) fn overlap_series(rows: &[Row], name: &str) -> Vec<Series> {
    let series = |name: &str, color, figure: fn(&Row) -> Figure| Series {
        name: name.to_owned(),
        color,
        figures: rows.iter().map(figure).collect(),
    };
    vec![
        series("human and human", HUMAN, |row| row.floor_overlap),
        series(&format!("{name} and human"), COLORS[0], |row| row.overlap),
    ]
}

/// Every feature's mean distribution in two sets; `names` are theirs.
pub(crate) fn distributions(
    out: &Path,
    first: &[Profile],
    second: &[Profile],
    names: [&str; 2],
) -> Result<()> {
    let means = [Profile::mean(first), Profile::mean(second)];
    save(out, (1080, 1160), |root| {
        let panels = root.split_evenly((4, 3));
        for (feature, panel) in Feature::ALL.into_iter().zip(&panels) {
            let [p, q] = [&means[0], &means[1]].map(|mean| mean.distribution(feature));
            if feature == Feature::PitchClassTransition {
                transitions(panel, p, q, names)?;
            } else {
                distribution(panel, feature, p, q)?;
            }
        }
        if let Some(panel) = panels.last() {
            for (row, (name, color)) in names.iter().zip([HUMAN, COLORS[0]]).enumerate() {
                let y = 80 + 30 * row as i32;
                panel.draw(&Rectangle::new([(60, y), (90, y + 14)], color.mix(0.8).filled()))?;
                panel.draw(&Text::new((*name).to_owned(), (100, y), (FONT, 17)))?;
            }
        }
        Ok(())
    })
}

fn distribution(panel: &Area<'_>, feature: Feature, p: &[f64], q: &[f64]) -> Drawn {
    let highest = p.iter().chain(q).copied().fold(0.0, f64::max).max(1e-6);
    let mut chart = ChartBuilder::on(panel)
        .caption(feature.name(), (FONT, 17))
        .margin(8)
        .x_label_area_size(38)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..p.len() as f64, 0.0..highest * 1.08)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(feature.unit())
        .y_desc("share")
        .x_labels(7)
        .y_labels(5)
        .label_style((FONT, 12))
        .axis_desc_style((FONT, 13))
        .x_label_formatter(&|x| bin_name(feature, *x))
        .draw()?;
    chart.draw_series(p.iter().enumerate().map(|(bin, &share)| {
        let x = bin as f64;
        Rectangle::new([(x, 0.0), (x + 1.0, share)], HUMAN.mix(0.55).filled())
    }))?;
    let steps =
        q.iter().enumerate().flat_map(|(bin, &share)| [(bin as f64, share), (bin as f64 + 1.0, share)]);
    chart.draw_series(LineSeries::new(steps, COLORS[0].stroke_width(2)))?;
    Ok(())
}

/// Where the second set moves from pitch class to pitch class more often than the first, and where less.
fn transitions(panel: &Area<'_>, p: &[f64], q: &[f64], names: [&str; 2]) -> Drawn {
    let largest = p.iter().zip(q).map(|(p, q)| (q - p).abs()).fold(1e-9, f64::max);
    let mut chart = ChartBuilder::on(panel)
        .caption(Feature::PitchClassTransition.name(), (FONT, 17))
        .margin(8)
        .x_label_area_size(38)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..12.0, 0.0..12.0)?;
    let name = |x: &f64| bin_name(Feature::PitchClass, *x);
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc(format!("to; red: more of it in {}, up to {:.1} %", names[1], 100.0 * largest))
        .y_desc("from")
        .x_labels(12)
        .y_labels(12)
        .label_style((FONT, 12))
        .axis_desc_style((FONT, 13))
        .x_label_formatter(&name)
        .y_label_formatter(&name)
        .draw()?;
    chart.draw_series(p.iter().zip(q).enumerate().map(|(pair, (p, q))| {
        let (x, y) = ((pair % 12) as f64, (pair / 12) as f64);
        let change = (q - p) / largest;
        let color = if change > 0.0 { COLORS[0] } else { COLORS[1] };
        Rectangle::new([(x, y), (x + 1.0, y + 1.0)], color.mix(change.abs()).filled())
    }))?;
    Ok(())
}

/// What stands at the left edge of a bin.
fn bin_name(feature: Feature, bin: f64) -> String {
    let bin = bin.round() as usize;
    match feature {
        Feature::PitchClass => PITCH_CLASSES.get(bin).copied().unwrap_or_default().to_owned(),
        _ if bin < feature.n_bins() => tick(feature.bin_start(bin)),
        _ => String::new(),
    }
}

/// Overlap areas with whiskers, a row for each feature.
pub(crate) fn overlaps(out: &Path, series: &[Series]) -> Result<()> {
    let n = Feature::ALL.len();
    save(out, (960, 580), |root| {
        let names = series.iter().map(|Series { name, color, .. }| (name.as_str(), *color));
        let root = below_legend(root, 196, names)?;
        let lowest = series.iter().flat_map(|series| &series.figures).map(|figure| figure.low);
        let lowest = (lowest.filter(|low| low.is_finite()).fold(1.0, f64::min) - 0.05).clamp(0.0, 0.9);
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(180)
            .build_cartesian_2d(lowest..1.0, 0.0..n as f64)?;
        // Rows from the top; the labels stand between two lines of the grid, so each row has its own.
        let name = |y: &f64| {
            let row = n as f64 - y - 0.5;
            let feature =
                (row.fract() == 0.0 && row >= 0.0).then(|| Feature::ALL.get(row as usize)).flatten();
            feature.map(|feature| feature.name().to_owned()).unwrap_or_default()
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .y_labels(2 * n + 1)
            .y_label_formatter(&name)
            .x_desc("overlap area, 1 = the same distribution; whiskers: 95 % interval over pieces")
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 14))
            .draw()?;
        for (idx, Series { color, figures, .. }) in series.iter().enumerate() {
            let color = *color;
            let shift = 0.3 * (idx as f64 + 0.5 - series.len() as f64 / 2.0) * 2.0 / series.len() as f64;
            let rows: Vec<(f64, Figure)> = figures
                .iter()
                .enumerate()
                .map(|(row, &f)| (n as f64 - row as f64 - 0.5 - shift, f))
                .collect();
            let whisker = |&(y, Figure { low, high, .. }): &(f64, Figure)| {
                PathElement::new(vec![(low, y), (high, y)], color.stroke_width(2))
            };
            chart.draw_series(rows.iter().map(whisker))?;
            chart.draw_series(rows.iter().map(|&(y, f)| Circle::new((f.value, y), 4, color.filled())))?;
        }
        Ok(())
    })
}
