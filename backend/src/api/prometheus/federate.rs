//! `/federate`: the latest sample of each series that is asked for, in the text format with its time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use super::escape::{Escaping, in_quotes};
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

pub(super) async fn federate(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let escaping = Escaping::negotiated(request.headers());
    let asked = match params::read(&backend.bodies, request).await {
        Ok(params) => selectors(&params).map_err(|e| (StatusCode::BAD_REQUEST, e + "\n")),
        Err(params::BadParams(status, message)) => Err((status, message + "\n")),
    };
    match asked {
        Ok(sets) => {
            let text = print(&latest(&backend.store.samples, &sets, now_ms()), escaping);
            let format = format!("text/plain; version=0.0.4; charset=utf-8; escaping={}", escaping.name());
            ([(header::CONTENT_TYPE, format)], text).into_response()
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

fn print(samples: &BTreeMap<(String, Labels), Sample>, escaping: Escaping) -> String {
    let mut out = String::new();
    let mut family = "";
    for ((name, labels), sample) in samples {
        let written = escaping.write(name);
        if family != name {
            let _ = writeln!(out, "# TYPE {written} untyped");
            family = name;
        }
        // In quotes it stands among the labels.
        let is_within = written.starts_with('"');
        out += if is_within { "{" } else { "" };
        out += &written;
        // A label that the federating server would otherwise set to this one's address.
        let own = labels.get("instance").is_empty().then_some(("instance", ""));
        for (i, (name, value)) in labels.iter().chain(own).enumerate() {
            let before = if i == 0 && !is_within { '{' } else { ',' };
            let _ = write!(out, "{before}{}=\"{}\"", escaping.write(name), in_quotes(value));
        }
        let _ = writeln!(out, "}} {} {}", general(sample.v, None), sample.t);
    }
    out
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
        let text = print(&latest(&samples, &[set.clone(), set], now), Escaping::Underscores);
        let expected = format!(
            "# TYPE size untyped\nsize{{x=\"a\\\"b\",instance=\"\"}} 1.234567e+06 {now}\n# TYPE up untyped\nup{{instance=\"a:1\"}} 1 {}\n",
            now - 10_000
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_name_in_quotes_stands_among_the_labels() {
        let series =
            (("a.b".to_owned(), Labels::new([("c d", "e"), ("instance", "f")])), Sample { t: 5, v: 1.0 });
        let print = |escaping| print(&BTreeMap::from([series.clone()]), escaping);
        let quoted = "# TYPE \"a.b\" untyped\n{\"a.b\",\"c d\"=\"e\",instance=\"f\"} 1 5\n";
        assert_eq!(print(Escaping::AllowUtf8), quoted);
        assert_eq!(print(Escaping::Underscores), "# TYPE a_b untyped\na_b{c_d=\"e\",instance=\"f\"} 1 5\n");
    }
}
