//! The gauge of the stock says what the database has, whichever instance has changed it.

use std::time::Duration;

use chassis::testing::{post, send};
use serde_json::json;
use telemetry::Metrics;

/// The gauge of a category in the exposition of an instance.
fn stock(metrics: &Metrics, category: &str) -> Option<i64> {
    let sample = format!("stock_units{{service=\"product-service\",category=\"{category}\"}} ");
    let page = metrics.encode();
    page.lines().find_map(|line| line.strip_prefix(&sample))?.parse().ok()
}

#[tokio::test]
async fn what_one_instance_sells_shows_at_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let config = product_service::Config::new(directory.path().join("products.db"));
    let fresh = || Metrics::new(product_service::NAME, product_service::VERSION);
    let (here, there) = (fresh(), fresh());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let other = tokio::spawn(product_service::run(listener, config.clone(), there.clone(), shutdown));
    let app = product_service::App::start(config, here.clone()).await.unwrap();
    let router = product_service::router(&app);
    let product = send(&router, chassis::testing::get("/products/101")).await.json;
    let category = product["category"].as_str().unwrap();
    let before = stock(&here, category).unwrap();

    let body = json!({"quantity": 7, "reservation_id": "r-1"});
    assert_eq!(send(&router, post("/products/101/reserve", &body)).await.status, 200);
    assert_eq!(stock(&here, category), Some(before - 7), "its own sale shows at once");
    let wait = async {
        while stock(&there, category) != Some(before - 7) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap();
    stop.send(()).unwrap();
    other.await.unwrap().unwrap();
}
