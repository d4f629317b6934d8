//! Wiring: the state, the router, and serving until told to stop.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use chassis::base::Base;
use chassis::retention::{self, Old};
use telemetry::Metrics;
use telemetry::db::Migration;
use tokio::net::TcpListener;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::sessions::Sessions;
use crate::{Config, NAME, notifications, seed, sessions, users};

/// The schema, oldest step first.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "users", sql: include_str!("../migrations/0001_users.sql") },
    Migration { name: "notifications", sql: include_str!("../migrations/0002_notifications.sql") },
];

/// What goes when it is old.
pub static OLD: &[Old] = &[&[&notifications::OLD]];

#[derive(OpenApi)]
#[openapi(info(title = "user-service", description = "Accounts, sessions and notifications"))]
struct Document;

/// What handlers share; clones are cheap.
#[derive(Clone)]
pub struct App {
    /// Password checks and tokens.
    pub sessions: Arc<Sessions>,
    base: Base,
}

impl Deref for App {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

impl App {
    /// Opens the database, brings its schema up to date, and fills an empty one.
    ///
    /// # Errors
    /// A [`StartError`](crate::StartError) when the database cannot be opened or filled.
    pub async fn start(config: Config, metrics: Metrics) -> anyhow::Result<Self> {
        let base = Base::open(NAME, config.database, MIGRATIONS, config.http, metrics).await?;
        base.fill_if_empty(&seed::ANY, seed::fill).await?;
        let sessions = Arc::new(Sessions::new(&config.sessions, &base.metrics));
        Ok(Self { sessions, base })
    }
}

/// The whole public API.
pub fn router(app: &App) -> Router {
    app.router(
        OpenApiRouter::with_openapi(Document::openapi())
            .merge(users::routes::routes())
            .merge(sessions::routes::routes())
            .merge(notifications::routes::routes())
            .with_state(app.clone()),
    )
}

/// Serves on `listener` until `shutdown` resolves, then lets requests in flight finish.
///
/// # Errors
/// As [`App::start`]; nothing stops a service that once started.
pub async fn run(
    listener: TcpListener,
    config: Config,
    metrics: Metrics,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let keep = config.retention;
    let app = App::start(config, metrics).await?;
    let sweep = tokio::spawn(retention::run(app.database.clone(), keep, OLD, app.draining.clone()));
    app.run(listener, router(&app), shutdown, async { drop(sweep.await) }).await
}
