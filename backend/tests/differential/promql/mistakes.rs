//! Queries that are none: the same words at the same place.

use futures_util::StreamExt as _;
use reqwest::Client;
use serde_json::Value;

use super::super::prometheus::Prometheus;
use super::all_queries;
use crate::harness::TestBackend;

/// Broken in every way that the grammar and the types know.
const BROKEN: &[&str] = &[
    // Nothing, or not enough.
    "",
    "   ",
    "# only a comment",
    "sum(",
    "sum(up",
    "rate(up[5m]",
    "(((up))",
    "up +",
    "up and",
    "-",
    "up[",
    "up[5m",
    "up[5m:",
    "up[5m:1m",
    "up{",
    "up{job",
    "up{job=",
    "up{job=\"a\"",
    "up{job=\"a",
    "up{job=`a",
    "up offset",
    "up @",
    "sum by",
    "sum by (",
    "sum by (a",
    "up + on",
    // Too much.
    "up)",
    "up]",
    "up}",
    "up up",
    "up 5",
    "5 up",
    "up{job=\"a\"} {b=\"c\"}",
    "up[5m][5m]",
    "up,up",
    "rate(up[5m],)",
    "rate(,up[5m])",
    "sum(up) by (a) by (b)",
    "sum by (a) (up) by (b)",
    "up offset 5m 3m",
    // Characters that nothing begins with.
    "up $ up",
    "up ; up",
    "up & up",
    "up ! up",
    "up =~ up",
    "up = up",
    "up !~ \"x\"",
    "ü",
    "up{ü=\"x\"}",
    "up{job=5}",
    "up{5=\"a\"}",
    "up{job!\"a\"}",
    "up{{job=\"a\"}}",
    ".",
    "a.b",
    "up?",
    "\"\\q\"",
    "\"\\xz0\"",
    "\"\\ud800\"",
    "\"\\400\"",
    "'a\nb'",
    // Numbers and durations that are none.
    "0x",
    "0x_",
    "1_",
    "1__0",
    "1e",
    "1e+",
    "1.2.3",
    "1e5e5",
    "1e999",
    "5hs",
    "5xy",
    "1m1h",
    "1h1h",
    "300y",
    "up[5]m",
    "up[5x]",
    "up[0]",
    "up[0s]",
    "up[-5m]",
    "up[1e30]",
    "up[a]",
    "up[:5m]",
    "up[5m:5m:5m]",
    "up[5m:0]",
    "up[5m 5m]",
    "up[5m:5m 5m]",
    "up[\"5m\"]",
    "up[5m/0]",
    "up[5m%0]",
    "up[5m+]",
    "up[(5m]",
    "up[5m - 5m]",
    "up[]",
    "up offset x",
    "up offset \"5m\"",
    "up offset by",
    "up offset (5m",
    "up offset (5m) + up",
    "up offset 1e30",
    "up @ x",
    "up @ \"5\"",
    "up @ start",
    "up @ start(5)",
    "up @ Inf",
    "up @ -1e30",
    // Labels and groupings.
    "up{job}",
    "up{job=}",
    "up{job==\"a\"}",
    "up{job=\"a\" b=\"c\"}",
    "up{,}",
    "up{job=\"a\",,}",
    "up{\"a\"=b}",
    "up{job=~\"(\"}",
    "up{job!~\"a**\"}",
    "up{job=~\"[\"}",
    "{}",
    "{job=\"\"}",
    "{job=~\".*\"}",
    "{job!~\".+\"}",
    "up{__name__=\"a\"}",
    "up{\"a\"}",
    "up{a=\"b\" or c=\"d\"}",
    "sum by a (up)",
    "sum by (1) (up)",
    "sum by (a b) (up)",
    "sum by (a,,b) (up)",
    "sum by (\"\") (up)",
    "sum by (without) (up)",
    "sum by (==) (up)",
    "sum by (a) up",
    "sum up",
    "sum()",
    "sum(up, up)",
    "topk(up)",
    "topk(up, 5)",
    "topk(\"a\", up)",
    "count_values(5, up)",
    "quantile(up, up)",
    "sum(5)",
    "sum(up[5m])",
    "sum(\"a\")",
    "limitk(1, up)",
    "limit_ratio(0.5, up) + limitk()",
    // Functions.
    "foo(up)",
    "foo(up) $",
    "Rate(up[5m])",
    "holt_winters(up[5m], 0.5, 0.5)",
    "integral(up[5m])",
    "mad_over_time(up[5m])",
    "1 + double_exponential_smoothing(up[5m], 0.5, 0.5)",
    "sort_by_label(up, \"job\")",
    "info(up)",
    "step()",
    "max_of(1, 2)",
    "start()",
    "ts_of_max_over_time(up[5m])",
    "rate(up)",
    "rate()",
    "rate(up[5m], 1)",
    "rate(sum(up)[5m])",
    "rate((up)[5m])",
    "rate(up[5m] offset 1m offset 1m)",
    "rate(up offset 1m[5m])",
    "rate(up @ 5 [5m])",
    "up @ 5 @ 6",
    "sum(up) offset 5m",
    "sum(up) @ 5",
    "5 offset 5m",
    "abs(\"x\")",
    "abs(5)",
    "vector(up)",
    "scalar(5)",
    "time(5)",
    "round(up, 1, 2)",
    "label_replace(up, 1, 2, 3, 4)",
    "label_join(up)",
    "label_join(up, \"a\", \"b\", up)",
    "histogram_quantile(up, 0.5)",
    "a:b(up)",
    // Operators.
    "up * * up",
    "* up",
    "up == bool",
    "1 == 1",
    "1  >=  1 + 2",
    "up + bool up",
    "up and bool up",
    "1 and up",
    "up or 1",
    "1 unless 2",
    "up and \"a\"",
    "up + \"a\"",
    "\"a\" + \"b\"",
    "up[5m] + up",
    "up + up[5m]",
    "-up[5m]",
    "-\"a\"",
    "(up + 1)[5m]",
    "5[5m]",
    "5[5m:]",
    "\"a\"[5m:]",
    "up[5m:][5m:]",
    "up + on (a) 5",
    "5 + ignoring (a) up",
    "up + on (a) group_left (a) up",
    "up + group_left up",
    "up + group_left (a) up",
    "up and on (a) group_left up",
    "up + on (a) group_left (",
    "up + on up",
    "up + fill (1) up",
    "up + fill_left (x) up",
    "up + fill_right (1) fill_left (2) up",
    "up smoothed",
    "rate(up[5m] anchored)",
    "up offset --",
    "atan2",
    "bool",
    "on",
    "up atan2",
    "5 atan2 \"a\"",
    // On a later line.
    "sum(\n  rate(up[5m]\n)",
    "up +\n\n  foo(up)",
    "# first\nup{\n  a=\"b\"\n  c=\"d\"\n}",
    // What is told of is cut after ten characters.
    "up \"a string of some length\"",
    "up a_name_of_some_length_that_is_not_cut",
    "up 12345678901234567890",
];

