//! Wiring: the state, the router, and serving until told to stop.

use std::future::Future;
use std::ops::Deref;

use axum::Router;
use chassis::base::Base;
use chassis::retention::{self, Old};
use chassis::serve::Listeners;
use chassis::settings::List;
use telemetry::Metrics;
use telemetry::db::Migration;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::catalogue::{CatalogueSettings, PageCache};
use crate::metrics::{CacheMetrics, ShopMetrics};
use crate::{Config, NAME, catalogue, reservations, seed, stock};

/// The schema, oldest step first.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "products", sql: include_str!("../migrations/0001_products.sql") },
    Migration { name: "reservations", sql: include_str!("../migrations/0002_reservations.sql") },
    Migration {
        name: "reservations by age",
        sql: include_str!("../migrations/0003_reservations_by_age.sql"),
    },
    Migration { name: "listings", sql: include_str!("../migrations/0004_listings.sql") },
];

/// What goes when it is old.
pub static OLD: &[Old] = &[&[&reservations::OLD]];

#[derive(OpenApi)]
#[openapi(info(title = "product-service", description = "The catalogue and its stock"))]
struct Document;

/// What handlers share; clones are cheap.
#[derive(Clone)]
pub struct App {
    pub(crate) shop: ShopMetrics,
    pub(crate) catalogue_settings: CatalogueSettings,
    pub(crate) pages: PageCache,
    base: Base,
}

impl Deref for App {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

impl App {
    /// Opens the database, brings its schema up to date, fills an empty one, and counts the stock.
    ///
    /// # Errors
    /// A [`StartError`](crate::StartError) when the database cannot be opened, filled or read.
    pub async fn start(config: Config, metrics: Metrics) -> anyhow::Result<Self> {
        let mut list = List::new();
        let base = Base::open(NAME, config.database, MIGRATIONS, config.http, metrics, &mut list).await?;
        base.fill_if_empty(&seed::ANY, seed::fill).await?;
        base.fill_if_empty(&seed::ANY_LISTING, seed::listings).await?;
        let catalogue_settings = CatalogueSettings::add(&mut list);
        let pages = PageCache::add(&mut list, CacheMetrics::register(&base.metrics));
        let shop = ShopMetrics::register(&base.metrics);
        stock::count(&shop, &base.database.untraced()).await.map_err(|error| base.refused(error))?;
        let base = base.with_settings(list, config.settings)?;
        Ok(Self { shop, catalogue_settings, pages, base })
    }
}

/// The whole public API.
pub fn router(app: &App) -> Router {
    app.router(
        OpenApiRouter::with_openapi(Document::openapi())
            .merge(catalogue::routes::routes())
            .merge(reservations::routes::routes())
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
    let count = tokio::spawn(stock::run(app.clone(), app.draining.clone()));
    app.run(listeners.into(), router(&app), shutdown, async { drop(tokio::join!(sweep, count)) }).await
}
