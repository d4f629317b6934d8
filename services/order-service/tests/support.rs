//! The three services, real, on free ports, with proxies in front of the neighbours.

use std::time::Duration;

use axum::Router;
use chassis::serve::Listeners;
use chassis::settings::Access;
use chassis::testing::{self, Reply, get, post, send};
use order_service::{App, Config, router};
use serde_json::{Value, json};
use telemetry::Metrics;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::proxy::Proxy;

/// The neighbours and the directory of all databases.
pub(crate) struct Shop {
    pub(crate) users: Proxy,
    pub(crate) products: Proxy,
    /// Where the neighbours' settings are.
    #[allow(dead_code, reason = "the other of two test binaries needs it")]
    pub(crate) users_settings: String,
    pub(crate) products_settings: String,
    pub(crate) directory: TempDir,
}

/// The order service in process, without its background tasks.
pub(crate) struct Orders {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) metrics: Metrics,
}

/// The order service as it runs, background tasks included.
pub(crate) struct Running {
    pub(crate) url: String,
    settings: String,
    metrics: Metrics,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (listener, users) = listen().await;
        let config = user_service::Config::new(directory.path().join("users.db"));
        let metrics = Metrics::new(user_service::NAME, user_service::VERSION);
        let (listeners, users_settings) = with_settings(listener).await;
        tokio::spawn(user_service::run(listeners, config, metrics, std::future::pending()));
        let (listener, products) = listen().await;
        let config = product_service::Config::new(directory.path().join("products.db"));
        let metrics = Metrics::new(product_service::NAME, product_service::VERSION);
        let (listeners, products_settings) = with_settings(listener).await;
        tokio::spawn(product_service::run(listeners, config, metrics, std::future::pending()));
        let (users, products) = (Proxy::start(users).await, Proxy::start(products).await);
        Self { users, products, users_settings, products_settings, directory }
    }

    /// Short pauses, and time-outs that only a test that means them meets.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new(self.directory.path().join("orders.db"));
        config.user_service = self.users.url.clone();
        config.product_service = self.products.url.clone();
        config.http.body_timeout = Duration::from_millis(20);
        // What a trace holds must not depend on how fast the machine is.
        config.database.span_from = Duration::ZERO;
        config.outbound.attempt_timeout = Duration::from_secs(5);
        config.outbound.deadline = Duration::from_secs(10);
        config.outbound.retry.base = Duration::from_millis(1);
        config.work.outbox_poll = Duration::from_millis(10);
        config.work.recovery_interval = Duration::from_millis(10);
        config
    }

    pub(crate) async fn orders(&self) -> Orders {
        self.orders_with(|_| {}).await
    }

    pub(crate) async fn orders_with(&self, change: impl FnOnce(&mut Config)) -> Orders {
        self.orders_on(Metrics::new(order_service::NAME, order_service::VERSION), change).await
    }

    /// With the registry of a process' telemetry.
    pub(crate) async fn orders_on(&self, metrics: Metrics, change: impl FnOnce(&mut Config)) -> Orders {
        let mut config = self.config();
        change(&mut config);
        let app = App::start(config, metrics.clone()).await.unwrap();
        Orders { router: router(&app), app, metrics }
    }

    pub(crate) async fn run(&self) -> Running {
        self.run_with(|_| {}).await
    }

    pub(crate) async fn run_with(&self, change: impl FnOnce(&mut Config)) -> Running {
        let mut config = self.config();
        change(&mut config);
        let (listener, url) = listen().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let metrics = Metrics::new(order_service::NAME, order_service::VERSION);
        let shutdown = async { drop(stopped.await) };
        let (listeners, settings) = with_settings(listener).await;
        let ended = tokio::spawn(order_service::run(listeners, config, metrics.clone(), shutdown));
        Running { url, settings, metrics, stop, ended }
    }

    /// Units of a product in stock, asked past the proxy's rules.
    pub(crate) async fn stock(&self, product: i64) -> i64 {
        let answer = client().get(format!("{}/products/{product}", self.products.url)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["stock"].as_i64().unwrap()
    }
}

impl Orders {
    pub(crate) async fn order(&self, body: &Value) -> Reply {
        send(&self.router, post("/orders", body)).await
    }

    pub(crate) async fn order_with_key(&self, body: &Value, key: &str) -> Reply {
        let mut request = post("/orders", body);
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        send(&self.router, request).await
    }

    /// Changes a setting.
    pub(crate) async fn set(&self, key: &str, value: impl Into<Value>) {
        testing::set(self.app.settings(), key, value).await;
    }

    pub(crate) async fn list(&self, user: i64) -> Value {
        send(&self.router, get(&format!("/orders?user_id={user}"))).await.json
    }

    /// True when the exposition has this sample.
    pub(crate) fn has_sample(&self, name: &str, labels: &str, value: &str) -> bool {
        has_sample(&self.metrics, name, labels, value)
    }
}

fn has_sample(metrics: &Metrics, name: &str, labels: &str, value: &str) -> bool {
    let sample = format!("{name}{{service=\"order-service\"{labels}}} {value}");
    metrics.encode().lines().any(|line| line == sample)
}

impl Running {
    pub(crate) fn stop(self) -> JoinHandle<anyhow::Result<()>> {
        self.stop.send(()).unwrap();
        self.ended
    }

    /// Changes a setting, on the listener for that.
    pub(crate) async fn set(&self, key: &str, value: impl Into<Value>) {
        set(&self.settings, key, value).await;
    }

    /// True when the exposition has this sample.
    pub(crate) fn has_sample(&self, name: &str, labels: &str, value: &str) -> bool {
        has_sample(&self.metrics, name, labels, value)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        client().get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn order(&self, body: &Value) -> reqwest::Response {
        client().post(format!("{}/orders", self.url)).json(body).send().await.unwrap()
    }
}

pub(crate) fn single(product: i64) -> Value {
    json!({ "user_id": 1, "product_id": product, "quantity": 1 })
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Changes a setting of the service whose settings are at `base`.
pub(crate) async fn set(base: &str, key: &str, value: impl Into<Value>) {
    let body = json!({ "settings": { key: value.into() } });
    let request = client().patch(format!("{base}/settings")).bearer_auth("token").json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

async fn with_settings(public: TcpListener) -> (Listeners, String) {
    let (listener, url) = listen().await;
    let (version, instance) = ("0.0.0".to_owned(), "here".to_owned());
    let access = Access { listener, token: "token".to_owned(), version, instance };
    (Listeners { public, settings: Some(access) }, url)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Waits until `condition` holds; the test's own time-out ends the wait of one that never does.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
