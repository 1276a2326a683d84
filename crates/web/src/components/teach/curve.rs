use session::teach::Point;
use yew::prelude::*;

/// Size in the picture's own units.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 160.0;
/// Losses are at least this far apart from top to bottom, in nats.
const SPAN_NATS: f64 = 0.1;

#[derive(Properties, PartialEq)]
pub struct CurveProps {
    pub learned: Vec<Point>,
    pub set_aside: Vec<Point>,
    pub planned: u64,
}

/// Losses against what was learned.
#[component]
pub fn Curve(CurveProps { learned, set_aside, planned }: &CurveProps) -> Html {
    let Some(range) = range(learned, set_aside) else { return Html::default() };
    let line = |points: &[Point]| -> String {
        points.iter().map(|point| place(*point, *planned, range)).collect::<Vec<_>>().join(" ")
    };
    let last =
        |points: &[Point]| points.last().map_or_else(String::new, |point| format!("{:.3}", point.nats));
    let (yours, aside) = (last(learned), last(set_aside));
    html! {
        <figure class="curve">
            <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} role="img"
                aria-label={format!("Loss on your pieces {yours}, on pieces set aside {aside}")}>
                <polyline class="learned" points={line(learned)} />
                <polyline class="aside" points={line(set_aside)} />
            </svg>
            <figcaption class="small">
                <span class="learned">{ format!("your pieces {yours}") }</span>
                { " · " }
                <span class="aside">{ format!("pieces set aside {aside}") }</span>
                { " nats per event, lower is better" }
            </figcaption>
        </figure>
    }
}

/// The lowest and the highest loss that are shown.
fn range(learned: &[Point], set_aside: &[Point]) -> Option<(f64, f64)> {
    let all = || learned.iter().chain(set_aside).map(|point| point.nats);
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    (low.is_finite() && high.is_finite()).then(|| (low, high.max(low + SPAN_NATS)))
}

/// Where a point is drawn: `x,y`.
fn place(point: Point, planned: u64, (low, high): (f64, f64)) -> String {
    let x = WIDTH * point.events as f64 / planned.max(point.events).max(1) as f64;
    let y = HEIGHT * (high - point.nats) / (high - low);
    format!("{x:.1},{y:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_at_the_bottom() {
        let points = [(0, 2.6), (50, 2.4)].map(|(events, nats)| Point { events, nats });
        let range = range(&points, &[]).unwrap();
        let places = points.map(|point| place(point, 100, range));
        assert_eq!(places, ["0.0,0.0", "300.0,160.0"]);
    }
}
