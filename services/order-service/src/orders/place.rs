//! Placing an order as one task of its own, so that it comes to an end whether or not its client waits, with the
//! idempotency key around it.

use chassis::problem::Problem;
use http::StatusCode;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use serde_json::{Value, json};
use telemetry::correlation::CorrelationId;
use telemetry::db::{self, Session};
use telemetry::propagation;
use tracing::Instrument as _;

use super::Order;
use super::request::Wanted;
use super::saga::{self, Refusal};
use crate::App;
use crate::idempotency::{self, Claim, Stored};

/// What the client gets.
pub(super) enum Placed {
    New(Box<Order>),
    /// The body of an earlier 201.
    Replayed(String),
    /// An earlier refusal.
    ReplayedProblem(Problem),
}

/// Runs the order to its end. Dropping this future does not stop it.
pub(super) async fn place(app: App, wanted: Wanted, key: Option<String>) -> Result<Placed, Problem> {
    let (tracker, detached) = (app.sagas.clone(), app.order_settings.detached.get());
    let work = async move { with_key(&app, &wanted, key.as_deref()).await };
    let task = if detached {
        // A trace of its own, or several: what is left of the request is the id that it is asked for by.
        let correlation = CorrelationId::current().unwrap_or_else(CorrelationId::generate);
        tracker.spawn(work.with_context(propagation::root(&correlation)))
    } else {
        // The span carries trace and correlation; where spans are off, the plain context does.
        tracker.spawn(work.in_current_span().with_context(Context::current()))
    };
    match task.await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Problem::unavailable("stopping", "the service is stopping", 1)),
    }
}

async fn with_key(app: &App, wanted: &Wanted, key: Option<&str>) -> Result<Placed, Problem> {
    if let Some(key) = key {
        match idempotency::claim(&app.database, key, &wanted.fingerprint()).await? {
            Claim::Ours => {}
            Claim::Answered(stored) => {
                app.orders.order("replayed");
                tracing::info!(status = stored.status, "answer replayed");
                return Ok(replay(stored));
            }
            Claim::InFlight => {
                app.orders.order("in_flight");
                let detail = "a request with this Idempotency-Key is under way";
                return Err(Problem::conflict("in-flight", detail).retry_after(1));
            }
            Claim::Mismatch => {
                app.orders.order("key_mismatch");
                let detail = "this Idempotency-Key was used for another order";
                return Err(Problem::unprocessable("key-mismatch", detail));
            }
        }
    }
    match saga::run(app, wanted, key).await {
        Ok(order) => {
            app.orders.order("confirmed");
            app.orders.value(order.total.0);
            tracing::info!(
                order.id = order.id,
                user.id = order.user.id,
                items = order.items.len(),
                total_cents = order.total.0,
                "order confirmed"
            );
            Ok(Placed::New(Box::new(order)))
        }
        Err(Refusal { problem, outcome }) => {
            app.orders.order(outcome);
            tracing::info!(user.id = wanted.user_id, outcome, detail = problem.detail, "order refused");
            if let Some(key) = key {
                // Where the saga settled the key already, this changes nothing.
                settle_refused(app, key, &problem).await;
            }
            Err(problem)
        }
    }
}

async fn settle_refused(app: &App, key: &str, problem: &Problem) {
    let settled = async {
        let mut connection = app.database.acquire().await?;
        settle_key(app, &mut connection, key, problem).await
    };
    if let Err(error) = settled.await {
        tracing::warn!(error = %error, "idempotency key not settled, it expires by itself");
    }
}

/// Keeps a refusal that would be the same again; frees the key after one that would not.
pub(super) async fn settle_key(
    app: &App,
    session: &mut impl Session,
    key: &str,
    problem: &Problem,
) -> Result<(), db::Error> {
    if problem.status.is_server_error() {
        return idempotency::forget(session, key).await;
    }
    let body = json!({ "slug": problem.slug, "detail": problem.detail }).to_string();
    let stored = Stored { status: problem.status.as_u16(), body };
    idempotency::answer(session, key, &stored, app.work.idempotency_ttl).await
}

fn replay(stored: Stored) -> Placed {
    let Stored { status, body } = stored;
    if status == StatusCode::CREATED.as_u16() {
        return Placed::Replayed(body);
    }
    let fields: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Placed::ReplayedProblem(Problem::new(status, text("slug"), text("detail")))
}
