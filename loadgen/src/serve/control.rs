//! The control listener's routes. Everything but `/metrics` wants the bearer token.

use crate::bearer::{Token, guard, problem};
use crate::client::Answer;
use crate::meter::Meter;
use crate::plan::journeys::Kind;
use crate::progress::Snapshot;
use crate::run::{Shared, get};
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::{get as read, post};
use axum::{Json, Router};
use balance::{Endpoint, Group};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use unread::ReadOn;

/// Largest body read: a lease.
const LARGEST_BODY: usize = 1_024;
/// The same of a list of endpoints.
const LARGEST_LIST: usize = 16 * 1_024;
/// Longest lease, in seconds.
const LONGEST_LEASE: f64 = 3_600.0;

/// Trace and correlation id of the first order that was placed: what a newcomer is shown.
#[derive(Debug, Default)]
pub(super) struct FirstOrder(OnceLock<(String, String)>);

impl FirstOrder {
    pub(super) fn look(&self, kind: &Kind, answer: &Answer) {
        let ordered = kind.method == "POST" && kind.route == "/orders" && answer.outcome == Ok(201);
        if ordered && answer.sampled {
            self.0.get_or_init(|| (answer.trace_id.to_string(), answer.correlation_id.clone()));
        }
    }
}

/// What the routes answer from.
pub(super) struct Control {
    shared: Arc<Shared>,
    meter: Arc<Meter>,
    first: Arc<FirstOrder>,
    token: Arc<Token>,
    plan_digest: String,
    process: Option<telemetry::Metrics>,
    endpoints: Group,
    latest: Mutex<Snapshot>,
}

impl Control {
    pub(super) fn new(
        shared: Arc<Shared>,
        meter: Arc<Meter>,
        first: Arc<FirstOrder>,
        token: &str,
        plan_digest: String,
        process: Option<telemetry::Metrics>,
        endpoints: Group,
    ) -> Self {
        let token = Arc::new(Token::new(token));
        Self { shared, meter, first, token, plan_digest, process, endpoints, latest: Mutex::default() }
    }

    /// Takes the run's snapshot of this second.
    pub(super) fn update(&self, snapshot: &Snapshot) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = *snapshot;
    }

    /// Counts of this moment, rates and percentiles of the last second.
    fn snapshot(&self) -> Snapshot {
        let counters = &self.shared.counters;
        let latest = *self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            scheduled: get(&counters.scheduled),
            fired: get(&counters.fired),
            ended: get(&counters.ended),
            in_flight: self.shared.gate.in_flight(),
            failed: get(&counters.failed),
            expected_failures: get(&counters.expected_failures),
            shed: get(&counters.shed),
            paused: get(&counters.paused),
            ..latest
        }
    }
}

/// The routes.
pub(super) fn routes(control: Arc<Control>) -> Router {
    Router::new()
        .route("/status", read(status))
        .route("/pause", post(pause))
        .route("/resume", post(resume))
        .route("/endpoints", read(endpoints).put(replace).layer(DefaultBodyLimit::max(LARGEST_LIST)))
        .route_layer(from_fn_with_state(Arc::clone(&control.token), guard))
        .route("/metrics", read(metrics))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(map_request(|request: Request| ready(ReadOn::within(request).map(Body::new))))
        .with_state(control)
}

async fn status(State(control): State<Arc<Control>>) -> Response {
    let s = control.snapshot();
    let plan = &control.shared.plan;
    let paused_for = control.shared.gate.paused_for();
    let (trace, correlation) = control.first.0.get().cloned().unzip();
    Json(json!({
        "profile": plan.profile().name, "seed": plan.seed(), "rps": plan.rps(), "plan_digest": control.plan_digest,
        "run": control.shared.ids.run().to_string(),
        "elapsed_s": s.elapsed_s, "rate": s.rate,
        "scheduled": s.scheduled, "fired": s.fired, "ended": s.ended, "in_flight": s.in_flight,
        "late": s.late, "shed": s.shed, "failed": s.failed, "expected_failures": s.expected_failures,
        "response_ms": { "p99": s.response_p99_ms }, "lag_ms": { "p99": s.lag_p99_ms },
        "paused": paused_for.is_some(), "paused_for_s": paused_for.map(|d| d.as_secs_f64()),
        "paused_sessions": s.paused,
        "first_trace_id": trace, "first_correlation_id": correlation,
    }))
    .into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lease {
    lease_s: f64,
}

async fn pause(State(control): State<Arc<Control>>, lease: Result<Json<Lease>, JsonRejection>) -> Response {
    let wrong =
        |why: String| problem(StatusCode::BAD_REQUEST, format!("send {{\"lease_s\": SECONDS}}: {why}"));
    let lease = match lease {
        Ok(Json(lease)) => lease.lease_s,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("send {{\"lease_s\": SECONDS}} in at most {LARGEST_BODY} bytes");
            return problem(StatusCode::PAYLOAD_TOO_LARGE, detail);
        }
        Err(rejection) => return wrong(rejection.body_text()),
    };
    if !(lease > 0.0 && lease <= LONGEST_LEASE) {
        return wrong(format!("a lease is more than 0 and at most {LONGEST_LEASE} seconds"));
    }
    if control.shared.gate.pause(Duration::from_secs_f64(lease)).await {
        status(State(control)).await
    } else {
        problem(StatusCode::CONFLICT, "traffic was resumed before it had come to rest")
    }
}

async fn resume(State(control): State<Arc<Control>>) -> Response {
    control.shared.gate.resume();
    status(State(control)).await
}

async fn endpoints(State(control): State<Arc<Control>>) -> Response {
    Json(control.endpoints.shown()).into_response()
}

/// Replaces the instances of the services that are named; requests under way go on where they are.
async fn replace(
    State(control): State<Arc<Control>>,
    lists: Result<Json<BTreeMap<String, Vec<Endpoint>>>, JsonRejection>,
) -> Response {
    const WANTED: &str = r#"send {"SERVICE": [{"url": "http://HOST:PORT", "share": 1}]}"#;
    let replaced = match lists {
        Ok(Json(lists)) => control.endpoints.replace(&lists).map_err(|wrong| wrong.to_string()),
        Err(rejection) => Err(format!("{WANTED}: {}", rejection.body_text())),
    };
    match replaced {
        Ok(()) => endpoints(State(control)).await,
        Err(wrong) => problem(StatusCode::UNPROCESSABLE_ENTITY, wrong),
    }
}

async fn metrics(State(control): State<Arc<Control>>, headers: HeaderMap) -> Response {
    control.shared.show(&control.snapshot());
    let text = control.meter.encode(control.process.as_ref());
    telemetry::metrics::answer(&headers, text)
}
