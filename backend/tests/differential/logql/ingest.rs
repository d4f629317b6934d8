//! What becomes of names and levels on the way in: the same entries, pushed and by OTLP, into a real Loki and into ours.

use std::collections::BTreeMap;

use reqwest::Client;
use serde_json::{Value, json};

use crate::differential::loki::Loki;
use crate::harness::{TestBackend, now_ns, until};

/// Names of metadata and attributes, some of which no Loki takes.
const NAMES: [&str; 31] = [
    "user.name",
    "9.9",
    "service.name",
    "service_name",
    "a..b",
    "a__b",
    "x ä y",
    "__x",
    "_x",
    "___x",
    "ä",
    "_",
    "..",
    "日本",
    "",
    "Ünder",
    "a-b",
    "a_",
    "a__",
    "_.a",
    "٣x",
    "é.",
    "a:b",
    "__",
    "a.b_",
    "log.level",
    "detected.level",
    "LeVel",
    "severity.number",
    "severity.text",
    "trace.id",
];

/// Where a level may be said.
const FIELDS: [&str; 16] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
    "detected_level",
    "severity_number",
];

/// What may be said there.
const VALUES: [&str; 19] = [
    "v",
    "",
    "err",
    "ERROR",
    "Information",
    "informational",
    "WARNING",
    "wrn",
    "inf",
    "DBG",
    "Notice",
    "3",
    "17",
    "-3",
    "0",
    "99",
    "crit",
    "FATAL",
    "TRC",
];

/// Lines that say a level, or seem to.
const LINES: [&str; 45] = [
    r#"{"level":"v"}"#,
    r#"{"level":"v","msg":"an error"}"#,
    r#"{"severity":"wrn","level":"dbg"}"#,
    r#"{"n":{"level":"inf"}}"#,
    r#"{"n":{"n":{"level":"inf"}}}"#,
    r#"{"level":3,"lvl":"inf"}"#,
    r#" {"level":"wrn"} "#,
    r#"{"level":"wrn""#,
    r#"{"level":"wrn"} x"#,
    r#"{"log.level":"inf"}"#,
    r#"{"lEvel":"inf"}"#,
    r#"{"a":[{"level":"inf"}],"lvl":"wrn"}"#,
    r#"{"level":"\u0065rr"}"#,
    r#"{"level":"wrn","level":"inf"}"#,
    "level=wrn",
    "lEvel=inf",
    "lvl=dbg level=wrn",
    "level=\"wrn x\"",
    "level=\"inf\"",
    "Level=v msg=debug",
    "a=b error",
    "Level=inf level=wrn",
    "loglevel=wrn",
    "a.level=wrn",
    "x level=inf",
    "level = wrn",
    "msg=\"level=wrn\"",
    "severitytext=inf",
    "level=",
    "=",
    "",
    "error",
    "[eRRoR]",
    "an err: x",
    "wrn",
    "information",
    "warn: info",
    "x-error",
    "error-x",
    "error_x",
    "1error",
    "errör",
    "http://x/error/y",
    "error,warn",
    "'error' (warning)",
];

struct Case {
    path: &'static str,
    body: Value,
}

