//! The three services as children: configuration from the environment, telemetry, serve, drain.

use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::failure::{Code, Failure};

/// Serves user-service until `stop`.
pub(super) async fn user(listener: TcpListener, stop: CancellationToken) -> Result<(), Failure> {
    let config = user_service::Config::from_env(lookup).map_err(|e| Failure::arguments(e.to_string()))?;
    let stopped = async move { stop.cancelled().await };
    serve(user_service::NAME, user_service::VERSION, |metrics| {
        user_service::run(listener, config, metrics, stopped)
    })
    .await
}

/// Serves product-service until `stop`.
pub(super) async fn product(listener: TcpListener, stop: CancellationToken) -> Result<(), Failure> {
    let config = product_service::Config::from_env(lookup).map_err(|e| Failure::arguments(e.to_string()))?;
    let stopped = async move { stop.cancelled().await };
    serve(product_service::NAME, product_service::VERSION, |metrics| {
        product_service::run(listener, config, metrics, stopped)
    })
    .await
}

/// Serves order-service until `stop`.
pub(super) async fn order(listener: TcpListener, stop: CancellationToken) -> Result<(), Failure> {
    let config = order_service::Config::from_env(lookup).map_err(|e| Failure::arguments(e.to_string()))?;
    let stopped = async move { stop.cancelled().await };
    serve(order_service::NAME, order_service::VERSION, |metrics| {
        order_service::run(listener, config, metrics, stopped)
    })
    .await
}

fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Telemetry around a service: set up before, drained after, on the error path too.
async fn serve<F>(name: &str, version: &str, run: impl FnOnce(Metrics) -> F) -> Result<(), Failure>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let config = telemetry::Config::from_env(name, version).map_err(|e| Failure::arguments(e.to_string()))?;
    let telemetry = telemetry::init(config).map_err(|e| Failure::environment(e.to_string()))?;
    let served = run(telemetry.metrics().clone()).await;
    telemetry.shutdown().await;
    served.map_err(|error| {
        let code = match chassis::start::exit_code(&error) {
            2 => Code::BadArguments,
            3 => Code::Environment,
            _ => Code::NotGood,
        };
        Failure { code, message: format!("{error:#}") }
    })
}
