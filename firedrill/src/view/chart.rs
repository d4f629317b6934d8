//! Values over time as a small chart: a few series as lines of Braille dots above an axis of times, many as a table with
//! one short curve each. All series of an answer share one scale, so that what is higher is more.

use super::{BOLD, DIM, Look, SERVICES, query::selector, query::warnings};
use query::{
    UnixNanos, Window,
    prometheus::{Answer, Data, Series, format_value},
};
use std::time::Duration;

mod canvas;

use canvas::{Canvas, Range, columns};

/// With more series than this each gets one line instead of a drawing of its own.
const DRAWN: usize = 4;
/// Lines of a drawing: of the only one, and of one among others.
const ROWS: (usize, usize) = (8, 4);
/// Cells of a drawing, at most.
const WIDE: usize = 100;
/// Cells of a short curve.
const SHORT: usize = 40;

/// The answer to a range query over a window with this step, and the server's warnings below it.
#[must_use]
pub fn render(answer: &Answer, window: Window, step: Duration, look: Look) -> String {
    let mut out = match &answer.data {
        Data::Matrix(series) if series.is_empty() => "no series\n".to_owned(),
        Data::Matrix(series) => Chart { series, window, step, look, scale: scale(series) }.draw(),
        _ => return super::query::render(answer, look),
    };
    out.push_str(&warnings(answer, look));
    out
}

struct Chart<'a> {
    series: &'a [Series],
    window: Window,
    step: Duration,
    look: Look,
    /// The lowest and the highest value drawn.
    scale: (f64, f64),
}

impl Chart<'_> {
    fn draw(&self) -> String {
        if self.series.len() > DRAWN { self.table() } else { self.drawings() }
    }

    fn drawings(&self) -> String {
        let rows = if self.series.len() == 1 { ROWS.0 } else { ROWS.1 };
        let (low, high) = (short(self.scale.0), short(self.scale.1));
        let margin = low.chars().count().max(high.chars().count());
        let cells = self.look.width.max(40).saturating_sub(margin + 4).min(WIDE);
        let mut out = String::new();
        for (at, series) in self.series.iter().enumerate() {
            let told = Told::of(series);
            let name = self.look.paint(BOLD, &selector(&series.labels));
            let figures = format!("last {}   min {}   max {}", told.last, told.min, told.max);
            out.push_str(&format!("{name}   {figures}\n"));
            let mut canvas = Canvas::new(cells, rows);
            canvas.plot(&columns(&series.points, self.window, self.step, canvas.dots()), self.scale);
            let style = SERVICES[at % SERVICES.len()];
            for (row, text) in canvas.rows().enumerate() {
                let label = match row {
                    0 => high.as_str(),
                    row if row + 1 == rows => low.as_str(),
                    _ => "",
                };
                let mark = if label.is_empty() { '│' } else { '┤' };
                let axis = self.look.paint(DIM, &format!("{label:>margin$} {mark}"));
                out.push_str(format!("{axis}{}", self.look.paint(style, &text)).trim_end());
                out.push('\n');
            }
        }
        let axis = format!("{:margin$} └{}", "", times(self.window, cells));
        out.push_str(&self.look.paint(DIM, &axis));
        out.push('\n');
        out
    }

    fn table(&self) -> String {
        let told: Vec<Told> = self.series.iter().map(Told::of).collect();
        let width = |of: fn(&Told) -> &str, head: &str| {
            let widest = told.iter().map(|told| of(told).chars().count()).max().unwrap_or(0);
            widest.max(head.len())
        };
        let last = width(|told| &told.last, "last");
        let (min, max) = (width(|told| &told.min, "min"), width(|told| &told.max, "max"));
        let cells = (self.look.width / 3).clamp(16, SHORT);
        let ends =
            format!("{} … {}", moment(self.window, self.window.start), moment(self.window, self.window.end));
        let head = format!("{ends:<cells$}  {:>last$}  {:>min$}  {:>max$}  series", "last", "min", "max");
        let mut out = self.look.paint(BOLD, &head) + "\n";
        for (at, (series, told)) in self.series.iter().zip(&told).enumerate() {
            let points = columns(&series.points, self.window, self.step, cells);
            let curve: String = points.iter().map(|range| bar(*range, self.scale)).collect();
            let curve = self.look.paint(SERVICES[at % SERVICES.len()], &curve);
            let name = selector(&series.labels);
            out.push_str(&format!(
                "{curve}  {:>last$}  {:>min$}  {:>max$}  {name}\n",
                told.last, told.min, told.max
            ));
        }
        out
    }
}

