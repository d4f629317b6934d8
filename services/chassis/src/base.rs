//! What every service stands on: its open database, the router around its routes, and a life from "serving" to "stopped".
//!
//! It knows neither the routes nor the schema, and starts no background work; a service brings both, and what is left to
//! finish once no request is in flight any more.

use std::future::Future;

use axum::Router;
use telemetry::Metrics;
use telemetry::db::{Database, Error, Migration, Query, Settings, Statement, query};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::limits::HttpLimits;
use crate::probes::{self, Probes};
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
}

impl Base {
    /// Opens the database of `service` and brings its schema up to date; `migrations` begin with the oldest step.
    ///
    /// # Errors
    /// When the database cannot be opened or changed.
    pub async fn open(
        service: &'static str,
        database: Settings,
        migrations: &[Migration],
        limits: HttpLimits,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let database = Database::open(database, &metrics).await?;
        database.migrate(migrations).await?;
        Ok(Self { database, limits, metrics, service, draining: CancellationToken::new() })
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
        layers::around(routes.merge(probes::document(&openapi)), &self.limits, &self.metrics)
    }

    /// Serves `router` on `listener` until `shutdown` resolves, lets requests in flight finish, awaits `finish`, and closes
    /// the database.
    ///
    /// # Errors
    /// When the listener has no address; nothing stops a service that once started.
    pub async fn run(
        &self,
        listener: TcpListener,
        router: Router,
        shutdown: impl Future<Output = ()> + Send,
        finish: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        tracing::info!(address = %listener.local_addr()?, "serving");
        let cut_off = serve::serve(listener, router, &self.limits, self.draining.clone(), shutdown).await;
        finish.await;
        self.database.close().await;
        tracing::info!(cut_off, "stopped");
        Ok(())
    }
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
