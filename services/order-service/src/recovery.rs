//! The recovery: takes up orders whose saga ended half-way (a crash, or a release that failed), releases what may be
//! reserved, and settles them as failed. It also deletes expired idempotency keys.

mod store;

use std::time::Duration;

use opentelemetry::context::FutureExt as _;
use telemetry::correlation::CorrelationId;
use telemetry::{db, propagation};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{App, idempotency};
use store::Abandoned;

/// Orders taken up in one round.
const BATCH: i64 = 50;
/// After how long an order that was taken up may be taken up again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Runs at the start and then at every interval, until told to stop.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let quiet = app.database.untraced();
    let mut ticks = tokio::time::interval(app.work.recovery_interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut reported = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match round(&app, &quiet).await {
            Ok(()) => reported = false,
            Err(error) if !reported => {
                reported = true;
                tracing::error!(error = %error, "recovery cannot read the database");
            }
            Err(_) => {}
        }
    }
}

async fn round(app: &App, quiet: &db::Database) -> Result<(), db::Error> {
    idempotency::expire(quiet).await?;
    for order in store::take(quiet, BATCH, AGAIN_AFTER).await? {
        recover(app, order).await;
    }
    Ok(())
}

async fn recover(app: &App, order: Abandoned) {
    let correlation =
        CorrelationId::parse(&order.correlation_id).unwrap_or_else(|_| CorrelationId::generate());
    let context = propagation::root(&correlation);
    let span = {
        let _root = context.clone().attach();
        tracing::info_span!("order recover", otel.kind = "internal", order.id = order.id)
    };
    if let Some(origin) = order.traceparent.as_deref().and_then(propagation::link_from) {
        span.add_link(origin);
    }
    release_and_settle(app, &order).instrument(span).with_context(context).await;
}

async fn release_and_settle(app: &App, order: &Abandoned) {
    let settled = async {
        for item in store::reservations(&app.database, order.id).await? {
            let deadline = app.products.deadline();
            if app.products.release(item.product_id, &item.reservation_id, deadline).await.is_err() {
                tracing::warn!(order.id = order.id, "abandoned order not released, tried again later");
                return Ok(());
            }
        }
        store::settle(&app.database, order.id).await?;
        app.orders.recovered();
        tracing::info!(order.id = order.id, "abandoned order released");
        Ok::<(), db::Error>(())
    };
    if let Err(error) = settled.await {
        tracing::error!(order.id = order.id, error = %error, "abandoned order not settled, tried again later");
    }
}
