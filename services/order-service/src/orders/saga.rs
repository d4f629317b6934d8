//! The order saga: look up, write a pending order, reserve item by item, confirm. On failure, release everything that may
//! be reserved; what cannot be released now is left to the recovery.
//!
//! On which connection its statements run, and for whom it waits, are settings.

use std::time::Duration;

use chassis::clock;
use chassis::problem::Problem;
use http::StatusCode;
use telemetry::correlation::CorrelationId;
use telemetry::db;

use super::lookup;
use super::request::Wanted;
use super::statements::Statements;
use super::store::{self, NewItem, NewOrder};
use super::{Item, Order};
use crate::neighbours::ReserveError;
use crate::outbound::Failure;
use crate::{App, Cents, idempotency, outbox};

/// How soon the recovery may look at an order whose release failed.
const RELEASE_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Why there is no order.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) problem: Problem,
    /// The label of `orders_total`.
    pub(super) outcome: &'static str,
}

/// Places an order. The answer of `key` is written in the transaction that settles the order.
pub(super) async fn run(app: &App, wanted: &Wanted, key: Option<&str>) -> Result<Order, Refusal> {
    let mut statements = Statements::of(app).await.map_err(storage_failed)?;
    let (user, products) = lookup::run(app, wanted).await?;
    let mut order = Order {
        id: 0,
        user,
        product: None,
        price: None,
        quantity: None,
        items: lookup::items(wanted, &products),
        total: Cents(0),
        status: "pending".to_owned(),
        reason: None,
        created_at: String::new(),
    };
    order.total = Cents(order.items.iter().map(|item| item.price.0 * item.quantity).sum());
    let new = with_reservations(&order.items);
    write_pending(app, &mut statements, &mut order, &new, key).await?;
    let _held = app.item_locks.hold(app.order_settings.item_lock.get(), &wanted.product_ids()).await;
    match reserve(app, &new).await {
        Ok(()) => confirm(app, &mut statements, order, &new, key).await,
        Err((refusal, attempted)) => {
            give_back(app, &mut statements, order.id, &new[..attempted], &refusal, key).await;
            Err(refusal)
        }
    }
}

/// Reservation ids are random: an order number would come again with a new database file.
fn with_reservations(items: &[Item]) -> Vec<NewItem> {
    let random: u128 = rand::random();
    let numbered = items.iter().enumerate();
    numbered
        .map(|(position, item)| NewItem {
            item: item.clone(),
            reservation_id: format!("{random:032x}-{position}"),
        })
        .collect()
}

async fn write_pending(
    app: &App,
    statements: &mut Statements,
    order: &mut Order,
    items: &[NewItem],
    key: Option<&str>,
) -> Result<(), Refusal> {
    let now = clock::now_ms();
    order.created_at = clock::rfc3339(now);
    let correlation = CorrelationId::current();
    let traceparent = telemetry::propagation::trace_context();
    let new = NewOrder {
        user: &order.user,
        items,
        total: order.total.0,
        correlation_id: correlation.as_ref().map_or("", CorrelationId::as_str),
        traceparent: traceparent.as_deref(),
        created_at: now,
        recover_after: now.saturating_add(millis(app.work.recovery_after)),
    };
    let written = async {
        let mut transaction = statements.begin().await?;
        let id = store::insert(&mut transaction, &new).await?;
        if let Some(key) = key {
            idempotency::attach(&mut transaction, key, id).await?;
        }
        transaction.commit().await?;
        Ok::<i64, db::Error>(id)
    };
    order.id = written.await.map_err(storage_failed)?;
    Ok(())
}

