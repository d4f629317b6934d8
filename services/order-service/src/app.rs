//! Wiring: the state, the router, the background tasks, and serving until told to stop.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use chassis::limits::HttpLimits;
use chassis::probes::{self, Probes};
use chassis::{layers, serve};
use telemetry::Metrics;
use telemetry::db::{Database, Migration};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::config::WorkConfig;
use crate::metrics::OrderMetrics;
use crate::neighbours::{Products, Users};
use crate::outbound::{OutboundMetrics, Peer};
use crate::{Config, StartError, orders, outbox, recovery};

/// The schema, oldest step first.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "orders", sql: include_str!("../migrations/0001_orders.sql") },
    Migration { name: "outbox", sql: include_str!("../migrations/0002_outbox.sql") },
    Migration { name: "idempotency", sql: include_str!("../migrations/0003_idempotency.sql") },
];

#[derive(OpenApi)]
#[openapi(info(title = "order-service", description = "Taking orders"))]
struct Document;

/// What handlers and background tasks share; clones are cheap.
#[derive(Clone)]
pub struct App(Arc<Shared>);

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The one instance behind every [`App`].
pub struct Shared {
    /// The database.
    pub database: Database,
    /// Cancelled when the service was told to stop.
    pub draining: CancellationToken,
    pub(crate) users: Users,
    pub(crate) products: Products,
    pub(crate) orders: OrderMetrics,
    pub(crate) work: WorkConfig,
    /// Orders under way. They finish whether or not their client waits.
    pub(crate) sagas: TaskTracker,
    /// Wakes the relay when an event was written.
    pub(crate) outbox_written: Notify,
    metrics: Metrics,
    limits: HttpLimits,
}

impl App {
    /// Opens the database, brings its schema up to date, and prepares the calls to the neighbours.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn start(config: Config, metrics: Metrics) -> anyhow::Result<Self> {
        let database = Database::open(config.database, &metrics).await.map_err(StartError::Database)?;
        database.migrate(MIGRATIONS).await.map_err(StartError::Database)?;
        let outbound = OutboundMetrics::register(&metrics);
        let peer = |name, base| Peer::new(name, base, config.outbound.clone(), &metrics, &outbound);
        Ok(Self(Arc::new(Shared {
            database,
            draining: CancellationToken::new(),
            users: Users::new(peer(Users::NAME, config.user_service)?),
            products: Products::new(peer(Products::NAME, config.product_service)?),
            orders: OrderMetrics::register(&metrics),
            work: config.work,
            sagas: TaskTracker::new(),
            outbox_written: Notify::new(),
            metrics,
            limits: config.http,
        })))
    }
}

/// The whole public API.
pub fn router(app: &App) -> Router {
    let probes =
        Probes { service: crate::NAME, database: app.database.clone(), draining: app.draining.clone() };
    let (routes, openapi) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(orders::routes::routes())
        .with_state(app.clone())
        .merge(probes::routes(probes))
        .split_for_parts();
    layers::around(routes.merge(probes::document(&openapi)), &app.limits, &app.metrics)
}

/// Serves on `listener` until `shutdown` resolves, then lets requests, orders and deliveries in flight finish.
///
/// # Errors
/// A [`StartError`] when the database cannot be opened; nothing stops a service that once started.
pub async fn run(
    listener: TcpListener,
    config: Config,
    metrics: Metrics,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let app = App::start(config, metrics).await?;
    let background = TaskTracker::new();
    let stop = CancellationToken::new();
    background.spawn(outbox::relay::run(app.clone(), stop.clone()));
    background.spawn(recovery::run(app.clone(), stop.clone()));
    tracing::info!(address = %listener.local_addr()?, "serving");
    let cut_off = serve::serve(listener, router(&app), &app.limits, app.draining.clone(), shutdown).await;
    app.sagas.close();
    let sagas_done = tokio::time::timeout(app.limits.drain_timeout, app.sagas.wait()).await.is_ok();
    stop.cancel();
    background.close();
    let background_done = tokio::time::timeout(app.limits.drain_timeout, background.wait()).await.is_ok();
    if !(sagas_done && background_done) {
        // What is left is in the database: the recovery and the relay of the next start take it up.
        tracing::warn!(orders = app.sagas.len(), "stopped before all work was done");
    }
    app.database.close().await;
    tracing::info!(cut_off, "stopped");
    Ok(())
}
