use std::fmt::Write;
use std::rc::Rc;

use session::{Curves as Values, Performed};
use yew::prelude::*;

use crate::roll::Look;

/// Columns of the curves: a pixel or two each.
const N_COLUMNS: usize = 320;
/// Of the drawing, in its own units.
const HEIGHT: f64 = 40.0;
const WIDTH: f64 = 1000.0;

#[derive(Properties, PartialEq)]
pub struct CurvesProps {
    pub performed: Rc<Performed>,
    pub look: Look,
}

/// Tempo and loudness of a performance of a score, below its overview.
#[component]
pub fn Curves(CurvesProps { performed, look }: &CurvesProps) -> Html {
    let curves = use_memo(Rc::clone(performed), |performed| performed.curves(N_COLUMNS));
    let tempos = range(curves.columns.iter().map(|column| column.quarters_per_minute));
    let velocities = range(curves.columns.iter().map(|column| column.velocity));
    let label = format!(
        "Tempo, from {:.0} to {:.0} quarters a minute, and loudness, from {:.0} to {:.0} of 127",
        tempos.0, tempos.1, velocities.0, velocities.1
    );
    let share = look.percent(curves.end_us) / 100.0;
    let scale = |range: (f64, f64)| {
        let (middle, half) = ((range.0 + range.1) / 2.0, ((range.1 - range.0) / 2.0).max(1.0));
        move |value: f64| (value - middle) / half
    };
    let (tempo, loudness) = (scale(tempos), scale(velocities));
    html! {
        <div class="curves">
            <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img" aria-label={label}>
                <polyline class="loudness" points={line(&curves, share, |column| loudness(column.velocity))} />
                <polyline class="tempo" points={line(&curves, share, |column| tempo(column.quarters_per_minute))} />
            </svg>
            <span class="words" aria-hidden="true"><span class="tempo">{ "Tempo" }</span><span class="loudness">{ "Loudness" }</span></span>
        </div>
    }
}

/// Smallest and largest.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)))
}

/// A line through values from -1 to 1.
fn line(curves: &Values, share: f64, value: impl Fn(&session::CurveColumn) -> f64) -> String {
    let mut points = String::new();
    for column in &curves.columns {
        let x = WIDTH * share * column.at_us as f64 / curves.end_us.max(1) as f64;
        let y = HEIGHT * (0.5 - 0.42 * value(column).clamp(-1.0, 1.0));
        // A String takes everything.
        let _ = write!(points, "{x:.1},{y:.1} ");
    }
    points
}
