//! The settings' own listener: JSON over HTTP, for whoever holds the token. Never the public port.
//!
//! It runs on a thread of its own, so that it answers, and leases end, also when the service's workers are busy. What it is
//! asked is neither traced nor logged: changes stand in the history, which it serves.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json as JsonBody, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::answer::{self, Answer, Refusal};
use super::state::Values;
use crate::bearer;
use crate::extract::{BodyTimeout, Json};
use crate::limits::HttpLimits;
use crate::problem::{self, Problem};
use crate::serve;

/// The largest body that is read.
const LARGEST_BODY: usize = 64 << 10;
/// The longest lease, in seconds.
const LONGEST_LEASE: f64 = 3_600.0;

/// How the settings are reached, and what they say of the process.
#[derive(Debug)]
pub struct Access {
    /// Bound to loopback.
    pub listener: TcpListener,
    /// The bearer token that every request has to bring.
    pub token: String,
    /// `service.version`.
    pub version: String,
    /// `service.instance.id`.
    pub instance: String,
}

/// What the routes answer from.
struct Desk {
    settings: Settings,
    version: String,
    instance: String,
}

/// Serves the settings, and `more` behind the same token, until `stop`; the thread ends then.
///
/// # Errors
/// When the system gives no thread or no event queue.
pub(crate) fn serve(
    access: Access,
    settings: Settings,
    more: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let Access { listener, token, version, instance } = access;
    let listener = listener.into_std()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let desk = Arc::new(Desk { settings: settings.clone(), version, instance });
    let limits = HttpLimits {
        max_connections: 32,
        header_timeout: Duration::from_secs(10),
        drain_timeout: Duration::from_secs(1),
        ..HttpLimits::default()
    };
    let serve = async move {
        // It is registered here: the runtime that it was bound on may be the busy one.
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        let stopped = stop.clone();
        tokio::select! {
            _ = serve::serve(listener, routes(&desk, &token, more), &limits, CancellationToken::new(), stop.cancelled()) => {}
            () = settings.end_leases() => {}
        }
        stopped.cancelled().await;
    };
    // Under the process' own subscriber: a change of the level asks for each call site anew who listens, and asks this thread.
    std::thread::Builder::new().name("settings".to_owned()).spawn(move || runtime.block_on(serve))?;
    Ok(())
}

/// The routes alone, as tests ask them.
#[cfg(feature = "testing")]
pub(crate) fn in_process(settings: &Settings, token: &str) -> Router {
    let (version, instance) = (String::new(), String::new());
    routes(&Arc::new(Desk { settings: settings.clone(), version, instance }), token, Router::new())
}

fn routes(desk: &Arc<Desk>, token: &str, more: Router) -> Router {
    Router::new()
        .route("/settings", get(show).patch(change))
        .route("/leases/{id}", put(prolong).delete(take_back))
        .route("/rollback", post(roll_back))
        .route("/history", get(history))
        .with_state(Arc::clone(desk))
        .merge(more)
        .fallback(|| async { Problem::not_found("no-such-route", "there is nothing at this path") })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(axum::Extension(BodyTimeout(Duration::from_secs(5))))
        .layer(from_fn_with_state(Arc::<str>::from(token), bearer::guard))
        .layer(from_fn(problem::render))
}

impl Desk {
    fn all(&self, lease: Option<String>) -> Response {
        let (revision, settings) = self.settings.shown();
        let mut body = json!({
            "service": self.settings.service(),
            "version": self.version,
            "instance": self.instance,
            "revision": revision,
            "settings": settings,
        });
        if let Some(lease) = lease {
            body["lease"] = lease.into();
        }
        JsonBody(body).into_response()
    }
}

async fn show(State(desk): State<Arc<Desk>>) -> Response {
    desk.all(None)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    settings: Values,
    lease_s: Option<f64>,
}

async fn change(State(desk): State<Arc<Desk>>, Json(change): Json<Change>) -> Answer {
    if change.settings.is_empty() {
        return Err(Problem::unprocessable("no-settings", "settings: name at least one").into());
    }
    let lease = change.lease_s.map(lease).transpose()?;
    let lease = desk.settings.set(&change.settings, lease).map_err(answer::refused)?;
    Ok(desk.all(lease))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prolong {
    lease_s: f64,
}

async fn prolong(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    Json(Prolong { lease_s }): Json<Prolong>,
) -> Answer {
    let found = desk.settings.prolong(&id, lease(lease_s)?).map_err(answer::refused)?;
    leased(&desk, &id, found)
}

async fn take_back(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Answer {
    let found = desk.settings.take_back(&id).map_err(answer::refused)?;
    leased(&desk, &id, found)
}

fn leased(desk: &Desk, id: &str, found: bool) -> Answer {
    if found {
        return Ok(desk.all(None));
    }
    Err(Problem::not_found("no-such-lease", format!("there is no lease {id:?}; it may have ended")).into())
}

fn lease(seconds: f64) -> Result<Duration, Refusal> {
    if seconds > 0.0 && seconds <= LONGEST_LEASE {
        return Ok(Duration::from_secs_f64(seconds));
    }
    let detail = format!("lease_s: {seconds} is not above 0 and at most {LONGEST_LEASE} seconds");
    Err(Problem::unprocessable("out-of-range", detail).into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    revision: Option<u64>,
}

/// Without a body: to the state before the last change.
async fn roll_back(State(desk): State<Arc<Desk>>, request: Request) -> Answer {
    let to = match axum::body::HttpBody::is_end_stream(request.body()) {
        true => None,
        false => {
            let read = <Json<RollBack> as FromRequest<()>>::from_request(request, &()).await;
            read?.0.revision
        }
    };
    desk.settings.roll_back(to).map_err(answer::refused)?;
    Ok(desk.all(None))
}

async fn history(State(desk): State<Arc<Desk>>) -> JsonBody<Value> {
    let revisions: Vec<Value> = desk.settings.history().iter().map(answer::revision).collect();
    JsonBody(json!({ "service": desk.settings.service(), "history": revisions }))
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
