//! A product service of its own for each test, in a directory that vanishes with it.

use std::time::Duration;

use axum::Router;
use product_service::{App, Config, router};
use tempfile::TempDir;

pub(crate) struct Service {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) metrics: telemetry::Metrics,
    _directory: TempDir,
}

/// A fresh service; body time-outs are short, so that a test of them does not wait.
pub(crate) async fn service() -> Service {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(directory.path().join("products.db"));
    config.http.body_timeout = Duration::from_millis(20);
    let metrics = telemetry::Metrics::new(product_service::NAME, product_service::VERSION);
    let app = App::start(config, metrics.clone()).await.unwrap();
    Service { router: router(&app), app, metrics, _directory: directory }
}

/// Units of a product in stock.
pub(crate) async fn stock(service: &Service, product: i64) -> i64 {
    let path = format!("/products/{product}");
    let reply = chassis::testing::send(&service.router, chassis::testing::get(&path)).await;
    reply.json["stock"].as_i64().unwrap()
}
