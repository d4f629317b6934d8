//! The pages with canned answers, to look at while working on them: `cargo run -p console --example preview`.

#![expect(clippy::unwrap_used, reason = "in helpers of tests, too, a panic is the way to fail")]

#[path = "../tests/api/stub.rs"]
mod stub;

use console::Config;
use query::UnixNanos;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let start_us = UnixNanos::now().micros() - 60_000_000;
    let text = "pool exhausted after 8 ms".to_owned();
    let correlation = "drill-7f3a".to_owned();
    let base =
        stub::serve(stub::Words { text, start_us, correlated: 2, correlation, measured_s: None }).await;
    let (prometheus, loki, jaeger) = (base.clone(), base.clone(), base);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!(
        "http://{}/ and http://{0}/trace/{} (also {})",
        listener.local_addr()?,
        stub::TRACE,
        stub::DELIVERY
    );
    let title = "Firedrill".to_owned();
    console::run(listener, Config { prometheus, loki, jaeger, title }, std::future::pending()).await
}