fn cases(at: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut push = |labels: &[(&str, &str)], metadata: Value, line: &str| {
        let mut stream = json!({"service_name": format!("c{}", cases.len())});
        labels.iter().for_each(|(name, value)| stream[*name] = json!(value));
        let body = json!({"streams": [{"stream": stream, "values": [[at, line, metadata]]}]});
        cases.push(Case { path: "/loki/api/v1/push", body });
    };
    NAMES.iter().for_each(|name| push(&[], json!({*name: "v"}), "x"));
    FIELDS.iter().for_each(|name| push(&[], json!({*name: "v"}), "x"));
    FIELDS.iter().for_each(|name| push(&[], json!({*name: "ERR"}), "x"));
    VALUES.iter().for_each(|value| push(&[], json!({"level": value}), "warn"));
    VALUES.iter().for_each(|value| push(&[], json!({"severity_number": value}), "warn"));
    LINES.iter().for_each(|line| push(&[], json!({}), line));
    push(&[("severity", "Err")], json!({"level": "m"}), "x");
    push(&[("level", "Nope")], json!({}), "x");
    push(&[("detected_level", "Nope")], json!({}), "x");
    push(&[], json!({"lvl": "a", "severity": "b", "LEVEL": "c", "severity_number": "9"}), "x");
    push(&[], json!({"detected_level": "INF", "level": "m"}), "x");

    let mut export = |resource: Value, scope: Value, attributes: Value, more: Value| {
        let name = format!("c{}", cases.len());
        let mut of_resource = vec![attribute("service.name", &json!(name))];
        of_resource.extend(attributes_of(&resource));
        let mut record = more;
        record["timeUnixNano"] = json!(at);
        record["attributes"] = json!(attributes_of(&attributes));
        let body = json!({"resourceLogs": [{"resource": {"attributes": of_resource}, "scopeLogs": [
            {"scope": {"attributes": attributes_of(&scope)}, "logRecords": [record]}]}]});
        cases.push(Case { path: "/otlp/v1/logs", body });
    };
    let line = |line: &str| json!({"body": {"stringValue": line}});
    for name in NAMES.into_iter().chain(FIELDS) {
        let said = json!([[name, "v"]]);
        export(json!([]), json!([]), said.clone(), line("x"));
        export(said.clone(), json!([]), json!([]), line("x"));
        export(json!([]), said, json!([]), line("x"));
    }
    let nested = json!([["m", {"a..b": "1", "_x": "2", "9": {"__z": "3"}, "ä": "4"}]]);
    export(json!([]), json!([]), nested, line("x"));
    export(json!([]), json!([]), json!([["_", {"a": "1"}]]), line("x"));
    let twice = json!([["a.b", "1"], ["a_b", "2"], ["a.b", "3"], ["level", "inf"]]);
    export(json!([["a-b", "r"], ["level", "dbg"]]), json!([["a+b", "s"]]), twice, line("x"));
    for (attributes, text, number) in [
        (json!([]), "Whatever", 17),
        (json!([]), "Inf", 17),
        (json!([]), "", 17),
        (json!([]), "Inf", 0),
        (json!([["level", "v"]]), "Inf", 17),
        (json!([["level", ""]]), "", 17),
        (json!([["severity_text", "mine"], ["trace_id", "mine"]]), "Real", 5),
        (json!([["severity_number", "17"]]), "", 0),
    ] {
        let mut more = line("level=dbg");
        more["severityText"] = json!(text);
        more["severityNumber"] = json!(number);
        more["traceId"] = json!("01".repeat(16));
        export(json!([]), json!([]), attributes, more);
    }
    cases
}

/// A list of names and values, which may be maps.
fn attributes_of(pairs: &Value) -> Vec<Value> {
    let pairs = pairs.as_array().expect("a list").iter();
    pairs.map(|pair| attribute(pair[0].as_str().expect("a name"), &pair[1])).collect()
}

fn attribute(key: &str, value: &Value) -> Value {
    let value = match value.as_object() {
        Some(map) => {
            let inner: Vec<Value> = map.iter().map(|(key, value)| attribute(key, value)).collect();
            json!({"kvlistValue": {"values": inner}})
        }
        None => json!({"stringValue": value}),
    };
    json!({"key": key, "value": value})
}

/// What is stored of each case: its labels and its metadata.
async fn stored(client: &Client, base: &str, at: u64) -> BTreeMap<String, Value> {
    let (start, end) = ((at - 1).to_string(), (at + 1).to_string());
    let query = [("query", r#"{service_name=~"c.+"}"#), ("limit", "5000"), ("start", &start), ("end", &end)];
    let request = client.get(format!("{base}/loki/api/v1/query_range")).query(&query);
    let request = request.header("X-Loki-Response-Encoding-Flags", "categorize-labels");
    let body: Value = request.send().await.expect("an answer").json().await.unwrap_or_default();
    let streams = body["data"]["result"].as_array().cloned().unwrap_or_default();
    let streams = streams.into_iter().map(|stream| {
        let case = stream["stream"]["service_name"].as_str().expect("a name").to_owned();
        (case, json!([stream["stream"], stream["values"]]))
    });
    streams.collect()
}

#[tokio::test]
async fn names_and_levels_are_stored_as_loki_stores_them() {
    let backend = TestBackend::start().await;
    let Some(loki) = Loki::start(&backend.client).await else { return };
    let at = now_ns() - 1_000_000_000;
    let cases = cases(&at.to_string());
    let mut taken = 0;
    for Case { path, body } in &cases {
        for base in [&backend.loki, &loki.url] {
            let answer = backend.post(format!("{base}{path}"), "application/json", body.to_string()).await;
            taken += usize::from(answer.status().is_success() && *base == loki.url);
        }
    }
    assert!(taken > 200, "{taken} entries are taken");
    // Each writes in the order of arrival.
    let last = format!("c{}", cases.len() - 1);
    for base in [&backend.loki, &loki.url] {
        until("the last is readable", || async {
            stored(&backend.client, base, at).await.contains_key(&last)
        })
        .await;
    }
    let theirs = stored(&backend.client, &loki.url, at).await;
    let ours = stored(&backend.client, &backend.loki, at).await;
    let differ = cases.iter().enumerate().filter_map(|(i, case)| {
        let name = format!("c{i}");
        let (theirs, ours) = (theirs.get(&name), ours.get(&name));
        (theirs != ours).then(|| format!("{}\n  Loki {theirs:?}\n  ours {ours:?}", case.body))
    });
    let differ: Vec<String> = differ.collect();
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
    backend.stop().await;
}
