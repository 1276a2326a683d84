//! Figures of runs and generations: points and lines over anything.

use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::{COLORS, FONT, HUMAN, below_legend, save, tick};
use crate::measure::Figure;

/// Connected points that share a name.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Points that share a name, a row for each.
pub(crate) fn dots(out: &Path, rows: &[(String, Vec<f64>)], x_desc: &str) -> Result<()> {
    let n = rows.len();
    let points = || rows.iter().flat_map(|(_, points)| points).copied();
    let (low, high) = (points().fold(f64::INFINITY, f64::min), points().fold(f64::NEG_INFINITY, f64::max));
    let space = ((high - low) * 0.06).max(1e-3);
    save(out, (960, 80 + 34 * n as u32), |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(220)
            .build_cartesian_2d(low - space..high + space, 0.0..n as f64)?;
        // Rows from the top; the labels stand between two lines of the grid, so each row has its own.
        let name = |y: &f64| {
            let row = n as f64 - y - 0.5;
            let row = (row.fract() == 0.0 && row >= 0.0).then(|| rows.get(row as usize)).flatten();
            row.map(|(name, _)| name.clone()).unwrap_or_default()
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .y_labels(2 * n + 1)
            .y_label_formatter(&name)
            .x_desc(x_desc)
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 14))
            .draw()?;
        for (row, (_, points)) in rows.iter().enumerate() {
            let y = n as f64 - row as f64 - 0.5;
            chart.draw_series(points.iter().map(|&x| Circle::new((x, y), 4, COLORS[0].filled())))?;
        }
        Ok(())
    })
}

/// Requested and measured notes per second, both on doubling scales.
pub(crate) fn asked(out: &Path, points: &[(f64, Figure)]) -> Result<()> {
    let range = 0.5..64.0_f64;
    let inside = |x: f64| x.clamp(range.start, range.end);
    save(out, (620, 460), |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(60)
            .build_cartesian_2d(range.clone().log_scale().base(2.0), range.clone().log_scale().base(2.0))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("asked for, notes per second")
            .y_desc("measured, notes per second")
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 14))
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|y| tick(*y))
            .draw()?;
        let diagonal = [(range.start, range.start), (range.end, range.end)];
        chart
            .draw_series(LineSeries::new(diagonal, HUMAN.stroke_width(1)))?
            .label("as asked")
            .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], HUMAN));
        let whiskers = points.iter().map(|&(x, figure)| {
            let ends = [figure.low, figure.high].map(|y| (inside(x), inside(y)));
            PathElement::new(ends, COLORS[0].stroke_width(2))
        });
        chart.draw_series(whiskers)?;
        let dots =
            points.iter().map(|&(x, f)| Circle::new((inside(x), inside(f.value)), 5, COLORS[0].filled()));
        chart
            .draw_series(dots)?
            .label("mean and 95 % interval")
            .legend(|(x, y)| Circle::new((x + 10, y), 5, COLORS[0].filled()));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font((FONT, 14))
            .background_style(WHITE)
            .border_style(HUMAN)
            .draw()?;
        Ok(())
    })
}

/// Shares (parts of 1) over anything, as lines.
pub(crate) fn shares(out: &Path, lines: &[Line], x_desc: &str, y_desc: &str) -> Result<()> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let fold = |start: f64, pick: fn(f64, f64) -> f64| points().map(|&(x, _)| x).fold(start, pick);
    let xs: Range<f64> = fold(f64::INFINITY, f64::min).min(0.0)..fold(0.0, f64::max).max(1.0);
    let highest = points().map(|&(_, y)| y).filter(|y| y.is_finite()).fold(0.02, f64::max);
    save(out, (960, 440), |root| {
        let root =
            below_legend(root, 90, lines.iter().map(|Line { name, color, .. }| (name.as_str(), *color)))?;
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(70)
            .build_cartesian_2d(xs.clone(), 0.0..highest * 1.05)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(x_desc)
            .y_desc(y_desc)
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 14))
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|y| format!("{} %", tick(100.0 * y)))
            .draw()?;
        for Line { color, points, .. } in lines {
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
        }
        Ok(())
    })
}
