//! Asks both, and says where their answers differ.

use std::collections::BTreeMap;

use reqwest::Client;
use serde_json::Value;

use super::samples::{END_MS, START_MS};

/// Relative difference up to which two numbers are equal.
const TOLERANCE: f64 = 1e-12;

/// How a query is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Within the samples.
    Instant,
    /// A little after the last of them.
    Late,
    /// From before the first of them to after the last.
    Range,
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::Instant, Self::Late, Self::Range];

    fn request(self, query: &str) -> (&'static str, Vec<(&'static str, String)>) {
        let seconds = |ms: i64| (ms as f64 / 1000.0).to_string();
        let query = ("query", query.to_owned());
        match self {
            Self::Instant => ("/api/v1/query", vec![query, ("time", seconds(START_MS + 1_811_000))]),
            Self::Late => ("/api/v1/query", vec![query, ("time", seconds(END_MS + 123_456))]),
            Self::Range => {
                let (start, end) = (seconds(START_MS - 61_000), seconds(END_MS + 421_000));
                (
                    "/api/v1/query_range",
                    vec![query, ("start", start), ("end", end), ("step", "67".to_owned())],
                )
            }
        }
    }
}

async fn ask(client: &Client, base: &str, mode: Mode, query: &str) -> Value {
    let (path, form) = mode.request(query);
    let answer = client.post(format!("{base}{path}")).form(&form).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    let mut body: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{query}: {e}: {text}"));
    body["code"] = status.into();
    body
}

/// What both say to one query, when it is not the same.
pub(crate) async fn difference(
    client: &Client,
    real: &str,
    ours: &str,
    mode: Mode,
    query: &str,
) -> Option<String> {
    let (real, ours) = tokio::join!(ask(client, real, mode, query), ask(client, ours, mode, query));
    let what = compare(&real, &ours, query.starts_with("sort")).err()?;
    Some(format!("{mode:?} {query}\n    {what}"))
}

/// Whether either refuses a query: the real one, ours.
pub(crate) async fn refused(client: &Client, real: &str, ours: &str, query: &str) -> [bool; 2] {
    let (real, ours) =
        tokio::join!(ask(client, real, Mode::Instant, query), ask(client, ours, Mode::Instant, query));
    [real, ours].map(|answer| answer["status"] == "error")
}

fn compare(real: &Value, ours: &Value, ordered: bool) -> Result<(), String> {
    for field in ["status", "errorType", "code"] {
        if real[field] != ours[field] {
            return Err(format!(
                "{field}: {} ({}), ours {} ({})",
                real[field], real["error"], ours[field], ours["error"]
            ));
        }
    }
    for field in ["warnings", "infos"] {
        let (real, ours) = (notes(&real[field]), notes(&ours[field]));
        if real != ours {
            return Err(format!("{field}: {real:?}, ours {ours:?}"));
        }
    }
    let (real, ours) = (&real["data"], &ours["data"]);
    if real["resultType"] != ours["resultType"] {
        return Err(format!("resultType: {}, ours {}", real["resultType"], ours["resultType"]));
    }
    let (real, ours) = (&real["result"], &ours["result"]);
    let by_labels = real.as_array().is_some_and(|rows| rows.first().is_some_and(Value::is_object))
        || ours.as_array().is_some_and(|rows| rows.first().is_some_and(Value::is_object));
    if !by_labels {
        return equal(real, ours).then_some(()).ok_or_else(|| format!("{real}, ours {ours}"));
    }
    if ordered {
        let labels = |rows: &Value| {
            rows.as_array().map(|rows| rows.iter().map(|r| r["metric"].clone()).collect::<Vec<_>>())
        };
        if labels(real) != labels(ours) {
            return Err(format!("order: {real}, ours {ours}"));
        }
    }
    let (real, ours) = (rows(real), rows(ours));
    if let Some(labels) = real.keys().find(|k| !ours.contains_key(*k)) {
        return Err(format!("{labels} is missing in ours: {}; we have {:?}", real[labels], ours.keys()));
    }
    if let Some(labels) = ours.keys().find(|k| !real.contains_key(*k)) {
        return Err(format!("{labels} is in ours alone: {}; they have {:?}", ours[labels], real.keys()));
    }
    for (labels, points) in &real {
        let (theirs, mine) = (points_of(points), points_of(&ours[labels]));
        let differs = theirs.iter().zip(&mine).find(|(a, b)| !equal(a, b));
        if let Some((a, b)) = differs {
            return Err(format!("{labels}: {a}, ours {b}"));
        }
        if theirs.len() != mine.len() {
            return Err(format!(
                "{labels}: {} points, ours {}: {theirs:?} {mine:?}",
                theirs.len(),
                mine.len()
            ));
        }
    }
    Ok(())
}

fn notes(list: &Value) -> Vec<String> {
    let mut notes: Vec<String> =
        list.as_array().into_iter().flatten().filter_map(|n| n.as_str().map(without_count)).collect();
    notes.sort();
    notes
}

/// Prometheus merges notes of mended buckets into themselves, so that its count of samples doubles at every step and
/// says nothing after a few.
fn without_count(note: &str) -> String {
    match note
        .split_once(", over ")
        .and_then(|(before, after)| Some((before, after.split_once(" samples ")?.1)))
    {
        Some((before, after)) => format!("{before}, over samples {after}"),
        None => note.to_owned(),
    }
}

fn rows(result: &Value) -> BTreeMap<String, Value> {
    result.as_array().into_iter().flatten().map(|row| (row["metric"].to_string(), row.clone())).collect()
}

fn points_of(row: &Value) -> Vec<Value> {
    match row["values"].as_array() {
        Some(points) => points.clone(),
        None => vec![row["value"].clone()],
    }
}

/// Equal JSON, numbers within the tolerance, also those written as text.
fn equal(real: &Value, ours: &Value) -> bool {
    match (real, ours) {
        (Value::Array(real), Value::Array(ours)) => {
            real.len() == ours.len() && real.iter().zip(ours).all(|(a, b)| equal(a, b))
        }
        (Value::String(real), Value::String(ours)) if real != ours => {
            let near = |a: f64, b: f64| {
                a.is_finite() && b.is_finite() && (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
            };
            matches!((real.parse(), ours.parse()), (Ok(a), Ok(b)) if near(a, b))
        }
        (Value::Number(real), Value::Number(ours)) => real.as_f64() == ours.as_f64(),
        _ => real == ours,
    }
}
