//! Wiring: the state, the router, the background tasks, and serving until told to stop.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use balance::{Balancer, Group};
use chassis::base::Base;
use chassis::retention::{self, Old};
use chassis::serve::Listeners;
use chassis::settings::{List, Settings};
use telemetry::Metrics;
use telemetry::db::{Database, Migration};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::config::WorkConfig;
use crate::metrics::OrderMetrics;
use crate::neighbours::{Products, Users};
use crate::orders::{ItemLocks, OrderSettings, PriceList};
use crate::outbound::{OutboundMetrics, Peer};
use crate::outbox::OutboxSettings;
use crate::{Config, NAME, endpoints, orders, outbound, outbox, recovery};

/// The schema, oldest step first.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "orders", sql: include_str!("../migrations/0001_orders.sql") },
    Migration { name: "outbox", sql: include_str!("../migrations/0002_outbox.sql") },
    Migration { name: "idempotency", sql: include_str!("../migrations/0003_idempotency.sql") },
];

/// What goes when it is old. An order that is neither confirmed nor failed stays.
pub static OLD: &[Old] =
    &[&[&orders::store::OLD_ITEMS, &orders::store::OLD_ORDERS], &[&outbox::store::OLD_REFUSED]];

#[derive(OpenApi)]
#[openapi(info(title = "order-service", description = "Taking orders"))]
struct Document;

/// What handlers and background tasks share; clones are cheap.
#[derive(Clone)]
pub struct App(Arc<Shared>);

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The one instance behind every [`App`].
pub struct Shared {
    /// The database.
    pub database: Database,
    /// The instances of the neighbours.
    pub neighbours: Group,
    pub(crate) users: Users,
    pub(crate) products: Products,
    pub(crate) orders: OrderMetrics,
    pub(crate) order_settings: OrderSettings,
    pub(crate) outbox_settings: OutboxSettings,
    pub(crate) item_locks: ItemLocks,
    pub(crate) price_list: PriceList,
    pub(crate) work: WorkConfig,
    /// Orders under way. They finish whether or not their client waits.
    pub(crate) sagas: TaskTracker,
    /// Wakes the relay when an event was written.
    pub(crate) outbox_written: Notify,
    base: Base,
}

impl App {
    /// Opens the database, brings its schema up to date, and prepares the calls to the neighbours.
    ///
    /// # Errors
    /// A [`StartError`](crate::StartError) when the database cannot be opened.
    pub async fn start(config: Config, metrics: Metrics) -> anyhow::Result<Self> {
        let instances = [Balancer::single(&config.user_service)?, Balancer::single(&config.product_service)?];
        let mut list = List::new();
        let base = Base::open(NAME, config.database, MIGRATIONS, config.http, metrics, &mut list).await?;
        let outbound = OutboundMetrics::register(&base.metrics);
        let peer = |name, instances: &Balancer| {
            Peer::new(name, instances.clone(), config.outbound.clone(), &base.metrics, &outbound)
                .map(Arc::new)
        };
        let [users_at, products_at] = instances;
        let (users, products) = (peer(Users::NAME, &users_at)?, peer(Products::NAME, &products_at)?);
        let neighbours = Group::new([(Users::NAME, users_at), (Products::NAME, products_at)]);
        outbound::settings::add(&mut list, &config.outbound, &[Arc::clone(&users), Arc::clone(&products)]);
        let order_settings = OrderSettings::add(&mut list);
        let outbox_settings = OutboxSettings::add(&mut list, &config.work);
        let base =
            base.with_settings(list, config.settings)?.with_routes(endpoints::routes(neighbours.clone()));
        Ok(Self(Arc::new(Shared {
            database: base.database.clone(),
            neighbours,
            users: Users::new(users),
            products: Products::new(products),
            order_settings,
            outbox_settings,
            item_locks: ItemLocks::default(),
            price_list: PriceList::default(),
            orders: OrderMetrics::register(&base.metrics),
            work: config.work,
            sagas: TaskTracker::new(),
            outbox_written: Notify::new(),
            base,
        })))
    }
}

impl Shared {
    /// What an operator can change.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.base.settings()
    }
}

/// The whole public API.
pub fn router(app: &App) -> Router {
    app.base.router(
        OpenApiRouter::with_openapi(Document::openapi())
            .merge(orders::routes::routes())
            .with_state(app.clone()),
    )
}

/// Serves on `listeners` until `shutdown` resolves, then lets requests, orders and deliveries in flight finish.
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
    let (background, stop) = (TaskTracker::new(), CancellationToken::new());
    let (neighbours, stopped) = (app.neighbours.clone(), stop.clone());
    background.spawn(async move {
        stopped.run_until_cancelled(neighbours.watch()).await;
    });
    background.spawn(outbox::relay::run(app.clone(), stop.clone()));
    background.spawn(recovery::run(app.clone(), stop.clone()));
    background.spawn(retention::run(app.database.clone(), keep, OLD, stop.clone()));
    app.base.run(listeners.into(), router(&app), shutdown, finish(&app, &background, &stop)).await
}

/// Orders first, because they write the events that the relay delivers. What does not end in time is in the database: the
/// recovery and the relay of the next start take it up.
async fn finish(app: &App, background: &TaskTracker, stop: &CancellationToken) {
    let limit = app.base.limits.drain_timeout;
    app.sagas.close();
    let sagas_done = tokio::time::timeout(limit, app.sagas.wait()).await.is_ok();
    stop.cancel();
    background.close();
    let background_done = tokio::time::timeout(limit, background.wait()).await.is_ok();
    if !(sagas_done && background_done) {
        tracing::warn!(orders = app.sagas.len(), "stopped before all work was done");
    }
}
