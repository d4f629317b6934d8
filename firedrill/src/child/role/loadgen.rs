//! The load generator as a child: endless traffic, and a control listener to watch and pause it.

use std::sync::Arc;

use loadgen::{
    Options,
    client::{SeededIds, Targets},
    plan::Plan,
    serve::{ServeConfig, serve},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::environment::{number, text};
use crate::{failure::Failure, profiles, run_file};

/// Sends until `stop`. A generator that stands `alone` may lack the token: then nobody can pause it.
pub(super) async fn run(listener: TcpListener, alone: bool, stop: CancellationToken) -> Result<(), Failure> {
    let token = match text("ADMIN_TOKEN") {
        Err(_) if alone => run_file::fresh_token(),
        token => token?,
    };
    let profile = profiles::load(&text("LOADGEN_PROFILE")?)?;
    let plan = Plan::endless(&profile, number("LOADGEN_SEED")?, Some(number("LOADGEN_RPS")?))
        .map_err(|e| Failure::arguments(e.to_string()))?;
    let targets =
        Targets::new(&text("USER_SERVICE_URL")?, &text("PRODUCT_SERVICE_URL")?, &text("ORDER_SERVICE_URL")?)
            .map_err(|e| Failure::arguments(e.to_string()))?;
    let config = telemetry::Config::from_env("loadgen", env!("CARGO_PKG_VERSION"))
        .map_err(|e| Failure::arguments(e.to_string()))?;
    let telemetry = telemetry::Builder::new(config)
        .id_generator(SeededIds::default())
        .install()
        .map_err(|e| Failure::environment(e.to_string()))?;
    let config = ServeConfig {
        plan: Arc::new(plan),
        targets,
        options: Options::default(),
        token,
        process: Some(telemetry.metrics().clone()),
    };
    let served = serve(listener, config, async move { stop.cancelled().await }).await;
    telemetry.shutdown().await;
    served?;
    Ok(())
}
