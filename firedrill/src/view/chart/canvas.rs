//! Dots: a curve's points put into columns, and columns drawn in Braille, two by four dots to a character.

use query::{Window, prometheus::Point};
use std::time::Duration;

/// The lowest and the highest value within a column.
pub(super) type Range = (f64, f64);

/// The values of each of `count` columns of a window. Between neighbouring points the way is straight; where a point is
/// missing, or no number, nothing is drawn.
pub(super) fn columns(points: &[Point], window: Window, step: Duration, count: usize) -> Vec<Option<Range>> {
    let mut columns: Vec<Option<Range>> = vec![None; count];
    let length = window.end.0.saturating_sub(window.start.0).max(1) as f64;
    let last = count.saturating_sub(1);
    let place = |point: &Point| {
        let share = point.time.0.saturating_sub(window.start.0) as f64 / length;
        ((share * last as f64).round().max(0.0) as usize).min(last)
    };
    let mut put = |column: usize, value: f64| {
        let (low, high) = columns[column].unwrap_or((value, value));
        columns[column] = Some((low.min(value), high.max(value)));
    };
    let near = step.as_nanos() as f64 * 1.5;
    let mut before: Option<&Point> = None;
    for point in points {
        if !point.value.is_finite() || count == 0 {
            before = None;
            continue;
        }
        let to = place(point);
        if let Some(before) = before.filter(|b| point.time.0.saturating_sub(b.time.0) as f64 <= near) {
            let from = place(before);
            for column in from + 1..to {
                let share = (column - from) as f64 / (to - from) as f64;
                put(column, before.value + (point.value - before.value) * share);
            }
        }
        put(to, point.value);
        before = Some(point);
    }
    columns
}

/// Characters of dots.
#[derive(Debug)]
pub(super) struct Canvas {
    width: usize,
    cells: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, cells: vec![0; width * height] }
    }

    /// How many columns of dots there are.
    pub(super) fn dots(&self) -> usize {
        self.width * 2
    }

    fn height(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0) * 4
    }

    /// Draws a curve; columns beside each other are joined.
    pub(super) fn plot(&mut self, columns: &[Option<Range>], (low, high): Range) {
        let top = self.height().saturating_sub(1);
        let row = |value: f64| {
            let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
            top - (share * top as f64).round() as usize
        };
        let mut before: Option<(usize, usize)> = None;
        for (x, column) in columns.iter().enumerate() {
            let rows = column.map(|(low, high)| (row(high), row(low)));
            if let Some((upper, lower)) = rows {
                // Half of a steep way is drawn here: towards the column before, up to the dot next to it.
                let (from, to) = match before {
                    Some((_, before_lower)) if before_lower + 1 < upper => (before_lower + 1, lower),
                    Some((before_upper, _)) if lower + 1 < before_upper => (upper, before_upper - 1),
                    _ => (upper, lower),
                };
                for y in from..=to {
                    self.dot(x, y);
                }
            }
            before = rows;
        }
    }

    fn dot(&mut self, x: usize, y: usize) {
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        if let Some(cell) = self.cells.get_mut(y / 4 * self.width + x / 2) {
            *cell |= BITS[x % 2][y % 4];
        }
    }

    /// The lines from top to bottom; a cell without a dot is a space.
    pub(super) fn rows(&self) -> impl Iterator<Item = String> {
        let sign = |cell: &u8| match cell {
            0 => ' ',
            dots => char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' '),
        };
        self.cells.chunks(self.width.max(1)).map(move |row| row.iter().map(sign).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use query::UnixNanos;

    const SECOND: i64 = 1_000_000_000;

    fn points(values: &[(i64, f64)]) -> Vec<Point> {
        values.iter().map(|(s, value)| Point { time: UnixNanos(s * SECOND), value: *value }).collect()
    }

    fn window(seconds: i64) -> Window {
        Window { start: UnixNanos(0), end: UnixNanos(seconds * SECOND) }
    }

    fn drawn(values: &[(i64, f64)], seconds: i64, scale: Range) -> String {
        let mut canvas = Canvas::new(4, 2);
        canvas.plot(&columns(&points(values), window(seconds), Duration::from_secs(1), canvas.dots()), scale);
        canvas.rows().collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_slope_goes_from_corner_to_corner() {
        let slope: Vec<(i64, f64)> = (0..8).map(|i| (i, i as f64)).collect();
        assert_eq!(drawn(&slope, 7, (0.0, 7.0)), "  ⡠⠊\n⡠⠊  ");
    }

    #[test]
    fn two_points_are_joined_over_the_columns_between() {
        assert_eq!(drawn(&[(0, 0.0), (1, 0.0)], 1, (0.0, 1.0)), "    \n⣀⣀⣀⣀");
        assert_eq!(drawn(&[(0, 0.0), (1, 1.0)], 1, (0.0, 1.0)), "  ⡠⠊\n⡠⠊  ");
    }

    #[test]
    fn a_jump_is_a_line_without_holes() {
        assert_eq!(drawn(&[(0, 0.0), (1, 7.0), (2, 0.0), (3, 0.0)], 7, (0.0, 7.0)), "⢸⡆  \n⡸⣇  ");
    }

    #[test]
    fn missing_points_and_what_is_no_number_leave_a_gap() {
        let found = columns(
            &points(&[(0, 1.0), (1, f64::NAN), (2, 1.0), (5, 1.0), (6, 1.0)]),
            window(6),
            Duration::from_secs(1),
            7,
        );
        let there: Vec<bool> = found.iter().map(Option::is_some).collect();
        assert_eq!(there, [true, false, true, false, false, true, true]);
    }

    #[test]
    fn a_peak_among_more_points_than_columns_is_not_lost() {
        let mut values: Vec<(i64, f64)> = (0..100).map(|i| (i, 0.0)).collect();
        values[37].1 = 9.0;
        let found = columns(&points(&values), window(99), Duration::from_secs(1), 10);
        assert!(found.iter().flatten().any(|(_, high)| *high == 9.0), "{found:?}");
    }

    proptest! {
        #[test]
        fn no_points_make_it_panic(
            values in proptest::collection::vec((any::<i64>(), any::<f64>()), 0..20),
            start: i64, end: i64, width in 0usize..5, height in 0usize..4, low: f64, high: f64
        ) {
            let values: Vec<Point> =
                values.into_iter().map(|(time, value)| Point { time: UnixNanos(time), value }).collect();
            let window = Window { start: UnixNanos(start), end: UnixNanos(end) };
            let mut canvas = Canvas::new(width, height);
            canvas.plot(&columns(&values, window, Duration::from_secs(1), canvas.dots()), (low, high));
            prop_assert!(canvas.rows().count() <= height);
        }
    }
}
