//! Metric queries: functions over windows, aggregations, operators.

use super::Parser;
use super::conditions::compare;
use super::stages::Pipeline;
use crate::logql::LogqlError;
use crate::logql::ast::{
    Aggregate, Binary, Expr, Grouping, Many, Matching, Metric, Query, RangeAggregation, RangeOp,
};
use crate::logql::lexer::Token;
use crate::logql::metric::binary::scalars;
use crate::logql::units::plain;
use crate::matcher::{Matcher, whole};

/// A selector with its pipeline, and the window where one was given.
#[derive(Debug, Default)]
struct LogRange {
    selector: Vec<Matcher>,
    pipeline: Pipeline,
    range_ns: Option<i64>,
    offset_ns: i64,
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<Expr, LogqlError> {
        self.nested(|parser| parser.operators(0))
    }

    fn metric(&mut self) -> Result<Metric, LogqlError> {
        match self.expr()? {
            Expr::Metric(metric) => Ok(metric),
            Expr::Log(_) => Err(self.unexpected()),
        }
    }

    /// Operators that bind at least as strong as `least`.
    fn operators(&mut self, least: u8) -> Result<Expr, LogqlError> {
        let mut left = self.operand()?;
        while let Some((op, strength)) = self.operator()
            && strength >= least
        {
            self.at += 1;
            let is_bool = self.accept_keyword("bool");
            let matching = self.matching()?;
            // `^` alone groups from the right.
            let next = if op == Binary::Pow { strength } else { strength + 1 };
            let right = self.nested(|parser| parser.operators(next))?;
            left = Expr::Metric(combine(op, is_bool, matching, left, right)?);
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Binary, u8)> {
        Some(match self.peek()? {
            Token::Keyword("or") => (Binary::Or, 1),
            Token::Keyword("and") => (Binary::And, 2),
            Token::Keyword("unless") => (Binary::Unless, 2),
            Token::Symbol("+") => (Binary::Add, 4),
            Token::Symbol("-") => (Binary::Sub, 4),
            Token::Symbol("*") => (Binary::Mul, 5),
            Token::Symbol("/") => (Binary::Div, 5),
            Token::Symbol("%") => (Binary::Mod, 5),
            Token::Symbol("^") => (Binary::Pow, 6),
            Token::Symbol("=") => return None,
            Token::Symbol(symbol) => (Binary::Compare(compare(symbol)?), 3),
            _ => return None,
        })
    }

    fn matching(&mut self) -> Result<Matching, LogqlError> {
        let mut matching = Matching::default();
        if self.accept_keyword("on") {
            matching.on = true;
        } else if !self.accept_keyword("ignoring") {
            return Ok(matching);
        }
        matching.labels = self.names()?;
        for (word, many) in [("group_left", Many::Left), ("group_right", Many::Right)] {
            if self.accept_keyword(word) {
                matching.many = many;
                if self.is_symbol("(") {
                    matching.include = self.names()?;
                }
                break;
            }
        }
        Ok(matching)
    }

    fn operand(&mut self) -> Result<Expr, LogqlError> {
        match self.peek().cloned() {
            Some(Token::Symbol("(")) => {
                self.at += 1;
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Symbol("{")) => {
                let selector = self.selector()?;
                let mut pipeline = Pipeline::default();
                self.pipeline(&mut pipeline, false)?;
                Ok(Expr::Log(Query { selector, stages: pipeline.stages }))
            }
            Some(Token::Number(_) | Token::Symbol("+" | "-")) => {
                self.number().map(|n| Expr::Metric(Metric::Number(n)))
            }
            Some(Token::Function(name)) => self.call(name).map(Expr::Metric),
            Some(Token::Keyword("variants")) => Err(LogqlError::Unsupported("variants()".to_owned())),
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Result<f64, LogqlError> {
        let sign = if self.accept("-") {
            -1.0
        } else {
            self.accept("+");
            1.0
        };
        Ok(sign * self.plain_number("literal")?.1)
    }

    /// A number without a sign, and as it is written.
    fn plain_number(&mut self, of: &str) -> Result<(String, f64), LogqlError> {
        let Some(Token::Number(text)) = self.peek().cloned() else { return Err(self.unexpected()) };
        self.at += 1;
        let wrong = || {
            LogqlError::stage(format!(
                "unable to parse {of} as a float: strconv.ParseFloat: parsing {text:?}: invalid syntax"
            ))
        };
        let value = plain(&text).ok_or_else(wrong)?;
        Ok((text, value))
    }

    fn call(&mut self, name: &str) -> Result<Metric, LogqlError> {
        if let Some(op) = range_op(name) {
            self.at += 1;
            return self.range_aggregation(name, op);
        }
        if let Some(op) = aggregate(name) {
            self.at += 1;
            return self.aggregation(name, op);
        }
        match name {
            "vector" => {
                self.at += 1;
                self.expect("(")?;
                let (_, value) = self.plain_number("vectorExpr")?;
                self.expect(")")?;
                Ok(Metric::Vector(value))
            }
            "label_replace" => {
                self.at += 1;
                self.label_replace()
            }
            "approx_topk" => Err(LogqlError::Unsupported("approx_topk()".to_owned())),
            _ => Err(self.unexpected()),
        }
    }

    fn label_replace(&mut self) -> Result<Metric, LogqlError> {
        self.expect("(")?;
        let inner = Box::new(self.metric()?);
        let mut texts = [const { String::new() }; 4];
        for text in &mut texts {
            self.expect(",")?;
            *text = self.text()?;
        }
        self.expect(")")?;
        let [to, replacement, from, pattern] = texts;
        let wrong = |e| LogqlError::stage(format!("invalid regex in label_replace: {e}"));
        let regex = whole(&pattern).map_err(wrong)?;
        Ok(Metric::LabelReplace { inner, to, replacement, from, regex })
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, LogqlError> {
        let without = self.accept_keyword("without");
        if !without && !self.accept_keyword("by") {
            return Ok(None);
        }
        Ok(Some(Grouping { without, labels: self.names()? }))
    }

    fn aggregation(&mut self, name: &str, op: Aggregate) -> Result<Metric, LogqlError> {
        let before = self.grouping()?;
        self.expect("(")?;
        let mut parameter = None;
        if matches!(self.peek(), Some(Token::Number(_)))
            && matches!(self.peek_at(1), Some(Token::Symbol(",")))
        {
            parameter = Some(self.plain_number("parameter")?.0);
            self.expect(",")?;
        }
        let inner = Box::new(self.metric()?);
        self.expect(")")?;
        let grouping = match before {
            Some(before) => Some(before),
            None => self.grouping()?,
        };
        let count = count(name, op, parameter.as_deref())?;
        if let Metric::Number(_) = *inner {
            return Err(LogqlError::stage(format!("{name} aggregates series, not a number")));
        }
        let is_sort = matches!(op, Aggregate::Sort | Aggregate::SortDesc);
        if is_sort && grouping.as_ref().is_some_and(|g| !g.labels.is_empty()) {
            return Err(LogqlError::stage("sort and sort_desc doesn't allow grouping by "));
        }
        Ok(Metric::Aggregate { op, count, grouping: grouping.unwrap_or_default(), inner })
    }

    fn range_aggregation(&mut self, name: &str, op: RangeOp) -> Result<Metric, LogqlError> {
        self.expect("(")?;
        let mut parameter = None;
        if let Some(Token::Number(_)) = self.peek() {
            parameter = Some(self.plain_number("parameter")?);
            self.expect(",")?;
        }
        let LogRange { selector, pipeline, range_ns, offset_ns } = self.log_range()?;
        let Some(range_ns) = range_ns else { return Err(self.unexpected()) };
        self.expect(")")?;
        let grouping = self.grouping()?;
        let quantile = match (op, parameter) {
            (RangeOp::Quantile, Some((_, quantile))) => quantile,
            (RangeOp::Quantile, None) => {
                return Err(LogqlError::stage(format!("parameter required for operation {name}")));
            }
            (_, Some((text, _))) => {
                return Err(LogqlError::stage(format!(
                    "parameter {text} not supported for operation {name}"
                )));
            }
            (_, None) => 0.0,
        };
        if grouping.is_some() && !takes_grouping(op) {
            return Err(LogqlError::stage(format!("grouping not allowed for {name} aggregation")));
        }
        let Pipeline { stages, unwrap } = pipeline;
        if unwrap.is_some() && matches!(op, RangeOp::Count | RangeOp::Bytes | RangeOp::BytesRate) {
            return Err(LogqlError::stage(format!("invalid aggregation {name} with unwrap")));
        }
        if unwrap.is_none() && needs_unwrap(op) {
            return Err(LogqlError::stage(format!("invalid aggregation {name} without unwrap")));
        }
        let query = Query { selector, stages };
        let range = RangeAggregation { op, quantile, query, unwrap, range_ns, offset_ns, grouping };
        Ok(Metric::Range(Box::new(range)))
    }

    /// `{…} | … [5m] offset 1m`, where the window may stand before the stages too, and parts in parentheses.
    fn log_range(&mut self) -> Result<LogRange, LogqlError> {
        let mut found = if self.accept("(") {
            let inner = self.nested(Self::log_range)?;
            self.expect(")")?;
            inner
        } else {
            LogRange { selector: self.selector()?, ..LogRange::default() }
        };
        loop {
            self.pipeline(&mut found.pipeline, true)?;
            let Some(Token::Range(ns)) = self.peek().cloned().filter(|_| found.range_ns.is_none()) else {
                return Ok(found);
            };
            self.at += 1;
            found.range_ns = Some(ns);
            if self.accept_keyword("offset") {
                let Some(Token::Duration(ns)) = self.peek().cloned() else { return Err(self.unexpected()) };
                self.at += 1;
                found.offset_ns = ns;
            }
        }
    }
}

/// The parameter of `topk` and `bottomk`; the others take none.
fn count(name: &str, op: Aggregate, parameter: Option<&str>) -> Result<usize, LogqlError> {
    let wrong = |message: String| Err(LogqlError::stage(message));
    match (op, parameter) {
        (Aggregate::Topk | Aggregate::Bottomk, None) => {
            wrong(format!("parameter required for operation {name}"))
        }
        (Aggregate::Topk | Aggregate::Bottomk, Some(text)) => match text.parse() {
            Ok(0) => wrong(format!("invalid parameter (must be greater than 0) {name}({text}")),
            Ok(count) => Ok(count),
            Err(_) => wrong(format!("invalid parameter {name}({text},")),
        },
        (_, Some(text)) => wrong(format!("unsupported parameter for operation {name}({text},")),
        (_, None) => Ok(0),
    }
}

/// Two literals make a literal at once; sets of them make no sense, and lines are no numbers.
fn combine(
    op: Binary,
    is_bool: bool,
    matching: Matching,
    left: Expr,
    right: Expr,
) -> Result<Metric, LogqlError> {
    let metric = |leg: &str, expr| match expr {
        Expr::Metric(metric) => Ok(metric),
        Expr::Log(query) => {
            let kind = if query.stages.is_empty() { "MatchersExpr" } else { "PipelineExpr" };
            Err(LogqlError::stage(format!(
                "unexpected type for {leg} leg of binary operation ({}): *syntax.{kind}",
                op.symbol()
            )))
        }
    };
    let (left, right) = (metric("left", left)?, metric("right", right)?);
    for (side, leg) in [(&left, "left"), (&right, "right")] {
        if let Metric::Number(n) = side
            && op.is_set()
        {
            return Err(LogqlError::stage(format!(
                "unexpected literal for {leg} leg of logical/set binary operation ({}): {n:.6}",
                op.symbol()
            )));
        }
    }
    if let (Metric::Number(a), Metric::Number(b)) = (&left, &right) {
        return Ok(Metric::Number(scalars(op, *a, *b)));
    }
    Ok(Metric::Binary { op, is_bool, matching, left: Box::new(left), right: Box::new(right) })
}

fn takes_grouping(op: RangeOp) -> bool {
    use RangeOp::{Avg, First, Last, Max, Min, Quantile, Stddev, Stdvar};
    matches!(op, Avg | First | Last | Max | Min | Quantile | Stddev | Stdvar)
}

fn needs_unwrap(op: RangeOp) -> bool {
    takes_grouping(op) || matches!(op, RangeOp::Sum | RangeOp::RateCounter)
}

fn range_op(name: &str) -> Option<RangeOp> {
    Some(match name {
        "count_over_time" => RangeOp::Count,
        "rate" => RangeOp::Rate,
        "rate_counter" => RangeOp::RateCounter,
        "bytes_over_time" => RangeOp::Bytes,
        "bytes_rate" => RangeOp::BytesRate,
        "sum_over_time" => RangeOp::Sum,
        "avg_over_time" => RangeOp::Avg,
        "min_over_time" => RangeOp::Min,
        "max_over_time" => RangeOp::Max,
        "first_over_time" => RangeOp::First,
        "last_over_time" => RangeOp::Last,
        "stddev_over_time" => RangeOp::Stddev,
        "stdvar_over_time" => RangeOp::Stdvar,
        "quantile_over_time" => RangeOp::Quantile,
        "absent_over_time" => RangeOp::Absent,
        _ => return None,
    })
}

fn aggregate(name: &str) -> Option<Aggregate> {
    Some(match name {
        "sum" => Aggregate::Sum,
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "count" => Aggregate::Count,
        "stddev" => Aggregate::Stddev,
        "stdvar" => Aggregate::Stdvar,
        "topk" => Aggregate::Topk,
        "bottomk" => Aggregate::Bottomk,
        "sort" => Aggregate::Sort,
        "sort_desc" => Aggregate::SortDesc,
        _ => return None,
    })
}
