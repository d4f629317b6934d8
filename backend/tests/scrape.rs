//! Targets are scraped every interval, with `up`, exemplars and staleness.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::TestBackend;

/// A target whose answer the test sets; `None` is a 500.
#[derive(Clone)]
pub(crate) struct Target {
    page: Arc<Mutex<Option<String>>>,
    content_type: &'static str,
}

impl Default for Target {
    fn default() -> Self {
        Self::of("application/openmetrics-text; version=1.0.0; charset=utf-8")
    }
}

impl Target {
    /// One that answers with this type.
    pub(crate) fn of(content_type: &'static str) -> Self {
        Self { page: Arc::default(), content_type }
    }

    pub(crate) async fn serve(&self) -> String {
        async fn metrics(State(target): State<Target>) -> Response {
            match target.page.lock().expect("unpoisoned").clone() {
                Some(text) => ([("content-type", target.content_type)], text).into_response(),
                None => http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let router = Router::new().route("/metrics", get(metrics)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    pub(crate) fn answer(&self, text: &str) {
        *self.page.lock().expect("unpoisoned") = Some(text.to_owned());
    }

    fn fail(&self) {
        *self.page.lock().expect("unpoisoned") = None;
    }
}

async fn query(backend: &TestBackend, query: &str) -> Vec<Value> {
    let found = backend.json(&backend.prometheus, "/api/v1/query", &[("query", query)]).await;
    found["data"]["result"].as_array().expect("a list").clone()
}

async fn is(backend: &TestBackend, asked: &str, value: Option<&str>) {
    backend
        .until(&format!("{asked} is {value:?}"), || async {
            query(backend, asked)
                .await
                .first()
                .map(|r| r["value"][1].as_str().expect("text").to_owned())
                .as_deref()
                == value
        })
        .await;
}

#[tokio::test]
async fn a_target_is_scraped_goes_stale_and_comes_back() {
    let target = Target::default();
    let address = target.serve().await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("targets.json");
    std::fs::write(&file, json!([{"targets": [address], "labels": {"job": "shop"}}]).to_string())
        .expect("written");
    target.answer("# TYPE orders counter\n# HELP orders Orders.\norders_total{outcome=\"ok\",job=\"own\"} 5 # {trace_id=\"abc\"} 1.5\n# TYPE stock gauge\nstock 7\n# EOF\n");
    let backend = TestBackend::with(|c| {
        c.scrape_file = Some(file.clone());
        c.scrape_interval = Duration::from_millis(50);
    })
    .await;

    is(&backend, "up", Some("1")).await;
    let orders = query(&backend, "orders_total").await;
    assert_eq!(
        orders[0]["metric"],
        json!({"__name__": "orders_total", "outcome": "ok", "exported_job": "own", "job": "shop", "instance": address})
    );
    assert_eq!(orders[0]["value"][1], "5");
    is(&backend, "scrape_samples_scraped", Some("2")).await;
    let end = (crate::harness::now_ns() / 1_000_000_000 + 10).to_string();
    let exemplars = backend
        .json(
            &backend.prometheus,
            "/api/v1/query_exemplars",
            &[("query", "rate(orders_total[1m])"), ("start", "0"), ("end", &end)],
        )
        .await;
    assert_eq!(exemplars["data"][0]["exemplars"][0]["labels"], json!({"trace_id": "abc"}));
    assert_eq!(exemplars["data"][0]["exemplars"][0]["value"], "1.5");
    let metadata = backend.json(&backend.prometheus, "/api/v1/metadata", &[("metric", "orders")]).await;
    assert_eq!(metadata["data"], json!({"orders": [{"type": "counter", "help": "Orders.", "unit": ""}]}));

    // A series the target no longer shows is stale at once.
    target.answer("# TYPE stock gauge\nstock 7\n# EOF\n");
    is(&backend, "orders_total", None).await;
    is(&backend, "stock", Some("7")).await;

    // A failed scrape makes all of them stale, and `up` 0.
    target.fail();
    is(&backend, "up", Some("0")).await;
    is(&backend, "stock", None).await;
    let targets = backend.json(&backend.prometheus, "/api/v1/targets", &[]).await;
    assert_eq!(targets["data"]["activeTargets"][0]["health"], "down");
    assert!(targets["data"]["activeTargets"][0]["lastError"].as_str().is_some_and(|e| e.contains("500")));

    target.answer("stock 8\n# EOF\n");
    is(&backend, "stock", Some("8")).await;

    // An answer that is cut short is refused whole.
    target.answer("stock 9\n");
    is(&backend, "up", Some("0")).await;

    // A target that leaves the file is gone, `up` and all.
    std::fs::write(&file, "[]").expect("written");
    is(&backend, "up", None).await;
}

#[tokio::test]
async fn series_beyond_the_bound_are_refused_and_counted() {
    let target = Target::default();
    let address = target.serve().await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("targets.json");
    std::fs::write(&file, json!([{"targets": [address]}]).to_string()).expect("written");
    let many: String = (0..100).map(|i| format!("s{{i=\"{i}\"}} 1\n")).collect();
    target.answer(&format!("{many}# EOF\n"));
    let backend = TestBackend::with(|c| {
        c.scrape_file = Some(file.clone());
        c.scrape_interval = Duration::from_millis(50);
        c.max_series = 20;
    })
    .await;
    backend
        .until("some are refused", || async {
            backend.metric("backend_refused_items_total{signal=\"samples\"}").await > 0.0
        })
        .await;
    assert_eq!(backend.metric("backend_series").await, 20.0);
}
