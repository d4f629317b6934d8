//! The pages by request, over canned answers of the three APIs.

#![expect(clippy::unwrap_used, reason = "in helpers of tests, too, a panic is the way to fail")]

mod failures;
mod hostile;
mod life;
mod pages;
mod stub;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use console::Config;
use http_body_util::BodyExt;
use stub::Words;
use tower::ServiceExt;

/// The time of the canned order, in microseconds since 1970.
const START_US: u64 = 1_772_356_025_123_000;

fn words() -> Words {
    Words {
        text: "pool exhausted".to_owned(),
        start_us: START_US,
        correlated: 1,
        correlation: "c-42".to_owned(),
        measured_s: None,
    }
}

fn config(prometheus: &str, loki: &str, jaeger: &str) -> Config {
    let [prometheus, loki, jaeger] = [prometheus, loki, jaeger].map(str::to_owned);
    Config { prometheus, loki, jaeger, title: "Drill <1>".to_owned() }
}

/// The pages over a stub with these words.
async fn console(words: Words) -> Router {
    let base = stub::serve(words).await;
    console::router(&config(&base, &base, &base)).unwrap()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

async fn get(app: &Router, uri: &str) -> Answer {
    let request = Request::get(uri).body(Body::empty()).unwrap();
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}
