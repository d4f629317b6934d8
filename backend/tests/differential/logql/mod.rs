//! LogQL and Loki's API: examples of the documentation, the queries of the dashboards, and queries of our own, to a real
//! Loki and to ours.

mod answers;
mod api;
mod grammar;
mod ingest;
mod lines;
mod logcli;
mod pushes;

use futures_util::StreamExt as _;
use reqwest::Client;
use serde_json::Value;

use super::loki::Loki;
use super::queries::{self, listed};
use crate::harness::{TestBackend, now_ns, until};
use answers::{Compared, Mode, compare};

/// The same lines in both.
struct Both {
    backend: TestBackend,
    loki: Loki,
    /// When the lines begin, seconds.
    start_s: u64,
}

impl Both {
    async fn start() -> Option<Self> {
        let backend = TestBackend::start().await;
        let loki = Loki::start(&backend.client).await?;
        let start_s = now_ns() / 600_000_000_000 * 600 - 1200;
        let body = lines::push(start_s).to_string();
        for base in [&backend.loki, &loki.url] {
            let url = format!("{base}/loki/api/v1/push");
            let answer = backend.post(url, "application/json", body.clone()).await;
            assert_eq!(answer.status(), 204, "{}", answer.text().await.unwrap_or_default());
        }
        let both = Self { backend, loki, start_s };
        for base in [&both.backend.loki, &both.loki.url] {
            until("all lines are readable", || async {
                lines_in(&both.backend.client, base, start_s).await == lines::ENTRIES
            })
            .await;
        }
        Some(both)
    }
}

async fn lines_in(client: &Client, base: &str, start_s: u64) -> usize {
    let query = [
        ("query", r#"{app=~".+"}"#),
        ("limit", "1000"),
        ("start", &start_s.to_string()),
        ("end", &(start_s + 700).to_string()),
    ];
    let answer = client.get(format!("{base}/loki/api/v1/query_range")).query(&query).send().await;
    let body: Value = answer.expect("an answer").json().await.unwrap_or_default();
    let streams = body["data"]["result"].as_array().cloned().unwrap_or_default();
    streams.iter().filter_map(|s| s["values"].as_array()).map(Vec::len).sum()
}

#[tokio::test]
async fn logql_answers_like_loki() {
    let Some(both) = Both::start().await else { return };
    let queries = all_queries();
    assert!(queries.len() >= 150, "{} queries", queries.len());
    let asked = queries.iter().flat_map(|query| Mode::ALL.map(|mode| (query, mode)));
    all_alike(&both, asked, 700).await;
    both.backend.stop().await;
}

#[tokio::test]
async fn generated_queries_answer_like_loki() {
    let Some(both) = Both::start().await else { return };
    let (logs, metrics) = grammar::queries(150);
    let logs = logs.iter().zip([Mode::Backward, Mode::Categories].into_iter().cycle());
    let metrics = metrics.iter().zip([Mode::Backward, Mode::Instant, Mode::Uneven].into_iter().cycle());
    let asked = logs.chain(metrics);
    all_alike(&both, asked, 150).await;
    both.backend.stop().await;
}

#[tokio::test]
async fn what_is_refused_says_so() {
    let backend = TestBackend::start().await;
    for query in listed(include_str!("refused.logql")) {
        let url = format!("{}/loki/api/v1/query_range", backend.loki);
        let answer = backend.client.get(url).query(&[("query", &query)]).send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{query}");
        let text = answer.text().await.expect("text");
        assert!(text.contains("by the embedded backend"), "{query}: {text}");
    }
    backend.stop().await;
}

/// Asks both, four queries at once, and fails where answers differ, or where too few of them have something in them.
async fn all_alike<'q>(both: &Both, asked: impl Iterator<Item = (&'q String, Mode)>, least: usize) {
    let (client, real, ours) = (&both.backend.client, &both.loki.url, &both.backend.loki);
    let compared: Vec<Compared> = futures_util::stream::iter(asked)
        .map(|(query, mode)| compare(client, real, ours, mode, query, both.start_s))
        .buffered(4)
        .collect()
        .await;
    let alike = compared.iter().filter(|c| **c == Compared::Alike).count();
    let shown: Vec<&str> = compared
        .iter()
        .filter_map(|c| if let Compared::Different(said) = c { Some(said.as_str()) } else { None })
        .collect();
    assert!(shown.is_empty(), "{} answers differ:\n{}", shown.len(), shown.join("\n"));
    assert!(alike >= least, "{alike} of {} answers have something in them", compared.len());
}

fn all_queries() -> Vec<String> {
    let lists = [
        include_str!("lines.logql"),
        include_str!("metrics.logql"),
        include_str!("templates.logql"),
        include_str!("wrong.logql"),
    ];
    let mut queries: Vec<String> = lists.into_iter().flat_map(listed).collect();
    queries.extend(of_dashboards());
    queries
}

/// The Loki queries of every dashboard, with each variable set to a choice that finds lines.
fn of_dashboards() -> Vec<String> {
    let found = queries::of_dashboards("loki", expand);
    assert!(found.len() >= 8, "{} queries in dashboards", found.len());
    found
}

fn expand(query: &str) -> String {
    // Of equal values `topk` keeps any: all are looked at.
    let mut query = match query.strip_prefix("topk(10, ").and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => inner.to_owned(),
        None => query.to_owned(),
    };
    query = query.replace("$__auto", "1m").replace("$search", "");
    query = query.replace("$service", ".+");
    for name in ["$level", "$correlation_id", "$trace_id"] {
        query = query.replace(name, ".*");
    }
    query
}