/// Reserves in the order of the items. On failure: why, and how many of the items may be reserved.
async fn reserve(app: &App, items: &[NewItem]) -> Result<(), (Refusal, usize)> {
    let deadline = app.products.deadline();
    for (position, new) in items.iter().enumerate() {
        let NewItem { item, reservation_id } = new;
        let reserved = app.products.reserve(item.product_id, item.quantity, reservation_id, deadline).await;
        let (refusal, may_be_reserved) = match reserved {
            Ok(()) => continue,
            Err(ReserveError::OutOfStock(detail)) => {
                let problem = Problem::conflict("out-of-stock", detail);
                (Refusal { problem, outcome: "out_of_stock" }, false)
            }
            Err(ReserveError::Gone) => {
                let problem = Problem::bad_request(
                    "unknown-product",
                    format!("there is no product {}", item.product_id),
                );
                (Refusal { problem, outcome: "unknown_product" }, false)
            }
            Err(ReserveError::Failed(failure)) => (dependency_failed(&failure), failure.may_have_arrived),
        };
        return Err((refusal, position + usize::from(may_be_reserved)));
    }
    Ok(())
}

/// Confirms the order and writes its event, in one transaction.
async fn confirm(
    app: &App,
    statements: &mut Statements,
    mut order: Order,
    items: &[NewItem],
    key: Option<&str>,
) -> Result<Order, Refusal> {
    order.status = "confirmed".to_owned();
    let order = order.with_single_item_on_top();
    let confirmed = async {
        let mut transaction = statements.begin().await?;
        if !store::confirm(&mut transaction, order.id).await? {
            transaction.rollback().await?;
            return Ok(false);
        }
        outbox::store::add(&mut transaction, &order).await?;
        if let Some(key) = key {
            let body = serde_json::to_string(&order).unwrap_or_default();
            let stored = idempotency::Stored { status: StatusCode::CREATED.as_u16(), body };
            idempotency::answer(&mut transaction, key, &stored, app.work.idempotency_ttl).await?;
        }
        transaction.commit().await?;
        Ok::<bool, db::Error>(true)
    };
    let refusal = match confirmed.await {
        Ok(true) => {
            app.outbox_written.notify_one();
            return Ok(order);
        }
        Ok(false) => {
            let problem =
                Problem::unavailable("order-abandoned", "the order took too long and was given up", 1);
            Refusal { problem, outcome: "timed_out" }
        }
        Err(error) => storage_failed(error),
    };
    give_back(app, statements, order.id, items, &refusal, key).await;
    Err(refusal)
}

/// Releases what may be reserved and settles the order. Failures here are the recovery's business, not the client's.
async fn give_back(
    app: &App,
    statements: &mut Statements,
    order: i64,
    items: &[NewItem],
    refusal: &Refusal,
    key: Option<&str>,
) {
    let deadline = app.products.deadline();
    let mut all_released = true;
    for NewItem { item, reservation_id } in items {
        all_released &= app.products.release(item.product_id, reservation_id, deadline).await.is_ok();
    }
    let settled = async {
        let mut transaction = statements.begin().await?;
        let reason = &refusal.problem.detail;
        if all_released {
            store::fail(&mut transaction, order, reason).await?;
        } else {
            let after = clock::now_ms().saturating_add(millis(RELEASE_AGAIN_AFTER));
            store::leave_to_recovery(&mut transaction, order, reason, after).await?;
        }
        if let Some(key) = key {
            super::place::settle_key(app, &mut transaction, key, &refusal.problem).await?;
        }
        transaction.commit().await
    };
    match settled.await {
        Ok(()) => tracing::info!(order.id = order, outcome = refusal.outcome, all_released, "order failed"),
        Err(error) => {
            tracing::error!(order.id = order, error = %error, "failed order not settled, left to the recovery");
        }
    }
}

pub(super) fn dependency_failed(failure: &Failure) -> Refusal {
    let detail = format!("{} cannot answer now", failure.peer);
    let problem = Problem::unavailable("dependency-unavailable", detail, failure.retry_after_seconds());
    Refusal { problem, outcome: "dependency_failed" }
}

fn storage_failed(error: db::Error) -> Refusal {
    Refusal { problem: error.into(), outcome: "storage_failed" }
}

pub(super) fn internal(detail: &'static str) -> Refusal {
    let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
    Refusal { problem, outcome: "internal" }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
