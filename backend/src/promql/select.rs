//! Selectors: the latest sample within the lookback at each step, or the samples of a window before each step.
//! Windows and lookback are open on the left, as in Prometheus 3. `offset` and `@` shift where a step looks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use promql_parser::label::MatchOp;
use promql_parser::parser::token::T_COUNT_VALUES;
use promql_parser::parser::{AtModifier, Expr, Offset, SubqueryExpr, VectorSelector};

use super::eval::Evaluator;
use super::strings::value_of;
use super::value::{Grid, Row, Value, absent, is_present};
use super::{QueryError, aggregate, order};
use crate::labels::{Labels, NAME};
use crate::matcher::Matcher;
use crate::store::samples::{Sample, is_stale};

/// How many windows pass until the deadline is looked at again.
const CLOCK_EVERY: usize = 64;

/// The conditions of a selector, the metric name among them.
///
/// # Errors
/// A regex that does not compile.
pub(crate) fn matchers_of(selector: &VectorSelector) -> Result<Vec<Matcher>, QueryError> {
    let name = selector.name.as_ref().map(|n| Matcher::new(NAME, "=", n));
    let others = selector.matchers.matchers.iter().map(|m| {
        let op = match m.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Re(_) => "=~",
            MatchOp::NotRe(_) => "!~",
        };
        Matcher::new(&m.name, op, &value_of(m))
    });
    name.into_iter().chain(others).collect::<Result<_, _>>().map_err(QueryError::Bad)
}

/// A duration in milliseconds.
pub(super) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

fn epoch_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => ms(after),
        Err(before) => -ms(before.duration()),
    }
}

/// Where each step looks: the step itself or a fixed time, less the offset.
#[derive(Debug, Clone, Copy)]
struct Shift {
    at: Option<i64>,
    offset: i64,
}

impl Shift {
    fn new(at: Option<&AtModifier>, offset: Option<&Offset>, outer: Grid) -> Self {
        let at = at.map(|at| match at {
            AtModifier::Start => outer.start,
            AtModifier::End => outer.end,
            AtModifier::At(time) => epoch_ms(*time),
        });
        let offset = match offset {
            Some(Offset::Pos(d)) => ms(*d),
            Some(Offset::Neg(d)) => -ms(*d),
            None => 0,
        };
        Self { at, offset }
    }

    fn time(self, t: i64) -> i64 {
        self.at.unwrap_or(t).saturating_sub(self.offset)
    }
}

/// The windows of one series, one per step.
pub(super) struct Windows<'s> {
    evaluator: &'s Evaluator<'s>,
    samples: &'s [Sample],
    grid: Grid,
    shift: Shift,
    pub(super) range_ms: i64,
}

/// The samples of one step: `start < t <= end`, without staleness markers.
pub(super) struct Window<'s> {
    pub(super) samples: &'s [Sample],
    pub(super) start: i64,
    pub(super) end: i64,
    /// How many of them are below the one before.
    pub(super) drops: usize,
}

impl Window<'_> {
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|s| s.v)
    }
}

impl Windows<'_> {
    /// All samples that any window has.
    pub(super) fn samples(&self) -> &[Sample] {
        self.samples
    }

    /// One value per step from its window; no value where the window is empty or `f` has none, nor after the query's
    /// deadline, which `each_window` then turns into an error.
    pub(super) fn map(&self, mut f: impl FnMut(usize, Window<'_>) -> Option<f64>) -> Vec<f64> {
        let (mut from, mut to, mut drops, mut late) = (0, 0, 0, false);
        let (mut at_steps, mut read) = (0, 0);
        let falls = |i: usize| usize::from(self.samples[i + 1].v < self.samples[i].v);
        let mut points = Vec::with_capacity(self.grid.len);
        for i in 0..self.grid.len {
            let end = self.shift.time(self.grid.time(i));
            let start = end.saturating_sub(self.range_ms);
            // Steps only move forward, so both edges do.
            let before = to;
            while self.samples.get(to).is_some_and(|s| s.t <= end) {
                drops += if to > from { falls(to - 1) } else { 0 };
                to += 1;
            }
            while from < to && self.samples[from].t <= start {
                drops -= if from + 1 < to { falls(from) } else { 0 };
                from += 1;
            }
            let samples = &self.samples[from..to];
            at_steps += samples.len();
            read += to - before.max(from);
            // Asking the clock costs as much as a small window does.
            late = late || i % CLOCK_EVERY == 0 && self.evaluator.is_late();
            let none = samples.is_empty() || late;
            let value = if none { None } else { f(i, Window { samples, start, end, drops }) };
            points.push(value.unwrap_or_else(absent));
        }
        self.evaluator.count(at_steps as u64, read as u64);
        points
    }
}

