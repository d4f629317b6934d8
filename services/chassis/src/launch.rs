//! A service's `main`: configuration, telemetry, bind, serve, drain, flush. Telemetry is flushed on the error path too.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;

use telemetry::Metrics;
use tokio::net::TcpListener;

use crate::env::{ConfigError, Env};
use crate::start::{self, StartError};

/// The shutdown future handed to a service.
pub type Shutdown = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs one service as a process. A failure is one line on stderr and an exit code (see [`start::exit_code`]).
pub fn launch<C, F>(
    service: &'static str,
    version: &'static str,
    config: impl FnOnce(&Env<'_>) -> Result<(SocketAddr, C), ConfigError>,
    run: impl FnOnce(TcpListener, C, Metrics, Shutdown) -> F,
) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>>,
{
    let outcome = config(&Env::new(&|name| std::env::var(name).ok()))
        .map_err(|error| anyhow::Error::new(StartError::Config(error)))
        .and_then(|(address, config)| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(service, version, address, config, run))
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{service}: {error:#}");
            ExitCode::from(start::exit_code(&error))
        }
    }
}

async fn serve<C, F>(
    service: &'static str,
    version: &'static str,
    address: SocketAddr,
    config: C,
    run: impl FnOnce(TcpListener, C, Metrics, Shutdown) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let telemetry = telemetry::init(telemetry::Config::from_env(service, version)?)?;
    let metrics = telemetry.metrics().clone();
    let outcome = match start::bind(address).await {
        Ok(listener) => run(listener, config, metrics, Box::pin(stop_signal())).await,
        Err(error) => Err(error.into()),
    };
    telemetry.shutdown().await;
    outcome
}

/// Resolves on Ctrl-C, and on SIGTERM where that exists.
pub async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
        }
        Err(_) => drop(interrupt.await),
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
