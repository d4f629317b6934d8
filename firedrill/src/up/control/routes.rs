//! The routes of the control listener and the bodies they take.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json as Body, Router,
    body::HttpBody as _,
    extract::{DefaultBodyLimit, FromRequest as _, Request, State},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post, put},
};
use chassis::{
    bearer,
    extract::{Json, Path, Query},
    problem::{self, Problem},
};
use loadgen::leases;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::services::Deploy,
    Desk, Refused,
    answer::{self, Answer},
    leases::Undo,
    no_such_lease,
};
use crate::supervisor::Signal;

/// The largest body that is read: the settings of a deploy.
const LARGEST_BODY: usize = 64 << 10;
/// What a deploy gets of the requests when nothing is said.
const HALF: f64 = 0.5;

/// All of them.
pub(super) fn routes(desk: Desk, token: &str) -> Router {
    Router::new()
        .route("/services", get(show))
        .route("/endpoints", get(endpoints))
        .route("/endpoints/{follower}", delete(leave))
        .route("/services/{service}/restart", post(restart))
        .route("/services/{service}/signal", post(signal))
        .route("/services/{service}/scale", post(scale))
        .route("/services/{service}/deploy", post(deploy).delete(withdraw))
        .route("/leases/{id}", put(prolong).delete(end))
        .with_state(desk)
        .fallback(|| async { Problem::not_found("no-such-route", "there is nothing at this path") })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::<str>::from(token), bearer::guard))
        .layer(from_fn(problem::render))
}

/// Carries an operation out to its end, whether or not who asked for it waits.
async fn whole<T: Send + 'static>(
    operation: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Problem> {
    let carried_out = tokio::spawn(operation).await;
    let broken = |_| Refused::Failed("the operation broke off".to_owned());
    Ok(carried_out.map_err(broken).and_then(|result| result)?)
}

async fn show(State(desk): State<Desk>) -> Response {
    answer::services(&desk, None)
}

/// Who asks again and again says under which name, which revision of the lists it holds, and on which port its metrics are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Follower {
    follower: Option<String>,
    #[serde(default)]
    holds: u64,
    metrics: Option<u16>,
}

async fn endpoints(State(desk): State<Desk>, Query(asks): Query<Follower>) -> Response {
    if let Some(name) = asks.follower {
        desk.services().followed(&name, asks.holds, asks.metrics);
    }
    // The revision first: lists that are newer than it says do no harm.
    let revision = desk.services().revision();
    Body(json!({"revision": revision, "services": desk.services().endpoints()})).into_response()
}

async fn leave(State(desk): State<Desk>, Path(follower): Path<String>) -> Response {
    desk.services().left(&follower);
    Body(json!({})).into_response()
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Restart {
    instance: Option<String>,
}

async fn restart(State(desk): State<Desk>, Path(service): Path<String>, request: Request) -> Answer {
    // Without a body: all of them.
    let Restart { instance } = match request.body().is_end_stream() {
        true => Restart::default(),
        false => Json::from_request(request, &()).await?.0,
    };
    let services = desk.services().clone();
    whole(async move { services.restart(&service, instance.as_deref()).await }).await?;
    Ok(answer::services(&desk, None))
}

/// The words for the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Stop,
    Continue,
    Kill,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signalled {
    signal: Word,
    instance: Option<String>,
    lease_s: Option<f64>,
}

async fn signal(
    State(desk): State<Desk>,
    Path(service): Path<String>,
    Json(body): Json<Signalled>,
) -> Answer {
    let Signalled { signal: word, instance, lease_s } = body;
    let lasts = length(lease_s)?;
    if lasts.is_some() && word != Word::Stop {
        return Err(Refused::Wrong("lease_s: only a stop can be undone".to_owned()).into());
    }
    let signal = match word {
        Word::Stop => Signal::Stop,
        Word::Continue => Signal::Continue,
        Word::Kill => Signal::Kill,
    };
    let own = desk.clone();
    // The lease begins with what it is of: who asked may be gone by then.
    let lease = whole(async move {
        let name = own.services().signal(&service, instance.as_deref(), signal).await?;
        let undo = Undo::Stop { service, instance: name };
        if word != Word::Stop {
            own.leases().keep(|other| *other != undo);
            return Ok(None);
        }
        Ok(lasts.map(|lasts| own.lease(undo, lasts)))
    });
    let lease = lease.await?;
    Ok(answer::services(&desk, lease))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scale {
    instances: u32,
}

async fn scale(
    State(desk): State<Desk>,
    Path(service): Path<String>,
    Json(Scale { instances }): Json<Scale>,
) -> Answer {
    let services = desk.services().clone();
    whole(async move { services.scale(&service, instances).await }).await?;
    Ok(answer::services(&desk, None))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployed {
    version: String,
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    share: Option<f64>,
    lease_s: Option<f64>,
}

async fn deploy(State(desk): State<Desk>, Path(service): Path<String>, Json(body): Json<Deployed>) -> Answer {
    let lasts = length(body.lease_s)?;
    let Deployed { version, settings, share, .. } = body;
    let deploy = Deploy { version, settings, share: share.unwrap_or(HALF) };
    let own = desk.clone();
    let lease = whole(async move {
        own.services().deploy(&service, &deploy).await?;
        Ok(lasts.map(|lasts| own.lease(Undo::Deploy { service }, lasts)))
    });
    let lease = lease.await?;
    Ok(answer::services(&desk, lease))
}

async fn withdraw(State(desk): State<Desk>, Path(service): Path<String>) -> Answer {
    let own = desk.clone();
    whole(async move {
        own.services().withdraw(&service).await?;
        let undone = Undo::Deploy { service };
        own.leases().keep(|other| *other != undone);
        Ok(())
    })
    .await?;
    Ok(answer::services(&desk, None))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prolong {
    lease_s: f64,
}

async fn prolong(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Json(Prolong { lease_s }): Json<Prolong>,
) -> Answer {
    let lasts = leases::length(lease_s).map_err(Refused::Wrong)?;
    desk.prolong(number(&id)?, lasts)?;
    Ok(answer::services(&desk, None))
}

async fn end(State(desk): State<Desk>, Path(id): Path<String>) -> Answer {
    let (own, id) = (desk.clone(), number(&id)?);
    whole(async move { own.end(id).await }).await?;
    Ok(answer::services(&desk, None))
}

fn number(id: &str) -> Result<u64, Refused> {
    id.parse().map_err(|_| no_such_lease(id))
}

fn length(lease_s: Option<f64>) -> Result<Option<Duration>, Refused> {
    lease_s.map(leases::length).transpose().map_err(Refused::Wrong)
}
