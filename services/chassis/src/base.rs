//! What every service stands on: its open database, the router around its routes, and a life from "serving" to "stopped".
//!
//! It knows neither the routes nor the schema, and starts no background work; a service brings both, and what is left to
//! finish once no request is in flight any more.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use telemetry::Metrics;
use telemetry::db::{self, Database, Error, Migration, Query, Statement, query};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::heartbeat;
use crate::layers::HttpSettings;
use crate::limits::HttpLimits;
use crate::observed;
use crate::probes::{self, Probes};
use crate::serve::Listeners;
use crate::settings::{self, List, Settings};
use crate::start::StartError;
use crate::{document, layers, serve};

/// The part of a service's state that is the same in each; clones share it.
#[derive(Clone)]
pub struct Base {
    /// The database, its schema up to date.
    pub database: Database,
    /// The bounds of the public listener.
    pub limits: HttpLimits,
    /// The service's registry.
    pub metrics: Metrics,
    /// Cancelled when the service was told to stop.
    pub draining: CancellationToken,
    service: &'static str,
    http: HttpSettings,
    settings: Option<Settings>,
    /// What an operator finds beside the settings.
    operator: Router,
}

impl Base {
    /// Opens the database of `service` and brings its schema up to date; `migrations` begin with the oldest step. Lists the
    /// settings that every service has.
    ///
    /// # Errors
    /// When the database cannot be opened or changed.
    pub async fn open(
        service: &'static str,
        database: db::Settings,
        migrations: &[Migration],
        limits: HttpLimits,
        metrics: Metrics,
        list: &mut List,
    ) -> Result<Self, StartError> {
        let pool = (database.max_connections, database.acquire_timeout);
        let database = Database::open(database, &metrics).await?;
        database.migrate(migrations).await?;
        let http = HttpSettings::add(list, &limits);
        list_pool(list, pool, &database);
        observed::list(list, &metrics);
        let draining = CancellationToken::new();
        Ok(Self {
            database,
            limits,
            metrics,
            draining,
            service,
            http,
            settings: None,
            operator: Router::new(),
        })
    }

    /// Takes up the settings as they were left in `path`; to be called when all are listed.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn with_settings(self, list: List, path: Option<PathBuf>) -> Result<Self, StartError> {
        Ok(Self { settings: Some(list.open(self.service, path)?), ..self })
    }

    /// Serves `routes` beside the settings, to whoever holds the token.
    #[must_use]
    pub fn with_routes(self, routes: Router) -> Self {
        Self { operator: routes, ..self }
    }

    /// The settings, once they are taken up.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// Runs `fill` in an empty database, which is one where `any` finds no row. One statement, so that a start stays fast;
    /// no spans, since nobody asked for it.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn fill_if_empty(
        &self,
        any: &'static Statement,
        fill: impl FnOnce() -> Query,
    ) -> Result<(), StartError> {
        let written = fill_if_empty(&self.database.untraced(), any, fill).await;
        if let Some(rows) = written.map_err(|error| self.refused(error))? {
            tracing::info!(rows, "seed data written");
        }
        Ok(())
    }

    /// What a failure of the database means while the service starts: which file, and what to do.
    #[must_use]
    pub fn refused(&self, error: Error) -> StartError {
        StartError::Database(self.database.refused(error))
    }

    /// The public API: the service's routes, the probes and `/openapi.json`, with the layers around them.
    pub fn router(&self, api: OpenApiRouter) -> Router {
        let (service, database, draining) = (self.service, self.database.clone(), self.draining.clone());
        let (routes, mut openapi) =
            api.merge(probes::routes(Probes { service, database, draining })).split_for_parts();
        document::complete(&mut openapi);
        layers::around(routes.merge(probes::document(&openapi)), &self.limits, &self.http, &self.metrics)
    }

    /// Serves `router` on the public listener until `shutdown` resolves, lets requests in flight finish, awaits `finish`, and
    /// closes the database. Meanwhile the settings are served on theirs.
    ///
    /// # Errors
    /// When the listener has no address, or the settings no thread; nothing stops a service that once started.
    pub async fn run(
        &self,
        listeners: Listeners,
        router: Router,
        shutdown: impl Future<Output = ()> + Send,
        finish: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let Listeners { public, settings: access } = listeners;
        if let (Some(access), Some(settings)) = (access, &self.settings) {
            settings::serve(access, settings.clone(), self.operator.clone(), self.draining.clone())?;
        }
        tokio::spawn(heartbeat::run(self.metrics.clone(), self.draining.clone()));
        tracing::info!(address = %public.local_addr()?, "serving");
        let cut_off = serve::serve(public, router, &self.limits, self.draining.clone(), shutdown).await;
        finish.await;
        self.database.close().await;
        tracing::info!(cut_off, "stopped");
        Ok(())
    }
}

/// The settings of the pool.
fn list_pool(list: &mut List, (connections, wait): (u32, Duration), database: &Database) {
    let connections = list.integer(
        "db.pool.max_connections",
        "connections",
        1..=64,
        connections.into(),
        "The most database connections at the same time",
    );
    let wait = list.millis(
        "db.pool.acquire_timeout_ms",
        1..=600_000,
        wait,
        "How long a caller waits for a database connection before it gives up",
    );
    let database = database.clone();
    list.watch(&["db.pool."], move || {
        database.set_max_connections(connections.count_u32());
        database.set_acquire_timeout(wait.millis());
    });
}

/// How many rows were written, or nothing when there were some before.
async fn fill_if_empty(
    database: &Database,
    any: &'static Statement,
    fill: impl FnOnce() -> Query,
) -> Result<Option<u64>, Error> {
    let mut transaction = database.begin().await?;
    if query(any).fetch_optional(&mut transaction).await?.is_some() {
        transaction.rollback().await?;
        return Ok(None);
    }
    let rows = fill().execute(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Some(rows))
}
