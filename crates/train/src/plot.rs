//! Plots for the documentation, as SVG on white, so that they can be read on any background.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use performance::Performance;
use performance::statistics::{Feature, Profile};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::files::write_atomically;
use crate::measure::{Figure, Row};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Human music, in every plot.
pub(crate) const HUMAN: RGBColor = RGBColor(120, 120, 120);
/// The network's, in the order of the series.
pub(crate) const COLORS: [RGBColor; 5] = [
    RGBColor(190, 60, 40),
    RGBColor(35, 100, 170),
    RGBColor(200, 140, 20),
    RGBColor(60, 140, 70),
    RGBColor(130, 70, 150),
];
const FONT: &str = "sans-serif";
const PITCH_CLASSES: [&str; 12] = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/// Points with whiskers that share a name, one for each feature in the order of [`Feature::ALL`].
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) figures: Vec<Figure>,
}

/// Connected points that share a name.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) points: Vec<(f64, f64)>,
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

/// Piano rolls under each other: the keys of a piano upwards, louder notes darker, and a line at `mark`.
pub(crate) fn rolls(
    out: &Path,
    performances: &[(String, Performance)],
    secs: Range<f64>,
    mark: Option<f64>,
) -> Result<()> {
    const KEYS: Range<f64> = 21.0..109.0;
    save(out, (1200, 40 + 150 * performances.len().max(1) as u32), |root| {
        let panels = root.split_evenly((performances.len().max(1), 1));
        for ((name, performance), panel) in performances.iter().zip(&panels) {
            let mut chart = ChartBuilder::on(panel)
                .caption(name, (FONT, 13))
                .margin_right(8)
                .x_label_area_size(18)
                .y_label_area_size(30)
                .build_cartesian_2d(secs.clone(), KEYS)?;
            // A line at every C.
            for key in (24..109).step_by(12) {
                let octave = [(secs.start, f64::from(key)), (secs.end, f64::from(key))];
                chart.draw_series(LineSeries::new(octave, HUMAN.mix(0.25)))?;
            }
            chart
                .configure_mesh()
                .disable_mesh()
                .disable_y_axis()
                .x_labels(13)
                .label_style((FONT, 11))
                .draw()?;
            let heard = performance.notes().iter().filter_map(|note| {
                let (start, end) = (note.start_us as f64 / 1e6, note.end_us as f64 / 1e6);
                let (start, end) = (start.max(secs.start), end.min(secs.end));
                let key = f64::from(note.pitch.get());
                let loudness = 0.25 + 0.75 * f64::from(note.velocity.get()) / 127.0;
                let shade = |full: u8| (255.0 - loudness * (255.0 - f64::from(full))) as u8;
                let color = RGBColor(shade(COLORS[1].0), shade(COLORS[1].1), shade(COLORS[1].2));
                (start < end).then(|| Rectangle::new([(start, key), (end, key + 1.0)], color.filled()))
            });
            chart.draw_series(heard)?;
            if let Some(at) = mark.filter(|at| secs.contains(at)) {
                let line = [(at, KEYS.start), (at, KEYS.end)];
                chart.draw_series(LineSeries::new(line, COLORS[0].stroke_width(2)))?;
            }
        }
        Ok(())
    })
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

/// Asked and measured notes per second, both on doubling scales.
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

/// Names and colors in a row above the plot, where they cover nothing; returns what is left below.
fn below_legend<'a, 'b>(
    root: &Area<'a>,
    left: i32,
    names: impl Iterator<Item = (&'b str, RGBColor)>,
) -> Result<Area<'a>, Box<dyn Error>> {
    let (legend, below) = root.split_vertically(36);
    let mut x = left;
    for (name, color) in names {
        legend.draw(&Circle::new((x, 24), 5, color.filled()))?;
        legend.draw(&Text::new(name.to_owned(), (x + 12, 17), (FONT, 14)))?;
        // About as wide as letters of this size are.
        x += 44 + 8 * name.chars().count() as i32;
    }
    Ok(below)
}

/// A number as short as an axis wants it.
fn tick(x: f64) -> String {
    let decimals = if x.abs() >= 10.0 || x.fract().abs() < 1e-9 {
        0
    } else if x.abs() >= 1.0 {
        1
    } else {
        2
    };
    format!("{x:.decimals$}")
}

fn save(out: &Path, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<()> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let drawn = root.fill(&WHITE).map_err(Into::into).and_then(|()| draw(&root));
        drawn
            .and_then(|()| root.present().map_err(Into::into))
            .map_err(|error| anyhow!("{} cannot be drawn: {error}", out.display()))?;
    }
    write_atomically(out, svg.as_bytes())
}
