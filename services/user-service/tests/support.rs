//! A user service of its own for each test, in a directory that vanishes with it.

use std::time::Duration;

use axum::Router;
use tempfile::TempDir;
use user_service::{App, Config, router};

pub(crate) struct Service {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) metrics: telemetry::Metrics,
    _directory: TempDir,
}

/// A fresh service; body time-outs are short, so that a test of them does not wait, and nobody has a past.
pub(crate) async fn service() -> Service {
    service_with(|_| {}).await
}

pub(crate) async fn service_with(change: impl FnOnce(&mut Config)) -> Service {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(directory.path().join("users.db"));
    config.http.body_timeout = Duration::from_millis(20);
    config.reseller_orders = 0;
    change(&mut config);
    let metrics = telemetry::Metrics::new(user_service::NAME, user_service::VERSION);
    let app = App::start(config, metrics.clone()).await.unwrap();
    Service { router: router(&app), app, metrics, _directory: directory }
}
