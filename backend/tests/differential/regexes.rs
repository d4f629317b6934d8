//! Regexes beside the real Prometheus and the real Loki: which values each pattern matches, or in which words it is refused.

use std::collections::BTreeSet;

use reqwest::Client;
use serde_json::{Value, json};

use super::loki::Loki;
use super::prometheus::Prometheus;
use crate::harness::{TestBackend, now_ns, until};
use crate::remote::{series, write};

/// What patterns are tried on.
const VALUES: &[&str] = &[
    "a",
    "A",
    "ab",
    "aa",
    "aab",
    "abc",
    "a-b",
    "a.b",
    "a_1",
    "a b",
    "1",
    "12",
    "123",
    "١٢",
    "ä",
    "größe",
    "GRÖSSE",
    "s",
    "S",
    "ſ",
    "k",
    "K",
    "\u{212a}",
    "ß",
    "ẞ",
    "Σ",
    "σ",
    "ς",
    "α",
    "漢字",
    "é",
    "e\u{301}",
    "\u{a0}",
    "a\nb",
    "a\n",
    "\tx",
    "[a]",
    "{a}",
    "a{2}",
    "a{,}",
    "$1",
    "a+b",
    "a*",
    "]",
    "-",
    "^",
    "\\",
    "a\\b",
    "x|y",
    "(a)",
    "~",
    "&&",
    "a&b",
    "\u{7f}",
    "\u{1}",
    "\u{e000}",
    "😀",
    "/api/v1/users/12",
    "ns=5ms",
    "\u{b}",
];

/// Where Loki looks for a text instead of running the regex, and then finds something else than the regex would.
const SHORTCUTS: &[&str] = &[
    // A choice of nothing is left out of account; so is what is repeated no times.
    "a|",
    "|a",
    "a||b",
    "(|a)",
    "a{0}",
    "a{0,0}b",
    // Letters beyond ASCII do not fold.
    "(?i)s",
    "(?i)S",
    "(?i)ſ",
    "(?i)k",
    "(?i)\u{212a}",
    "(?i)ß",
    "(?i)ẞ",
    "(?i)σ",
    "(?i)ς",
    // The quotation swallows what Loki puts behind it.
    r"\Q",
];

/// The patterns.
fn patterns() -> Vec<String> {
    let lines = include_str!("regexes.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// What matches, or why nothing can.
type Found = Result<BTreeSet<String>, String>;

async fn in_prometheus(client: &Client, base: &str, operator: &str, pattern: &str) -> Found {
    let quoted = json!(pattern).to_string();
    let form = [("query", format!("re{{v{operator}{quoted}}}")), ("time", "1700000000".to_owned())];
    let answer = client.post(format!("{base}/api/v1/query")).form(&form).send().await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    let Some(rows) = body["data"]["result"].as_array() else {
        return Err(body["error"].as_str().unwrap_or_default().to_owned());
    };
    Ok(rows.iter().filter_map(|row| row["metric"]["v"].as_str()).map(str::to_owned).collect())
}

async fn in_loki(client: &Client, base: &str, query: String) -> Found {
    let asked = [("query", query), ("limit", "1000".to_owned())];
    let url = format!("{base}/loki/api/v1/query_range");
    let answer = client.get(url).query(&asked).send().await.expect("an answer");
    let ok = answer.status() == 200;
    let text = answer.text().await.expect("a body");
    if !ok {
        return Err(text.trim_end().to_owned());
    }
    let body: Value = serde_json::from_str(&text).expect("JSON");
    let streams = body["data"]["result"].as_array().cloned().unwrap_or_default();
    let lines = streams.iter().filter_map(|s| s["values"].as_array()).flatten();
    Ok(lines.filter_map(|line| line[1].as_str()).map(str::to_owned).collect())
}

fn compared(what: &str, pattern: &str, theirs: &Found, mine: &Found, found: &mut Vec<String>) {
    if theirs != mine {
        found.push(format!("{what} {pattern:?}\n    {theirs:?}\n    {mine:?}"));
    }
}

#[tokio::test]
async fn patterns_mean_in_promql_what_they_mean_in_prometheus() {
    let backend = TestBackend::with(|config| {
        config.retention = std::time::Duration::from_secs(100 * 365 * 86_400);
    })
    .await;
    let client = &backend.client;
    let Some(prometheus) = Prometheus::start(client).await else { return };
    let sent: Vec<_> =
        VALUES.iter().map(|v| series(&[("__name__", "re"), ("v", v)], &[(1_700_000_000_000, 1.0)])).collect();
    for base in [&prometheus.url, &backend.prometheus] {
        write(client, base, sent.clone()).await;
    }
    let mut found = Vec::new();
    for pattern in &patterns() {
        for operator in ["=~", "!~"] {
            let (theirs, mine) = tokio::join!(
                in_prometheus(client, &prometheus.url, operator, pattern),
                in_prometheus(client, &backend.prometheus, operator, pattern)
            );
            compared(operator, pattern, &theirs, &mine, &mut found);
        }
    }
    assert!(found.is_empty(), "{} differ:\n{}", found.len(), found.join("\n"));
    backend.stop().await;
}

#[tokio::test]
async fn patterns_mean_in_logql_what_they_mean_in_loki() {
    let backend = TestBackend::start().await;
    let client = &backend.client;
    let Some(loki) = Loki::start(client).await else { return };
    let at = now_ns() - 60_000_000_000;
    let values: Vec<Value> =
        VALUES.iter().enumerate().map(|(i, v)| json!([(at + i as u64).to_string(), v, {"v": v}])).collect();
    let body = json!({"streams": [{"stream": {"app": "re"}, "values": values}]}).to_string();
    for base in [&loki.url, &backend.loki] {
        let answer = backend.post(format!("{base}/loki/api/v1/push"), "application/json", body.clone()).await;
        assert_eq!(answer.status(), 204);
        until("all lines are readable", || async {
            in_loki(client, base, r#"{app="re"}"#.to_owned())
                .await
                .is_ok_and(|lines| lines.len() == VALUES.len())
        })
        .await;
    }
    let mut found = Vec::new();
    for pattern in &patterns() {
        let quoted = json!(pattern).to_string();
        for query in [
            format!(r#"{{app="re"}} |~ {quoted}"#),
            format!(r#"{{app="re"}} !~ {quoted}"#),
            format!(r#"{{app="re"}} | v =~ {quoted}"#),
            format!(r#"{{app="re",service_name=~{quoted}}}"#),
        ] {
            let (theirs, mine) = tokio::join!(
                in_loki(client, &loki.url, query.clone()),
                in_loki(client, &backend.loki, query.clone())
            );
            if !SHORTCUTS.contains(&pattern.as_str()) {
                compared(&query, pattern, &theirs, &mine, &mut found);
            }
        }
    }
    assert!(found.is_empty(), "{} differ:\n{}", found.len(), found.join("\n"));
    backend.stop().await;
}
