//! Wiring: the state, the router, and serving until told to stop.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use chassis::base::Base;
use chassis::retention::{self, Old};
use chassis::serve::Listeners;
use chassis::settings::List;
use telemetry::Metrics;
use telemetry::db::Migration;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::notifications::NotificationSettings;
use crate::sessions::{SessionSettings, Sessions};
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
    pub(crate) notification_settings: NotificationSettings,
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
        let mut list = List::new();
        let base = Base::open(NAME, config.database, MIGRATIONS, config.http, metrics, &mut list).await?;
        base.fill_if_empty(&seed::ANY, seed::fill).await?;
        if config.reseller_orders > 0 {
            base.fill_if_empty(&seed::ANY_PAST, || seed::past(config.reseller_orders)).await?;
        }
        let session_settings = SessionSettings::add(&mut list, &config.sessions);
        let sessions = Arc::new(Sessions::new(&config.sessions, session_settings, &base.metrics));
        let notification_settings = NotificationSettings::add(&mut list);
        let base = base.with_settings(list, config.settings)?;
        Ok(Self { sessions, notification_settings, base })
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

/// Serves on `listeners` until `shutdown` resolves, then lets requests in flight finish.
///
/// # Errors
/// As [`App::start`]; nothing stops a service that once started.
pub async fn run(
    listeners: impl Into<Listeners>,
    config: Config,
    metrics: Metrics,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let keep = config.retention;
    let app = App::start(config, metrics).await?;
    let sweep = tokio::spawn(retention::run(app.database.clone(), keep, OLD, app.draining.clone()));
    app.run(listeners.into(), router(&app), shutdown, async { drop(sweep.await) }).await
}