#[tokio::test]
async fn a_broken_query_is_refused_at_the_same_place() {
    let backend = TestBackend::start().await;
    let client = &backend.client;
    let Some(prometheus) = Prometheus::start(client).await else { return };
    // Durations that only the asking makes known are refused here.
    let right: Vec<String> = all_queries().into_iter().filter(|q| !q.contains("step()")).collect();
    let damaged: Vec<String> = right.iter().flat_map(|query| damaged(query)).collect();
    assert!(damaged.len() > 1000, "{} queries", damaged.len());
    let queries: Vec<&str> = BROKEN.iter().copied().chain(damaged.iter().map(String::as_str)).collect();
    let mut differences: Vec<String> = futures_util::stream::iter(queries)
        .map(|query| difference(client, &prometheus.url, &backend.prometheus, query))
        .buffer_unordered(4)
        .filter_map(std::future::ready)
        .collect()
        .await;
    for query in BROKEN {
        let mine = ask(client, &backend.prometheus, query).await;
        let said = mine["error"].as_str().unwrap_or_default();
        let place =
            said.trim_start_matches("invalid parameter \"query\": ").split(": ").next().unwrap_or_default();
        let has_place = place.contains(':') && place.bytes().all(|b| b.is_ascii_digit() || b == b':');
        if mine["errorType"] != "bad_data" || !has_place && place != "unknown position" {
            differences.push(format!("{query}: {mine}"));
        }
    }
    let shown = differences.join("\n");
    assert!(differences.is_empty(), "{} differ:\n{shown}", differences.len());
    backend.stop().await;
}

/// Queries that one character too few or too many has made of a right one, which a few survive.
fn damaged(query: &str) -> [String; 3] {
    const INSERTED: [&str; 16] =
        ["(", ")", "[", "]", "{", "}", ",", ":", "\"", "+", "=", "5", "x", " ", "@", " by "];
    let chars: Vec<char> = query.chars().collect();
    // Far from each other, and the same in each run, whatever other queries there are.
    let number = query.bytes().fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 100_003);
    let at = |i: usize| (number * 31 + i * 17) % chars.len().max(1);
    let without: String = chars.iter().enumerate().filter(|(i, _)| *i != at(0)).map(|(_, c)| c).collect();
    let with = |i: usize, text: &str| {
        let (before, after) = chars.split_at(at(i));
        before.iter().collect::<String>() + text + &after.iter().collect::<String>()
    };
    [without, with(1, INSERTED[number % INSERTED.len()]), with(2, INSERTED[(number / 3) % INSERTED.len()])]
}

/// Where a query is refused by one alone, or in other words or at another place.
async fn difference(client: &Client, real: &str, ours: &str, query: &str) -> Option<String> {
    let (theirs, mine) = tokio::join!(ask(client, real, query), ask(client, ours, query));
    // What else may be said of a query has tests of its own.
    let of_both = |field: &str| (theirs[field].clone(), mine[field].clone());
    let is_bad = |answer: &Value| answer["errorType"] == "bad_data";
    let ((their_error, my_error), (their_kind, my_kind)) = (of_both("error"), of_both("errorType"));
    let differs = is_bad(&theirs) != is_bad(&mine) || is_bad(&theirs) && their_error != my_error;
    differs.then(|| format!("{query}\n    {their_kind} {their_error}\n    {my_kind} {my_error}"))
}

async fn ask(client: &Client, base: &str, query: &str) -> Value {
    let url = format!("{base}/api/v1/query");
    let answer = client.post(url).form(&[("query", query), ("time", "0")]).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let mut body: Value = answer.json().await.expect("JSON");
    body["code"] = status.into();
    body
}
