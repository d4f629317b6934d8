//! Walks the expression and hands each kind to its file. Keeps the query within its bounds.

use std::borrow::Cow;
use std::cell::{Cell, RefCell, RefMut};
use std::ptr;
use std::time::Instant;

use promql_parser::parser::{Expr, UnaryExpr, VectorSelector};

use super::notes::Notes;
use super::select::matchers_of;
use super::value::{Grid, Matrix, MatrixRow, Row, Value, merge};
use super::{Answer, Options, Query, QueryError, SampleCount, Source, aggregate, binary, functions};
use crate::matcher::Matcher;

/// Evaluates one query.
pub(super) struct Evaluator<'a> {
    pub(super) source: &'a dyn Source,
    deadline: Instant,
    points: usize,
    points_left: Cell<usize>,
    at_steps: Cell<u64>,
    read: Cell<u64>,
    pub(super) lookback_ms: i64,
    pub(super) subquery_step_ms: i64,
    /// The whole query's grid, which `start()` and `end()` speak of.
    pub(super) outer: Grid,
    notes: RefCell<Notes>,
    query: &'a Query,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(source: &'a dyn Source, options: Options, outer: Grid, query: &'a Query) -> Self {
        Self {
            source,
            deadline: options.deadline,
            points: options.points,
            points_left: Cell::new(options.points),
            at_steps: Cell::default(),
            read: Cell::default(),
            lookback_ms: options.lookback_ms,
            subquery_step_ms: options.subquery_step_ms,
            outer,
            notes: RefCell::default(),
            query,
        }
    }

    /// The conditions of one of the query's selectors.
    ///
    /// # Errors
    /// A regex that does not compile.
    pub(super) fn matchers(&self, selector: &VectorSelector) -> Result<Cow<'a, [Matcher]>, QueryError> {
        match self.query.0.matchers.get(&ptr::from_ref(selector).addr()) {
            Some(known) => Ok(Cow::Borrowed(known)),
            None => matchers_of(selector).map(Cow::Owned),
        }
    }

    /// The answer to the query this was made for.
    pub(super) fn answer(self, value: Value) -> Answer {
        let samples = SampleCount {
            at_steps: self.at_steps.get(),
            read: self.read.get(),
            held: self.points - self.points_left.get(),
        };
        let (warnings, infos) = self.notes.into_inner().print(self.query.text());
        Answer { value, warnings, infos, samples }
    }

    /// For a note about something noticed.
    pub(super) fn notes(&self) -> RefMut<'_, Notes> {
        self.notes.borrow_mut()
    }

    /// Where a call (a `Call` or `AggregateExpr`) stands in the query.
    pub(super) fn place<T>(&self, call: &T) -> Option<usize> {
        self.query.0.places.of(call).map(|site| site.start)
    }

    /// Where the argument of a call stands in the query.
    pub(super) fn place_of_arg<T>(&self, call: &T, arg: usize) -> Option<usize> {
        self.query.0.places.of(call).and_then(|site| site.args.get(arg).copied())
    }

    /// Whether the deadline has passed.
    pub(super) fn is_late(&self) -> bool {
        Instant::now() > self.deadline
    }

    /// Claims room for values and checks the time.
    ///
    /// # Errors
    /// The query holds too much, or takes too long.
    pub(super) fn claim(&self, points: usize) -> Result<(), QueryError> {
        if self.is_late() {
            return Err(QueryError::TimedOut);
        }
        let left = self.points_left.get().checked_sub(points).ok_or(QueryError::TooMuch)?;
        self.points_left.set(left);
        Ok(())
    }

    /// Counts samples that were looked at: at all steps together, and each once.
    pub(super) fn count(&self, at_steps: u64, read: u64) {
        self.at_steps.set(self.at_steps.get() + at_steps);
        self.read.set(self.read.get() + read);
    }

    /// The value of an expression at every step.
    pub(super) fn eval(&self, expr: &Expr, grid: Grid) -> Result<Value, QueryError> {
        match expr {
            Expr::NumberLiteral(n) => Ok(Value::Scalar(vec![n.val; grid.len])),
            Expr::StringLiteral(s) => Ok(Value::Text(s.val.clone())),
            Expr::Paren(p) => self.eval(&p.expr, grid),
            Expr::Unary(u) => self.negate(u, grid),
            Expr::VectorSelector(v) => self.select(v, grid).map(Value::Vector),
            Expr::Aggregate(a) => aggregate::eval(self, a, grid).map(Value::Vector),
            Expr::Binary(b) => binary::eval(self, b, grid),
            Expr::Call(c) => functions::call(self, c, grid),
            Expr::MatrixSelector(_) | Expr::Subquery(_) => {
                Err(QueryError::execution("a range vector stands where an instant vector is needed"))
            }
            Expr::Extension(e) => Err(QueryError::unsupported(e.expr.name())),
        }
    }

    /// The value of an expression that must be an instant vector.
    pub(super) fn vector(&self, expr: &Expr, grid: Grid) -> Result<Vec<Row>, QueryError> {
        match self.eval(expr, grid)? {
            Value::Vector(rows) => Ok(rows),
            _ => Err(QueryError::execution("expected an instant vector")),
        }
    }

    /// The value of an expression that must be a scalar.
    pub(super) fn scalar(&self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr, grid)? {
            Value::Scalar(values) => Ok(values),
            _ => Err(QueryError::execution("expected a scalar")),
        }
    }

    /// The samples of a range selector at one instant.
    pub(super) fn matrix(&self, expr: &Expr, grid: Grid) -> Result<Matrix, QueryError> {
        let mut rows = Matrix::new();
        self.each_window(expr, grid, |labels, windows| {
            let samples = windows.samples().to_vec();
            if !samples.is_empty() {
                rows.push(MatrixRow { labels: labels.clone(), samples });
            }
            Ok(())
        })?;
        Ok(rows)
    }

    fn negate(&self, unary: &UnaryExpr, grid: Grid) -> Result<Value, QueryError> {
        match self.eval(&unary.expr, grid)? {
            Value::Scalar(values) => Ok(Value::Scalar(values.into_iter().map(|v| -v).collect())),
            Value::Vector(rows) => {
                let negated = rows
                    .into_iter()
                    .map(|row| Row { labels: row.labels.without_name(), points: row.points }.map(|_, v| -v));
                merge(negated.collect()).map(Value::Vector)
            }
            _ => Err(QueryError::execution("only scalars and instant vectors can be negated")),
        }
    }
}
