//! `/federate`: the latest sample of each series that is asked for, in the text format with its time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use super::series::selectors;
use crate::Backend;
use crate::api::params;
use crate::labels::{Labels, NAME};
use crate::matcher::Matcher;
use crate::number::general;
use crate::promql::LOOKBACK_MS;
use crate::stats::add;
use crate::store::samples::{Sample, Samples, is_stale};
use crate::time::now_ms;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

pub(super) async fn federate(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let asked = match params::read(&backend.bodies, request).await {
        Ok(params) => selectors(&params).map_err(|e| (StatusCode::BAD_REQUEST, e + "\n")),
        Err(params::BadParams(status, message)) => Err((status, message + "\n")),
    };
    match asked {
        Ok(sets) => {
            let text = print(&latest(&backend.store.samples, &sets, now_ms()));
            ([(header::CONTENT_TYPE, TEXT)], text).into_response()
        }
        Err(refusal) => {
            add(&backend.stats.bad_queries, 1);
            refusal.into_response()
        }
    }
}

/// By name and labels. Series that have ended are left out, since the format cannot say so; and so are nameless ones.
fn latest(samples: &Samples, sets: &[Vec<Matcher>], now: i64) -> BTreeMap<(String, Labels), Sample> {
    let mut found = BTreeMap::new();
    let mut read = Vec::new();
    let start = now - LOOKBACK_MS - 1;
    for series in sets.iter().flat_map(|set| samples.select(set, start, now)) {
        series.read(start, now, &mut read);
        let name = series.labels.get(NAME);
        if let Some(last) = read.last().filter(|s| !is_stale(s.v) && !name.is_empty()) {
            found.insert((name.to_owned(), series.labels.without_name()), *last);
        }
    }
    found
}

fn print(samples: &BTreeMap<(String, Labels), Sample>) -> String {
    let mut out = String::new();
    let mut family = "";
    for ((name, labels), sample) in samples {
        let plain = legacy(name);
        if family != name {
            let _ = writeln!(out, "# TYPE {plain} untyped");
            family = name;
        }
        out += &plain;
        // A label that the federating server would otherwise set to this one's address.
        let own = labels.get("instance").is_empty().then_some(("instance", ""));
        for (i, (name, value)) in labels.iter().chain(own).enumerate() {
            let value = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
            let _ = write!(out, "{}{}=\"{value}\"", if i == 0 { '{' } else { ',' }, legacy(name));
        }
        let _ = writeln!(out, "}} {} {}", general(sample.v, None), sample.t);
    }
    out
}

/// A name in the characters that every reader of the format knows.
fn legacy(name: &str) -> String {
    let plain = |(i, c): (usize, char)| {
        let fits = c.is_ascii_alphabetic() || c == '_' || c == ':' || i > 0 && c.is_ascii_digit();
        if fits { c } else { '_' }
    };
    name.chars().enumerate().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::store::samples::stale;

    #[test]
    fn the_latest_sample_of_each_series_is_shown_with_its_time() {
        let samples = Samples::new(&Config::default());
        let now = now_ms();
        let add = |name: &str, labels: &[(&str, &str)], ago: i64, v: f64| {
            let labels = Labels::new(labels.iter().copied().chain([(NAME, name)]));
            samples.appender().append(&labels, now - ago, v).expect("room");
        };
        add("up", &[("instance", "a:1")], 20_000, 0.0);
        add("up", &[("instance", "a:1")], 10_000, 1.0);
        add("up", &[("instance", "b:1")], 20_000, 1.0);
        add("up", &[("instance", "b:1")], 10_000, stale());
        add("old", &[], LOOKBACK_MS + 1000, 1.0);
        add("size", &[("x", "a\"b")], 0, 1_234_567.0);
        let set = [Matcher::new(NAME, "=~", "up|size|old").expect("valid")].to_vec();
        let text = print(&latest(&samples, &[set.clone(), set], now));
        let expected = format!(
            "# TYPE size untyped\nsize{{x=\"a\\\"b\",instance=\"\"}} 1.234567e+06 {now}\n# TYPE up untyped\nup{{instance=\"a:1\"}} 1 {}\n",
            now - 10_000
        );
        assert_eq!(text, expected);
    }
}
