//! Wiring: the state, the router, and serving until told to stop.

use std::future::Future;

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

use crate::metrics::ShopMetrics;
use crate::{Config, StartError, catalogue, reservations, seed};

/// The schema, oldest step first.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "products", sql: include_str!("../migrations/0001_products.sql") },
    Migration { name: "reservations", sql: include_str!("../migrations/0002_reservations.sql") },
];

#[derive(OpenApi)]
#[openapi(info(title = "product-service", description = "The catalogue and its stock"))]
struct Document;

/// What handlers share; clones are cheap.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub database: Database,
    /// Cancelled when the service was told to stop.
    pub draining: CancellationToken,
    pub(crate) shop: ShopMetrics,
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
        let shop = ShopMetrics::register(&metrics);
        for (category, units) in catalogue::store::stock_by_category(&database.untraced()).await? {
            shop.stock_changed(&category, units);
        }
        Ok(Self { database, draining: CancellationToken::new(), shop, metrics, limits: config.http })
    }
}

/// The whole public API.
pub fn router(app: &App) -> Router {
    let probes =
        Probes { service: crate::NAME, database: app.database.clone(), draining: app.draining.clone() };
    let (routes, openapi) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(catalogue::routes::routes())
        .merge(reservations::routes::routes())
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
