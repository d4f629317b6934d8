//! The relay: takes events from the outbox and delivers them, each in a trace of its own that links to the order's.
//!
//! A link and not a parent: the order was answered long ago, and a delivery that is tried again for an hour would stretch
//! its trace to an hour.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chassis::clock;
use futures_util::{StreamExt, stream};
use opentelemetry::context::FutureExt as _;
use telemetry::correlation::CorrelationId;
use telemetry::{db, propagation};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::store::{self, Event};
use crate::App;
use crate::neighbours::Delivered;

/// The first pause before another attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// After how long an event that was taken may be taken again: its taker is gone, or slower than any delivery may be.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// How long the relay gathers events after the first one: a few deliveries share one look and one deletion.
const GATHER: Duration = Duration::from_millis(25);

/// Delivers until told to stop; then it finishes the batch at hand.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let quiet = app.database.untraced();
    let mut reported = false;
    let mut measured: Option<Instant> = None;
    while !stop.is_cancelled() {
        let poll = app.outbox_settings.poll.millis();
        let measure = measured.is_none_or(|at| at.elapsed() >= poll);
        let Round { taken, more } = match round(&app, &quiet, measure).await {
            Ok(round) => {
                reported = false;
                round
            }
            Err(error) => {
                // Said once per trouble, not once per round.
                if !reported {
                    tracing::error!(error = %error, "outbox cannot be worked on");
                }
                reported = true;
                Round::default()
            }
        };
        if measure {
            measured = Some(Instant::now());
        }
        if taken {
            rest(&app, &stop).await;
        }
        if more {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = gathered(&app) => {}
            () = app.outbox_settings.changed.notified() => {}
            () = tokio::time::sleep(poll) => {}
        }
    }
}

/// Waits for as long as the receiver is to be spared, by the settings of each moment.
async fn rest(app: &App, stop: &CancellationToken) {
    let since = tokio::time::Instant::now();
    loop {
        let until = since + app.outbox_settings.pause.millis();
        if tokio::time::Instant::now() >= until {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.outbox_settings.changed.notified() => {}
            () = tokio::time::sleep_until(until) => return,
        }
    }
}

async fn gathered(app: &App) {
    app.outbox_written.notified().await;
    tokio::time::sleep(GATHER).await;
}

/// What one look at the outbox came to.
#[derive(Default)]
struct Round {
    /// Events were taken.
    taken: bool,
    /// There may be more.
    more: bool,
}

/// Delivers one batch. `measure`: also look how much is left, which reads the whole backlog.
async fn round(app: &App, quiet: &db::Database, measure: bool) -> Result<Round, db::Error> {
    let batch = app.outbox_settings.batch.get();
    let events = store::take(quiet, batch, AGAIN_AFTER).await?;
    let taken = !events.is_empty();
    let more = i64::try_from(events.len()).is_ok_and(|taken| taken == batch);
    let delivered: Vec<i64> = stream::iter(events)
        .map(|event| deliver(app, event))
        .buffer_unordered(app.outbox_settings.workers.count())
        .filter_map(|delivered| async move { delivered })
        .collect()
        .await;
    if !delivered.is_empty() {
        // One deletion for the batch. If it fails, the events are delivered again, and their receiver knows them by id.
        store::delivered(quiet, &delivered).await?;
    }
    if measure {
        let (pending, oldest) = store::backlog(quiet).await?;
        let age = oldest.map_or(0, |oldest| clock::now_ms().saturating_sub(oldest).max(0));
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        app.orders.outbox(pending, age.as_secs_f64());
    }
    Ok(Round { taken, more })
}

/// The event's number when it was delivered.
async fn deliver(app: &App, event: Event) -> Option<i64> {
    let correlation =
        CorrelationId::parse(&event.correlation_id).unwrap_or_else(|_| CorrelationId::generate());
    let context = propagation::root(&correlation);
    let span = {
        let _root = context.clone().attach();
        tracing::info_span!(
            "outbox deliver",
            otel.kind = "internal",
            event.id = event.event_id,
            // Signed: the span layer turns unsigned numbers into text.
            event.attempt = i64::from(event.attempts) + 1,
            otel.status_code = tracing::field::Empty,
        )
    };
    if let Some(order) = event.traceparent.as_deref().and_then(propagation::link_from) {
        span.add_link(order);
    }
    attempt(app, &event).instrument(span).with_context(context).await
}

async fn attempt(app: &App, event: &Event) -> Option<i64> {
    let payload = Bytes::copy_from_slice(event.payload.as_bytes());
    let noted = match app.users.notify(event.user_id, payload, app.users.deadline()).await {
        Ok(Delivered::Yes) => {
            app.orders.outbox_event("delivered");
            tracing::info!(event.id = event.event_id, user.id = event.user_id, "event delivered");
            return Some(event.id);
        }
        Ok(Delivered::Refused(status)) => {
            app.orders.outbox_event("refused");
            tracing::warn!(
                event.id = event.event_id,
                user.id = event.user_id,
                status,
                "event refused for good"
            );
            store::refused(&app.database, event.id, &format!("status {status}")).await
        }
        Err(failure) => {
            app.orders.outbox_event("failed");
            let pause = pause(event.attempts);
            tracing::warn!(
                event.id = event.event_id,
                attempt = event.attempts + 1,
                reason = %failure,
                pause_ms = pause.as_micros() as f64 / 1e3,
                "event not delivered, tried again later"
            );
            let at = clock::now_ms().saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
            store::later(&app.database, event.id, at).await
        }
    };
    tracing::Span::current().record("otel.status_code", "ERROR");
    if let Err(error) = noted {
        // The event stays as it is and is delivered again.
        tracing::error!(event.id = event.event_id, error = %error, "failed delivery not noted");
    }
    None
}

/// The pause after this many failed attempts.
fn pause(attempts: u32) -> Duration {
    PAUSE.saturating_mul(2_u32.saturating_pow(attempts)).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        assert_eq!(pause(0), Duration::from_millis(250));
        assert_eq!(pause(3), Duration::from_secs(2));
        assert_eq!(pause(u32::MAX), MAX_PAUSE);
    }
}
