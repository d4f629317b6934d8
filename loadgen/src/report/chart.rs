//! Rate and p99 over time as inline SVG: each on an axis of its own, with round numbers at its lines. Knows no report.

use crate::run::Point;
use maud::{Markup, html as page};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers: left and right of the lines, above and below them.
const SIDE: f64 = 60.0;
const ABOVE: f64 = 24.0;
const BELOW: f64 = 26.0;
/// Parts that the lines divide each axis into.
const PARTS: u32 = 4;

/// The picture; words where there is too little for one.
pub(super) fn timeline(points: &[Point]) -> Markup {
    if points.len() < 2 {
        return page! { p { "Too short for a picture." } };
    }
    let end = points[points.len() - 1].at_s.max(1e-3);
    let rate = |p: &Point| p.ended as f64 / p.length_s.max(1e-3);
    let p99 = |p: &Point| p.response_p99_ms;
    let most = |value: &dyn Fn(&Point) -> f64| points.iter().map(value).fold(0.0, f64::max);
    let (top_rate, top_p99) = (round_up(most(&rate)), round_up(most(&p99)));
    let line = |value: &dyn Fn(&Point) -> f64, top: f64| {
        let at = |p: &Point| format!("{:.1},{:.1}", x(p.at_s / end), y(value(p) / top));
        points.iter().map(at).collect::<Vec<_>>().join(" ")
    };
    page! {
        p { span.key-a { "requests/s" } ", left axis · " span.key-b { "p99 of the response time in ms" } ", right axis" }
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="requests per second and p99 over time" {
            @for part in 0..=PARTS {
                @let share = f64::from(part) / f64::from(PARTS);
                line.grid x1=(x(0.0)) x2=(x(1.0)) y1=(y(share)) y2=(y(share)) {}
                text.key-a x=(x(0.0) - 6.0) y=(y(share) + 4.0) text-anchor="end" { (number(top_rate * share)) }
                text.key-b x=(x(1.0) + 6.0) y=(y(share) + 4.0) { (number(top_p99 * share)) }
                text x=(x(share)) y=(HEIGHT - 8.0) text-anchor="middle" { (number(end * share)) " s" }
            }
            text x=(x(0.0) - 6.0) y="12" text-anchor="end" { "requests/s" }
            text x=(x(1.0) + 6.0) y="12" { "p99 ms" }
            polyline.a points=(line(&rate, top_rate)) {}
            polyline.b points=(line(&p99, top_p99)) {}
        }
    }
}

fn x(share: f64) -> f64 {
    SIDE + share * (WIDTH - 2.0 * SIDE)
}

fn y(share: f64) -> f64 {
    HEIGHT - BELOW - share * (HEIGHT - BELOW - ABOVE)
}

/// The least of 1, 2, 4 and 8, or of their tenfold and so on, that is not below the value: its quarters are short numbers.
fn round_up(value: f64) -> f64 {
    let magnitude = 10_f64.powf(value.max(1e-3).log10().floor());
    let steps = [1.0, 2.0, 4.0, 8.0, 10.0];
    steps.map(|step| step * magnitude).into_iter().find(|top| *top >= value).unwrap_or(10.0 * magnitude)
}

/// With as few decimals as it takes.
fn number(value: f64) -> String {
    let decimals = if value == 0.0 || value >= 10.0 { 0 } else { 2 };
    let text = format!("{value:.decimals$}");
    if decimals == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, top) in [(0.0, 0.001), (0.7, 0.8), (1.0, 1.0), (3.0, 4.0), (19.6, 20.0), (81.0, 100.0)] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}: {}", round_up(value));
        }
        assert_eq!([0.0, 0.5, 0.25, 5.0, 12.5].map(number), ["0", "0.5", "0.25", "5", "12"]);
    }

    #[test]
    fn both_axes_and_the_time_have_numbers() {
        let point =
            |at_s| Point { at_s, length_s: 1.0, ended: 18, failed: 0, response_p99_ms: 7.0, lag_p99_ms: 0.1 };
        let picture = timeline(&[point(1.0), point(2.0), point(8.0)]).into_string();
        for label in [">20<", ">15<", ">8<", ">6<", ">0 s<", ">4 s<", ">8 s<", ">requests/s<", ">p99 ms<"] {
            assert!(picture.contains(label), "{label} in {picture}");
        }
        assert!(timeline(&[point(1.0)]).into_string().contains("Too short"));
    }
}
