//! The three services as children: configuration from the environment, telemetry, serve, drain.

use chassis::start::{self, StartError};
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    failure::{Code, Failure},
    home::ELSEWHERE,
};

/// Serves user-service until `stop`.
pub(super) async fn user(listener: TcpListener, alone: bool, stop: CancellationToken) -> Result<(), Failure> {
    let config = user_service::Config::from_env(lookup).map_err(|e| Failure::arguments(e.to_string()))?;
    let stopped = async move { stop.cancelled().await };
    serve(user_service::NAME, user_service::VERSION, alone, |metrics| {
        user_service::run(listener, config, metrics, stopped)
    })
    .await
}

/// Serves product-service until `stop`.
pub(super) async fn product(
    listener: TcpListener,
    alone: bool,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let config = product_service::Config::from_env(lookup).map_err(|e| Failure::arguments(e.to_string()))?;
    let stopped = async move { stop.cancelled().await };
    serve(product_service::NAME, product_service::VERSION, alone, |metrics| {
        product_service::run(listener, config, metrics, stopped)
    })
    .await
}

/// Serves order-service until `stop`.
pub(super) async fn order(
    listener: TcpListener,
    alone: bool,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let config = order_service::Config::from_env(lookup).map_err(|e| Failure::arguments(e.to_string()))?;
    let stopped = async move { stop.cancelled().await };
    serve(order_service::NAME, order_service::VERSION, alone, |metrics| {
        order_service::run(listener, config, metrics, stopped)
    })
    .await
}

fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Telemetry around a service: set up before, drained after, on the error path too.
async fn serve<F>(
    name: &str,
    version: &str,
    alone: bool,
    run: impl FnOnce(Metrics) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let config = telemetry::Config::from_env(name, version).map_err(|e| Failure::arguments(e.to_string()))?;
    let telemetry = telemetry::init(config).map_err(|e| Failure::environment(e.to_string()))?;
    let served = run(telemetry.metrics().clone()).await;
    telemetry.shutdown().await;
    served.map_err(|error| refused(&error, alone))
}

/// What stopped a service. Who starts it `alone` places its database by a variable; `up` sets that itself, so there the home is
/// what a person can change.
fn refused(error: &anyhow::Error, alone: bool) -> Failure {
    let code = match start::exit_code(error) {
        2 => Code::BadArguments,
        3 => Code::Environment,
        _ => Code::NotGood,
    };
    let message = match error.chain().find_map(|cause| cause.downcast_ref()) {
        Some(StartError::Database(unopened)) if !alone => unopened.told(ELSEWHERE),
        _ => format!("{error:#}"),
    };
    Failure { code, message }
}
