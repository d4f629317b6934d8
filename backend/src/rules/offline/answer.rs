//! Answers of queries, and the notation of a single series.

use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;

use super::Pairs;
use super::observer::pairs;
use crate::labels::NAME;
use crate::promql::{self, Value, is_present};

/// What a query comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A number.
    Scalar(f64),
    /// A text.
    Text(String),
    /// A value for each set of labels, `__name__` among them where it was kept.
    Vector(Vec<(Pairs, f64)>),
    /// Samples for each set of labels: milliseconds and values.
    Matrix(Vec<(Pairs, Vec<(i64, f64)>)>),
}

pub(super) fn of(value: Value) -> Answer {
    match value {
        Value::Scalar(points) => Answer::Scalar(points.first().copied().unwrap_or(f64::NAN)),
        Value::Text(text) => Answer::Text(text),
        Value::Vector(rows) => {
            let present = rows.iter().filter_map(|row| Some((row, *row.points.first()?)));
            Answer::Vector(
                present.filter(|(_, v)| is_present(*v)).map(|(row, v)| (pairs(&row.labels), v)).collect(),
            )
        }
        Value::Matrix(rows) => {
            let samples = |row: &promql::MatrixRow| row.samples.iter().map(|s| (s.t, s.v)).collect();
            Answer::Matrix(rows.iter().map(|row| (pairs(&row.labels), samples(row))).collect())
        }
    }
}

/// Reads the labels of a single series, as `up{job="a"}` or `{__name__="up", job="a"}`.
///
/// # Errors
/// It is not the notation of one series.
pub fn metric(text: &str) -> Result<Pairs, String> {
    if text.trim() == "{}" {
        return Ok(Pairs::new());
    }
    let selector = match promql::parse(text).map_err(|e| e.to_string())? {
        Expr::VectorSelector(selector) if selector.at.is_none() && selector.offset.is_none() => selector,
        _ => return Err(format!("{text:?} is not a series; write it as up{{job=\"a\"}}")),
    };
    let mut found = Pairs::new();
    found.extend(selector.name.iter().map(|name| (NAME.to_owned(), name.clone())));
    for matcher in &selector.matchers.matchers {
        if matcher.op != MatchOp::Equal {
            return Err(format!(
                "{text:?} is not one series: only = is allowed between a label and its value"
            ));
        }
        found.insert(matcher.name.clone(), matcher.value.clone());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_of_a_series_is_read() {
        let found = metric(r#"up{job="a b", c=""}"#).expect("a series");
        assert_eq!(
            found.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>(),
            ["__name__=up", "c=", "job=a b"]
        );
        assert_eq!(metric("{}"), Ok(Pairs::new()));
        for wrong in ["up{a=~\"b\"}", "sum(up)", "up offset 5m", "up{", "1"] {
            assert!(metric(wrong).is_err(), "{wrong}");
        }
    }
}
