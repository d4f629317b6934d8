//! The embedded telemetry backend: OTLP, Loki push, remote write and scrape in; the Prometheus, Loki and Jaeger query APIs
//! out. With it an Alertmanager, which takes alerts and tells people.
//!
//! [`run`] takes six bound listeners and serves until `shutdown` resolves. Spans and logs are stored on disk, metric
//! samples in memory with a log on disk; all are bounded by age and size. The backend knows no service: nothing here names one.
//! It does not set up logging (the process does), and scrapes nothing but the targets and evaluates nothing but the rules that
//! it is given.

mod alertmanager;
mod api;
mod config;
mod derive;
#[cfg(any(test, fuzzing))]
pub mod doors;
mod duration;
mod error;
mod ingest;
mod labels;
mod logql;
mod matcher;
mod number;
mod promql;
pub mod rules;
mod server;
mod stats;
mod store;
mod template;
mod time;

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use alertmanager::{Routing, Screen, check as check_alertmanager_file};
pub use config::{Config, Limits};
pub use error::Error;
pub use ingest::targets::check as check_scrape_file;
pub use rules::RuleFiles;

use server::Protocol::{Http1, Http2};
use stats::Stats;
use store::Store;

/// The sockets to serve, already bound: the caller chooses addresses and reports a taken port.
#[derive(Debug)]
pub struct Listeners {
    /// OTLP over gRPC (usually port 4317).
    pub otlp_grpc: TcpListener,
    /// OTLP over HTTP (usually port 4318).
    pub otlp_http: TcpListener,
    /// The Prometheus query API and the backend's own `/metrics` (usually port 9090).
    pub prometheus: TcpListener,
    /// The Loki push and query API (usually port 3100).
    pub loki: TcpListener,
    /// The Jaeger query API (usually port 16686).
    pub jaeger: TcpListener,
    /// Alertmanager's API (usually port 9093).
    pub alertmanager: TcpListener,
}

/// What every listener shares.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) stats: Arc<Stats>,
    pub(crate) derived: derive::Derived,
    pub(crate) alertmanager: Arc<alertmanager::Alertmanager>,
    pub(crate) targets: ingest::scrape::Targets,
    pub(crate) rules: rules::live::Rules,
    pub(crate) gate: api::gate::Gate,
    pub(crate) bodies: Arc<ingest::body::Room>,
    /// Places for those who follow logs.
    pub(crate) tails: Arc<Semaphore>,
    /// Cancelled when the backend stops.
    pub(crate) stop: CancellationToken,
    pub(crate) started_ms: i64,
}

/// Opens the store, serves the six listeners, and returns when `shutdown` has resolved and everything accepted is
/// on disk.
///
/// # Errors
/// [`Error`] when the data directory cannot be used, or the Alertmanager's configuration has a mistake. Once serving, a full disk is not an error:
/// ingest is refused (and counted) until there is room again.
pub async fn run(
    listeners: Listeners,
    mut config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let stats = Arc::new(Stats::default());
    let (store, writer) = Store::open(&config, Arc::clone(&stats))?;
    let alertmanager_at =
        listeners.alertmanager.local_addr().map(|a| format!("http://{a}")).unwrap_or_default();
    let alertmanager = match alertmanager::Alertmanager::open(
        config.alertmanager_file.clone(),
        &config.data_dir.join("alertmanager"),
        alertmanager_at,
        config.screen.clone(),
    ) {
        Ok(alertmanager) => Arc::new(alertmanager),
        Err(error) => {
            // The folder is free again when this returns.
            store.close();
            let _ = tokio::task::spawn_blocking(move || writer.finish()).await;
            return Err(error);
        }
    };
    // The metrics made of spans appear under the address where they can be asked for.
    let instance = listeners.prometheus.local_addr().map(|a| a.to_string()).unwrap_or_default();
    let stop = CancellationToken::new();
    let rules = rules::live::Rules::new(&mut config, &instance);
    let backend = Arc::new(Backend {
        derived: derive::Derived::new(&instance),
        rules,
        alertmanager: Arc::clone(&alertmanager),
        gate: api::gate::Gate::new(config.limits.concurrent_queries, config.limits.query_timeout),
        bodies: ingest::body::Room::new(config.limits.bodies_bytes),
        targets: ingest::scrape::Targets::default(),
        tails: Arc::new(Semaphore::new(api::loki::tail::MAX_TAILS)),
        stop: stop.clone(),
        started_ms: time::now_ms(),
        store,
        stats,
        config,
    });
    let on_shutdown = stop.clone();
    tokio::spawn(async move {
        shutdown.await;
        on_shutdown.cancel();
    });
    tracing::info!(data_dir = %backend.config.data_dir.display(), "telemetry backend is serving");

    let limits = backend.config.limits.clone();
    let serve =
        |listener, protocol, router| server::serve(listener, protocol, router, limits.clone(), stop.clone());
    let otlp_grpc = ingest::otlp_grpc::routes(Arc::clone(&backend));
    tokio::join!(
        serve(listeners.otlp_grpc, Http2, otlp_grpc),
        serve(listeners.otlp_http, Http1, ingest::otlp_http::routes(Arc::clone(&backend))),
        serve(listeners.prometheus, Http1, api::prometheus::routes(Arc::clone(&backend))),
        serve(listeners.loki, Http1, api::loki::routes(Arc::clone(&backend))),
        serve(listeners.jaeger, Http1, api::jaeger::routes(Arc::clone(&backend))),
        serve(listeners.alertmanager, Http1, api::alertmanager::routes(Arc::clone(&backend))),
        alertmanager.run(stop.clone()),
        ingest::scrape::run(Arc::clone(&backend), stop.clone()),
        derive::run(Arc::clone(&backend), instance, stop.clone()),
        rules::live::run(Arc::clone(&backend), stop.clone()),
        store::maintain(Arc::clone(&backend), stop.clone()),
    );
    // Whatever was acknowledged is written before the process may end.
    backend.store.close();
    let ended = tokio::task::spawn_blocking(move || writer.finish()).await;
    ended.unwrap_or(Err(Error::Stopped("the store's writer")))?;
    tracing::info!("telemetry backend has stopped");
    Ok(())
}
