//! What a request to evaluate may look like: times, steps, limits, and what is said of those that are wrong.

use reqwest::Client;
use serde_json::Value;

/// A path with its query string. `T` stands for a time at which there are samples. Numbers that are no times are left
/// out: Prometheus takes them for moments that nobody meant, ours refuses them. So is a timeout of nothing, whose error is one
/// of two in Prometheus, by chance.
const REQUESTS: &[&str] = &[
    "/api/v1/query?query=constant&time=T",
    "/api/v1/query?query=time()&time=2023-11-14T22:13:20Z",
    "/api/v1/query?query=time()&time=2023-11-14T22:13:20.5Z",
    "/api/v1/query?query=time()&time=2023-11-14T22:13:20%2B02:00",
    "/api/v1/query?query=time()&time=1.7e9",
    "/api/v1/query?query=time()&time=-5.25",
    "/api/v1/query?query=time()&time=0",
    "/api/v1/query?query=time()&time=soon",
    "/api/v1/query?query=time()&time=2023-11-14",
    "/api/v1/query?query=time()&time=0x10",
    "/api/v1/query?query=time()&time=1700000000.123456",
    "/api/v1/query?query=time()&time=1700000000.0005",
    "/api/v1/query?query=&time=T",
    "/api/v1/query?time=T",
    "/api/v1/query?query=temperature&time=T&limit=2",
    "/api/v1/query?query=temperature&time=T&limit=0",
    "/api/v1/query?query=temperature&time=T&limit=-1",
    "/api/v1/query?query=temperature&time=T&limit=x",
    "/api/v1/query?query=temperature&time=T&limit=1.5",
    "/api/v1/query?query=temperature[1m]&time=T&limit=1",
    "/api/v1/query?query=1&time=T&limit=1",
    "/api/v1/query?query=constant&time=T&timeout=1s",
    "/api/v1/query?query=constant&time=T&timeout=5",
    "/api/v1/query?query=constant&time=T&timeout=1h",
    "/api/v1/query?query=constant&time=T&timeout=x",
    "/api/v1/query?query=constant&time=T&timeout=-1s",
    "/api/v1/query?query=rare&time=T&lookback_delta=1s",
    "/api/v1/query?query=rare&time=T&lookback_delta=1m",
    "/api/v1/query?query=rare&time=T&lookback_delta=1h",
    "/api/v1/query?query=rare&time=T&lookback_delta=0",
    "/api/v1/query?query=rare&time=T&lookback_delta=x",
    "/api/v1/query?query=rare&time=T&lookback_delta=-1",
    "/api/v1/query?query=constant&query=temperature&time=T",
    "/api/v1/query_range?query=constant&start=T&end=T&step=1",
    "/api/v1/query_range?query=constant&start=T&end=T",
    "/api/v1/query_range?query=constant&start=T&step=1",
    "/api/v1/query_range?query=constant&end=T&step=1",
    "/api/v1/query_range?query=constant&start=T&end=1&step=1",
    "/api/v1/query_range?query=constant&start=T&end=T&step=0",
    "/api/v1/query_range?query=constant&start=T&end=T&step=-1",
    "/api/v1/query_range?query=constant&start=T&end=T&step=-1m",
    "/api/v1/query_range?query=constant&start=T&end=T&step=1m30s",
    "/api/v1/query_range?query=constant&start=T&end=T&step=1.5",
    "/api/v1/query_range?query=constant&start=T&end=T&step=x",
    "/api/v1/query_range?query=constant&start=T&end=T&step=1x",
    "/api/v1/query_range?query=constant&start=T&end=T&step=9e9",
    "/api/v1/query_range?query=time()&start=0&end=11000&step=1",
    "/api/v1/query_range?query=time()&start=0&end=11001&step=1",
    "/api/v1/query_range?query=time()&start=0&end=11000.9&step=1",
    "/api/v1/query_range?query=time()&start=0&end=1&step=0.25",
    "/api/v1/query_range?query=time()&start=0.0001&end=1&step=0.25",
    "/api/v1/query_range?query=&start=T&end=T&step=1",
    "/api/v1/query_range?query=temperature[1m]&start=T&end=T&step=1",
    "/api/v1/query_range?query=%22x%22&start=T&end=T&step=1",
    "/api/v1/query_range?query=temperature&start=T&end=T&step=1&limit=2",
    "/api/v1/query_range?query=temperature&start=T&end=T&step=1&limit=-2",
    "/api/v1/query_range?query=constant&start=T&end=T&step=1&timeout=x",
    "/api/v1/query_range?query=rare&start=T&end=T&step=1&lookback_delta=1s",
];

/// Requests whose answers differ in status, kind, text of the error, notes or result.
pub(crate) async fn differences(client: &Client, real: &str, ours: &str) -> Vec<String> {
    let mut found = Vec::new();
    for request in REQUESTS {
        let path = request.replace("=T", "=1700001811");
        let (theirs, mine) = tokio::join!(ask(client, real, &path), ask(client, ours, &path));
        if theirs != mine {
            found.push(format!("{path}\n    {theirs}\n    {mine}"));
        }
    }
    found
}

async fn ask(client: &Client, base: &str, path: &str) -> Value {
    let answer = client.get(format!("{base}{path}")).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let mut body: Value = answer.json().await.expect("JSON");
    body["code"] = status.into();
    body
}
