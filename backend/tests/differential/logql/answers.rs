//! Asks both, and says where their answers differ. Left out are what a program says of its own work (`stats`), the order
//! of streams and series, and the wording of `__error_details__`, which is that of the libraries behind it.

use reqwest::Client;
use serde_json::{Value, json};

/// Relative difference up to which two numbers are equal.
const TOLERANCE: f64 = 1e-12;

/// How a query is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Over all lines, newest first.
    Backward,
    /// Oldest first, with the labels by their origin.
    Categories,
    /// With times that are no multiples of the step.
    Uneven,
    Instant,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Backward, Self::Categories, Self::Uneven, Self::Instant];

    fn request(self, query: &str, start_s: u64) -> (&'static str, Vec<(&'static str, String)>) {
        let query = ("query", query.to_owned());
        let range = |from: u64, to: u64, step: &str, direction: &str| {
            vec![
                query.clone(),
                ("start", (start_s - from).to_string()),
                ("end", (start_s + to).to_string()),
                ("step", step.to_owned()),
                ("limit", "500".to_owned()),
                ("direction", direction.to_owned()),
            ]
        };
        match self {
            Self::Backward => ("/loki/api/v1/query_range", range(60, 660, "60s", "backward")),
            Self::Categories => ("/loki/api/v1/query_range", range(60, 660, "300", "forward")),
            Self::Uneven => ("/loki/api/v1/query_range", range(0, 431, "37", "BACKWARD")),
            Self::Instant => {
                ("/loki/api/v1/query", vec![query.clone(), ("time", format!("{}.5", start_s + 590))])
            }
        }
    }
}

async fn ask(client: &Client, base: &str, mode: Mode, query: &str, start_s: u64) -> Value {
    let (path, form) = mode.request(query, start_s);
    let mut request = client.get(format!("{base}{path}")).query(&form);
    if mode == Mode::Categories {
        request = request.header("X-Loki-Response-Encoding-Flags", "categorize-labels");
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    if status != 200 {
        return json!({"status": status, "error": essence(&text)});
    }
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{query}: {e}: {text}"));
    assert!(body["data"]["stats"]["summary"].is_object(), "{query}: there are stats");
    let kind = body["data"]["resultType"].as_str().unwrap_or_default().to_owned();
    let mut result = body["data"]["result"].clone();
    match kind.as_str() {
        // Loki gives a scalar a time far in the future.
        "scalar" => result = result[1].clone(),
        _ => tidy(&mut result, !query.starts_with("sort")),
    }
    json!({"type": kind, "result": result, "flags": body["data"]["encodingFlags"]})
}

/// An error without what differs by the library: which tokens would have been right, and a series' labels.
fn essence(text: &str) -> String {
    let text = text.trim_end();
    let ends = [", expecting", " for series:", " error parsing regexp:"];
    ends.iter().fold(text, |text, end| text.split(end).next().unwrap_or_default()).to_owned()
}

fn tidy(result: &mut Value, sort: bool) {
    let Value::Array(items) = result else { return };
    for item in items.iter_mut() {
        drop_details(item);
    }
    if sort {
        items.sort_by_key(|item| format!("{}{}", item["stream"], item["metric"]));
    } else {
        for item in items {
            *item = item["value"][1].clone();
        }
    }
}

fn drop_details(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("__error_details__");
            fields.values_mut().for_each(drop_details);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_details),
        _ => {}
    }
}

/// How two answers compare.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// Equal, and there is something in them.
    Alike,
    /// Equal: nothing, or the same error.
    Nothing,
    /// What both say.
    Different(String),
}

/// Asks both.
pub(crate) async fn compare(
    client: &Client,
    real: &str,
    ours: &str,
    mode: Mode,
    query: &str,
    start_s: u64,
) -> Compared {
    let (theirs, ours) =
        tokio::join!(ask(client, real, mode, query, start_s), ask(client, ours, mode, query, start_s));
    // Loki makes its stages where it reads: what does not read, or not there, does not notice that one is wrong.
    let is_late = ours["error"].as_str().is_some_and(|e| e.starts_with("parse error : stage"));
    if is_late && mode != Mode::Backward && (theirs["status"] == Value::Null || mode == Mode::Instant) {
        return Compared::Nothing;
    }
    let short = |v: &Value| v.to_string().chars().take(700).collect::<String>();
    match place(&theirs, &ours, "") {
        Some(place) => Compared::Different(format!(
            "{query}\n  {mode:?}{place}\n  Loki: {}\n  ours: {}",
            short(&theirs),
            short(&ours)
        )),
        None if theirs["result"].as_array().is_some_and(|found| !found.is_empty()) => Compared::Alike,
        None => Compared::Nothing,
    }
}

/// Where two answers differ first.
pub(crate) fn place(a: &Value, b: &Value, at: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let names = x.keys().chain(y.keys().filter(|k| !x.contains_key(*k)));
            names.into_iter().find_map(|k| place(&a[k], &b[k], &format!("{at}.{k}")))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).enumerate().find_map(|(i, (x, y))| place(x, y, &format!("{at}[{i}]")))
        }
        (Value::String(x), Value::String(y)) if is_close(x, y) => None,
        (x, y) if x == y => None,
        (x, y) => Some(format!("{at}: {:.200} is not {:.200}", y.to_string(), x.to_string())),
    }
}

fn is_close(x: &str, y: &str) -> bool {
    x == y
        || match (x.parse::<f64>(), y.parse::<f64>()) {
            (Ok(x), Ok(y)) => (x - y).abs() <= TOLERANCE * x.abs().max(y.abs()).max(1e-3),
            _ => false,
        }
}
