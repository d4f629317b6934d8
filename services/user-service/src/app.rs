//! Wiring: the state, the router, and serving until told to stop.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use chassis::limits::HttpLimits;
use chassis::probes::{self, Probes};
use chassis::{layers, serve};
use telemetry::Metrics;
use telemetry::db::{Database, Migration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::sessions::Sessions;
use crate::{Config, StartError, notifications, seed, sessions, users};

/// The schema, oldest step first.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "users", sql: include_str!("../migrations/0001_users.sql") },
    Migration { name: "notifications", sql: include_str!("../migrations/0002_notifications.sql") },
];

#[derive(OpenApi)]
#[openapi(info(title = "user-service", description = "Accounts, sessions and notifications"))]
struct Document;

/// What handlers share; clones are cheap.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub database: Database,
    /// Password checks and tokens.
    pub sessions: Arc<Sessions>,
    /// Cancelled when the service was told to stop.
    pub draining: CancellationToken,
    metrics: Metrics,
    limits: HttpLimits,
}

impl App {
    /// Opens the database, brings its schema up to date, and fills an empty one.
    ///
    /// # Errors
    /// When the database cannot be opened or filled.
    pub async fn start(config: Config, metrics: Metrics) -> anyhow::Result<Self> {
        let database = Database::open(config.database, &metrics).await.map_err(StartError::Database)?;
        database.migrate(MIGRATIONS).await.map_err(StartError::Database)?;
        seed::fill_if_empty(&database.untraced()).await?;
        let sessions = Arc::new(Sessions::new(&config.sessions, &metrics));
        Ok(Self { database, sessions, draining: CancellationToken::new(), metrics, limits: config.http })
    }
}

/// The whole public API.
pub fn router(app: &App) -> Router {
    let probes =
        Probes { service: crate::NAME, database: app.database.clone(), draining: app.draining.clone() };
    let (routes, openapi) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(users::routes::routes())
        .merge(sessions::routes::routes())
        .merge(notifications::routes::routes())
        .with_state(app.clone())
        .merge(probes::routes(probes))
        .split_for_parts();
    layers::around(routes.merge(probes::document(&openapi)), &app.limits, &app.metrics)
}

/// Serves on `listener` until `shutdown` resolves, then lets requests in flight finish.
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
    tracing::info!(address = %listener.local_addr()?, "serving");
    let cut_off = serve::serve(listener, router(&app), &app.limits, app.draining.clone(), shutdown).await;
    app.database.close().await;
    tracing::info!(cut_off, "stopped");
    Ok(())
}