/// The figures of a series.
struct Told {
    last: String,
    min: String,
    max: String,
}

impl Told {
    fn of(series: &Series) -> Self {
        let values = || series.points.iter().map(|point| point.value).filter(|value| !value.is_nan());
        let or_none = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short);
        Self {
            last: or_none(series.points.last().map(|point| point.value)),
            min: or_none(values().reduce(f64::min)),
            max: or_none(values().reduce(f64::max)),
        }
    }
}

/// The lowest and the highest number of all series; where they are one, the way from zero to it.
fn scale(series: &[Series]) -> (f64, f64) {
    let values = || series.iter().flat_map(|s| &s.points).map(|p| p.value).filter(|v| v.is_finite());
    let (Some(low), Some(high)) = (values().reduce(f64::min), values().reduce(f64::max)) else {
        return (0.0, 1.0);
    };
    match low == high {
        false => (low, high),
        true if low == 0.0 => (0.0, 1.0),
        true => (low.min(0.0), high.max(0.0)),
    }
}

/// Four digits are enough to read a chart by.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || value == 0.0 {
        return format_value(value);
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The highest value of a column as one of eight bars.
fn bar(range: Option<Range>, (low, high): (f64, f64)) -> char {
    let Some((_, value)) = range else { return ' ' };
    let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
    ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][(share * 7.0).round() as usize]
}

/// The times at the beginning, in the middle and at the end of an axis.
fn times(window: Window, cells: usize) -> String {
    let (start, end) = (window.start.0, window.end.0);
    let middle = UnixNanos(start.saturating_add(end.saturating_sub(start) / 2));
    let [first, middle, last] = [window.start, middle, window.end].map(|time| moment(window, time));
    let width = first.chars().count();
    if cells < 3 * width + 4 {
        let gap = cells.saturating_sub(2 * width).max(1);
        return format!("{first}{:gap$}{last}", "");
    }
    let (before, after) = ((cells - 3 * width) / 2, (cells - 3 * width).div_ceil(2));
    format!("{first}{:before$}{middle}{:after$}{last}", "", "")
}

/// A time of the day; with its date where the window is longer than one.
fn moment(window: Window, time: UnixNanos) -> String {
    let text = time.to_string();
    let is_long = window.end.0.saturating_sub(window.start.0) > 86_400_000_000_000;
    let shown = if is_long { text.get(5..16) } else { text.get(11..19) };
    shown.unwrap_or(&text).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_but_tell_small_from_large() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (12.345_67, "12.35"),
            (0.001_234_6, "0.001235"),
            (123_456.7, "123457"),
            (-0.5, "-0.5"),
            (1e-9, "1.00e-9"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
            (9.999_96, "10"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn a_scale_is_never_empty() {
        let of = |values: &[f64]| {
            let points =
                values.iter().map(|value| query::prometheus::Point { time: UnixNanos(0), value: *value });
            scale(&[Series { labels: [].into(), points: points.collect() }])
        };
        assert_eq!(of(&[1.0, 3.0, f64::NAN, f64::INFINITY]), (1.0, 3.0));
        assert_eq!(of(&[2.0]), (0.0, 2.0));
        assert_eq!(of(&[-2.0]), (-2.0, 0.0));
        assert_eq!(of(&[0.0]), (0.0, 1.0));
        assert_eq!(of(&[f64::NAN]), (0.0, 1.0));
    }
}
