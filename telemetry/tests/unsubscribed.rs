//! The layers without any subscriber, as in a service's own tests. A process of its own: what one thread subscribes to shows
//! in all others.

mod support;

use axum::Router;
use axum::routing::get;
use support::serve;

#[tokio::test]
async fn without_a_subscriber_the_correlation_id_still_travels() {
    let metrics = telemetry::Metrics::new("order-service", "1.2.3");
    let app = Router::new()
        .route(
            "/",
            get(|| async {
                telemetry::CorrelationId::current().map(|id| id.as_str().to_owned()).unwrap_or_default()
            }),
        )
        .layer(telemetry::server::layer(metrics));
    let address = serve(app).await;
    let request = reqwest::Client::new().get(format!("http://{address}/")).header("x-correlation-id", "c-10");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "c-10");
}
