//! Writes the answers of queries as JSON text. They are written straight into one string, since a dashboard asks for
//! hundreds of thousands of points at once; every other answer goes through serde.

use std::fmt::Write as _;

use super::answer::number;
use crate::labels::Labels;
use crate::promql::{Answer, Grid, Row, Value, is_present};

/// Whole numbers below this are written digit by digit: every one of them is a float of its own.
const WHOLE: f64 = 1e15;

/// The whole answer to an instant query at `t`, with at most `limit` series where that is not zero.
pub(super) fn instant(answer: &Answer, t: i64, limit: usize, stats: Option<&str>) -> String {
    let mut out = begin();
    let cut = match &answer.value {
        Value::Scalar(values) => {
            out += r#""scalar","result":["#;
            time(&mut out, t);
            out += ",\"";
            value(&mut out, values.first().copied().unwrap_or(f64::NAN));
            out += "\"]";
            false
        }
        Value::Text(text) => {
            out += r#""string","result":["#;
            time(&mut out, t);
            out.push(',');
            quoted(&mut out, text);
            out.push(']');
            false
        }
        Value::Vector(rows) => {
            out += r#""vector","result":["#;
            let present = |row: &&Row| row.points.first().is_some_and(|v| is_present(*v));
            list(&mut out, rows.iter().filter(present), limit, |out, row| {
                metric(out, &row.labels);
                out.push_str(r#","value":["#);
                time(out, t);
                out.push_str(",\"");
                value(out, row.points[0]);
                out.push_str("\"]}");
            })
        }
        Value::Matrix(rows) => {
            out += r#""matrix","result":["#;
            list(&mut out, rows.iter(), limit, |out, row| {
                metric(out, &row.labels);
                out.push_str(r#","values":["#);
                for (i, sample) in row.samples.iter().enumerate() {
                    out.push_str(if i == 0 { "[" } else { ",[" });
                    time(out, sample.t);
                    out.push_str(",\"");
                    value(out, sample.v);
                    out.push_str("\"]");
                }
                out.push_str("]}");
            })
        }
    };
    end(out, answer, cut, stats)
}

/// The whole answer to a range query: series sorted by labels.
pub(super) fn range(answer: &mut Answer, grid: Grid, limit: usize, stats: Option<&str>) -> String {
    let mut rows = match std::mem::replace(&mut answer.value, Value::Text(String::new())) {
        Value::Vector(rows) => rows,
        Value::Scalar(points) => vec![Row { labels: Labels::default(), points }],
        Value::Matrix(_) | Value::Text(_) => Vec::new(),
    };
    rows.retain(Row::has_any);
    rows.sort_by(|a, b| a.labels.cmp(&b.labels));
    // Every series has the same times: they are written once and copied.
    let mut times = String::new();
    let ends: Vec<usize> = grid
        .times()
        .map(|t| {
            time(&mut times, t);
            times.len()
        })
        .collect();
    let mut out = begin();
    out.reserve(rows.len() * grid.len * 24);
    out += r#""matrix","result":["#;
    let cut = list(&mut out, rows.iter(), limit, |out, row| {
        metric(out, &row.labels);
        out.push_str(r#","values":["#);
        let (mut from, mut separator) = (0, "[");
        for (v, to) in row.points.iter().zip(&ends) {
            if is_present(*v) {
                out.push_str(separator);
                out.push_str(&times[from..*to]);
                out.push_str(",\"");
                value(out, *v);
                out.push_str("\"]");
                separator = ",[";
            }
            from = *to;
        }
        out.push_str("]}");
    });
    end(out, answer, cut, stats)
}

fn begin() -> String {
    r#"{"status":"success","data":{"resultType":"#.to_owned()
}

/// Writes the rows and the end of their list; tells whether some are left out.
fn list<R>(
    out: &mut String,
    rows: impl Iterator<Item = R>,
    limit: usize,
    mut write: impl FnMut(&mut String, R),
) -> bool {
    let mut cut = false;
    for (i, row) in rows.enumerate() {
        if limit > 0 && i == limit {
            cut = true;
            break;
        }
        if i > 0 {
            out.push(',');
        }
        write(out, row);
    }
    out.push(']');
    cut
}

fn end(mut out: String, answer: &Answer, cut: bool, stats: Option<&str>) -> String {
    if let Some(stats) = stats {
        out += ",\"stats\":";
        out += stats;
    }
    out.push('}');
    let too_many = cut.then_some("results truncated due to limit");
    let warnings = answer.warnings.iter().map(String::as_str).chain(too_many);
    notes(&mut out, "warnings", warnings);
    notes(&mut out, "infos", answer.infos.iter().map(String::as_str));
    out.push('}');
    out
}

fn notes<'a>(out: &mut String, name: &str, notes: impl Iterator<Item = &'a str>) {
    let mut any = false;
    for note in notes {
        let _ = if any { write!(out, ",") } else { write!(out, ",\"{name}\":[") };
        quoted(out, note);
        any = true;
    }
    if any {
        out.push(']');
    }
}

/// The beginning of a row.
fn metric(out: &mut String, labels: &Labels) {
    out.push_str(r#"{"metric":{"#);
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        quoted(out, name);
        out.push(':');
        quoted(out, value);
    }
    out.push('}');
}

/// Text as JSON has it.
fn quoted(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// A time in seconds, with milliseconds where there are any.
fn time(out: &mut String, ms: i64) {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    let _ = match ms % 1000 {
        0 => write!(out, "{sign}{}", ms / 1000),
        rest => write!(out, "{sign}{}.{rest:03}", ms / 1000),
    };
}

/// A value as Prometheus prints it.
fn value(out: &mut String, v: f64) {
    if v.trunc() == v && v.abs() < WHOLE && (v != 0.0 || v.is_sign_positive()) {
        let _ = write!(out, "{}", v as i64);
    } else {
        out.push_str(&number(v));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::NAME;
    use crate::promql::SampleCount;
    use serde_json::{Value as Json, json};

    fn read(text: &str) -> Json {
        serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    fn of(value: Value) -> Answer {
        Answer {
            value,
            warnings: Vec::new(),
            infos: vec!["a \"note\"".to_owned()],
            samples: SampleCount::default(),
        }
    }

    fn row(name: &str, points: &[f64]) -> Row {
        Row { labels: Labels::new([(NAME, name), ("odd", "a\"b\\c\nd")]), points: points.to_vec() }
    }

    #[test]
    fn a_range_is_sorted_cut_and_valid_json() {
        let absent = crate::store::samples::stale();
        let rows = vec![row("b", &[1.0, 2.0]), row("a", &[absent, -0.0]), row("none", &[absent, absent])];
        let grid = Grid::range(-500, 500, 1000);
        let whole = read(&range(&mut of(Value::Vector(rows.clone())), grid, 0, None));
        let expected = json!({"status": "success", "infos": ["a \"note\""], "data": {"resultType": "matrix", "result": [
            {"metric": {"__name__": "a", "odd": "a\"b\\c\nd"}, "values": [[0.5, "-0"]]},
            {"metric": {"__name__": "b", "odd": "a\"b\\c\nd"}, "values": [[-0.5, "1"], [0.5, "2"]]},
        ]}});
        assert_eq!(whole, expected);
        let cut = read(&range(&mut of(Value::Vector(rows)), grid, 1, Some("{}")));
        assert_eq!(cut["data"]["result"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            (&cut["warnings"], &cut["data"]["stats"]),
            (&json!(["results truncated due to limit"]), &json!({}))
        );
    }

    #[test]
    fn an_instant_answer_has_the_shape_of_its_type() {
        let said = |value| read(&instant(&of(value), 1500, 0, None))["data"].clone();
        assert_eq!(
            said(Value::Scalar(vec![f64::NAN])),
            json!({"resultType": "scalar", "result": [1.5, "NaN"]})
        );
        assert_eq!(
            said(Value::Text("\t".to_owned())),
            json!({"resultType": "string", "result": [1.5, "\t"]})
        );
        let vector = said(Value::Vector(vec![row("a", &[1e15])]));
        assert_eq!(vector["result"][0]["value"], json!([1.5, "1000000000000000"]));
    }

    #[test]
    fn whole_numbers_are_written_as_all_others() {
        for v in [0.0, -0.0, 1.0, -7.0, 123_456_789.0, 999_999_999_999_999.0, 1e15, 1e21, 0.5, f64::INFINITY]
        {
            let mut out = String::new();
            value(&mut out, v);
            assert_eq!(out, number(v));
        }
    }
}
