//! Plots for the documentation, as SVG on white, so that they can be read on any background.

mod charts;
mod distributions;
mod rolls;

use std::error::Error;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::files::write_atomically;
pub(crate) use charts::{Line, asked, dots, shares};
pub(crate) use distributions::{Series, distributions, overlap_series, overlaps};
pub(crate) use rolls::rolls;

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
