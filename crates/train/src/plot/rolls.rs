//! Piano rolls.

use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use performance::Performance;
use performance::statistics::Repeat;
use plotters::prelude::*;

use super::{COLORS, FONT, HUMAN, save};

/// Piano rolls under each other: the keys of a piano upwards, louder notes darker, and a line at `mark`. What is
/// repeated has a bar above it, and a line from there to a frame above where it was heard.
pub(crate) fn rolls(
    out: &Path,
    performances: &[(String, Performance)],
    repeats: &[Vec<Repeat>],
    secs: Range<f64>,
    mark: Option<f64>,
) -> Result<()> {
    const KEYS: Range<f64> = 21.0..117.0;
    const REPEATED: [f64; 2] = [113.0, 116.0];
    const HEARD: [f64; 2] = [109.0, 112.0];
    save(out, (1200, 40 + 150 * performances.len().max(1) as u32), |root| {
        let panels = root.split_evenly((performances.len().max(1), 1));
        for (((name, performance), repeats), panel) in performances.iter().zip(repeats).zip(&panels) {
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
            for (repeat, color) in repeats.iter().zip(COLORS.iter().cycle()) {
                let [at, heard] = [&repeat.at_us, &repeat.heard_us].map(|us| {
                    let secs_of = |us: u64| (us as f64 / 1e6).clamp(secs.start, secs.end);
                    [secs_of(us.start), secs_of(us.end)]
                });
                if at[0] >= at[1] {
                    continue;
                }
                let bar = |[start, end]: [f64; 2], [low, high]: [f64; 2]| [(start, low), (end, high)];
                let bars = [
                    Rectangle::new(bar(at, REPEATED), color.filled()),
                    Rectangle::new(bar(heard, HEARD), color.stroke_width(1)),
                ];
                chart.draw_series(bars)?;
                let line = [(heard[0], HEARD[1]), (at[0], REPEATED[0])];
                chart.draw_series(LineSeries::new(line, color.mix(0.6)))?;
            }
            if let Some(at) = mark.filter(|at| secs.contains(at)) {
                let line = [(at, KEYS.start), (at, KEYS.end)];
                chart.draw_series(LineSeries::new(line, COLORS[0].stroke_width(2)))?;
            }
        }
        Ok(())
    })
}