impl Evaluator<'_> {
    /// An instant selector at every step.
    pub(super) fn select(&self, selector: &VectorSelector, grid: Grid) -> Result<Vec<Row>, QueryError> {
        self.select_with(selector, grid, |s| s.v)
    }

    /// Like `select`, but with what `f` makes of the sample found.
    pub(super) fn select_with(
        &self,
        selector: &VectorSelector,
        grid: Grid,
        f: impl Fn(&Sample) -> f64,
    ) -> Result<Vec<Row>, QueryError> {
        if grid.len == 0 {
            return Ok(Vec::new());
        }
        let shift = Shift::new(selector.at.as_ref(), selector.offset.as_ref(), self.outer);
        let (first, last) = (shift.time(grid.start), shift.time(grid.last()));
        let back = first.saturating_sub(self.lookback_ms);
        let mut rows = Vec::new();
        let mut samples = Vec::new();
        for series in self.source.select(&self.matchers(selector)?, back, last) {
            self.claim(grid.len)?;
            series.read(back, last, &mut samples);
            let mut next = 0;
            let mut found = 0;
            let mut points = Vec::with_capacity(grid.len);
            for t in grid.times() {
                let t = shift.time(t);
                while samples.get(next).is_some_and(|s| s.t <= t) {
                    next += 1;
                }
                let latest = next.checked_sub(1).map(|i| &samples[i]);
                let latest = latest.filter(|s| s.t > t.saturating_sub(self.lookback_ms) && !is_stale(s.v));
                found += u64::from(latest.is_some());
                points.push(latest.map_or_else(absent, &f));
            }
            self.count(found, found);
            if found > 0 {
                rows.push(Row { labels: series.labels.clone(), points });
            }
        }
        Ok(rows)
    }

    /// Calls `f` with the windows of each series of a range selector or subquery, one series at a time, so that only
    /// one series is ever held uncompressed.
    pub(super) fn each_window(
        &self,
        expr: &Expr,
        grid: Grid,
        mut f: impl FnMut(&Labels, Windows<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        if grid.len == 0 {
            return Ok(());
        }
        match expr {
            Expr::Paren(p) => self.each_window(&p.expr, grid, f),
            Expr::MatrixSelector(m) => {
                let shift = Shift::new(m.vs.at.as_ref(), m.vs.offset.as_ref(), self.outer);
                let range_ms = ms(m.range);
                let (first, last) =
                    (shift.time(grid.start).saturating_sub(range_ms), shift.time(grid.last()));
                let mut samples = Vec::new();
                for series in self.source.select(&self.matchers(&m.vs)?, first, last) {
                    self.claim(grid.len)?;
                    series.read(first, last, &mut samples);
                    if samples.len() > 4_000_000 {
                        return Err(QueryError::TooMuch);
                    }
                    samples.retain(|s| !is_stale(s.v));
                    let windows = Windows { evaluator: self, samples: &samples, grid, shift, range_ms };
                    f(&series.labels, windows)?;
                }
                self.claim(0)
            }
            Expr::Subquery(s) => self.each_subquery_window(s, grid, f),
            _ => Err(QueryError::execution("expected a range vector")),
        }
    }

    fn each_subquery_window(
        &self,
        subquery: &SubqueryExpr,
        grid: Grid,
        mut f: impl FnMut(&Labels, Windows<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let shift = Shift::new(subquery.at.as_ref(), subquery.offset.as_ref(), self.outer);
        let range_ms = ms(subquery.range);
        let step = subquery.step.map_or(self.subquery_step_ms, ms).max(1);
        let (first, last) = (shift.time(grid.start).saturating_sub(range_ms), shift.time(grid.last()));
        // Steps lie on multiples of the step, whatever the query's own start; the left edge is open.
        let start = (first.div_euclid(step) + 1) * step;
        let inner = Grid { end: shift.time(grid.end), ..Grid::range(start, last, step) };
        if inner.len > 1_000_000 {
            return Err(QueryError::TooMuch);
        }
        let mut each = |labels: &Labels, samples: Vec<Sample>| {
            self.claim(grid.len)?;
            f(labels, Windows { evaluator: self, samples: &samples, grid, shift, range_ms })
        };
        if let Expr::Aggregate(a) = order::unwrapped(&subquery.expr)
            && a.op.id() == T_COUNT_VALUES
        {
            // Over many steps there are many values, most of which occur at few.
            for counted in aggregate::count_values(self, a, inner)? {
                let samples = counted.at.iter().map(|(i, v)| Sample { t: inner.time(*i), v: *v });
                each(&counted.labels, samples.collect())?;
            }
            return self.claim(0);
        }
        let rows = match self.eval(&subquery.expr, inner)? {
            Value::Vector(rows) => rows,
            Value::Scalar(points) => vec![Row { labels: Labels::default(), points }],
            _ => return Err(QueryError::execution("a subquery needs an instant vector or a scalar")),
        };
        for row in rows {
            let present = inner.times().zip(&row.points).filter(|(_, v)| is_present(**v));
            each(&row.labels, present.map(|(t, v)| Sample { t, v: *v }).collect())?;
        }
        self.claim(0)
    }
}
