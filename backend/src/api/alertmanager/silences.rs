//! `/api/v2/silences` and `/api/v2/silence/{id}`.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, ApiError, MISSING, TOO_FEW, WRONG_TYPE};
use super::{filter, times};
use crate::Backend;
use crate::alertmanager::fresh_id;
use crate::alertmanager::matchers::{Matcher, Op};
use crate::alertmanager::silences::{Refused, Silence, State as Life};

pub(super) async fn list(
    State(backend): State<Arc<Backend>>,
    uri: Uri,
) -> Result<Json<Vec<Value>>, ApiError> {
    let conditions = filter::conditions(&filter::pairs(&uri)?)?;
    let (core, now) = (backend.alertmanager.core(), Timestamp::now());
    // Not what a silence silences is asked for, but one that has these very conditions.
    let has_all = |silence: &Silence| {
        conditions.iter().all(|wanted| silence.matchers.iter().any(|own| own.key() == wanted.key()))
    };
    let mut found: Vec<&Silence> = core.silences.iter().filter(|silence| has_all(silence)).collect();
    // First those that act, the next to end before others; then those that will; then those that did, the latest first.
    found.sort_by_key(|silence| match silence.state(now) {
        life @ Life::Active => (life, Some(silence.ends_at), None),
        life @ Life::Pending => (life, Some(silence.starts_at), None),
        life @ Life::Expired => (life, None, Some(Reverse(silence.ends_at))),
    });
    Ok(Json(found.into_iter().map(|silence| print(silence, now)).collect()))
}

pub(super) async fn one(
    State(backend): State<Arc<Backend>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    check_id(&id)?;
    let core = backend.alertmanager.core();
    let silence = core.silences.get(&id).ok_or(ApiError::Bare(StatusCode::NOT_FOUND))?;
    Ok(Json(print(silence, Timestamp::now())))
}

pub(super) async fn delete(
    State(backend): State<Arc<Backend>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    check_id(&id)?;
    let expired = backend.alertmanager.with_silences(|silences| silences.expire(&id, Timestamp::now()));
    expired.map_err(|_| ApiError::Bare(StatusCode::NOT_FOUND))?;
    Ok(StatusCode::OK.into_response())
}

fn print(silence: &Silence, now: Timestamp) -> Value {
    let matcher = |m: &Matcher| json!({"isEqual": m.op.is_equal(), "isRegex": m.op.is_regex(), "name": m.name, "value": m.value});
    json!({
        "id": silence.id,
        "status": {"state": silence.state(now).name()},
        "updatedAt": times::text(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": times::text(silence.ends_at),
        "matchers": silence.matchers.iter().map(matcher).collect::<Vec<_>>(),
        "startsAt": times::text(silence.starts_at),
    })
}

/// An id is a UUID.
fn check_id(id: &str) -> Result<(), ApiError> {
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    let is_hex = id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if is_hex && parts == [8, 4, 4, 4, 12] {
        return Ok(());
    }
    Err(ApiError::unprocessable(WRONG_TYPE, format!("silenceID in path must be of type uuid: {id:?}")))
}

/// A silence as it is sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    id: Option<String>,
    matchers: Option<Vec<SentMatcher>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    created_by: Option<String>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentMatcher {
    name: Option<String>,
    value: Option<String>,
    is_regex: Option<bool>,
    is_equal: Option<bool>,
}

fn required<T>(field: Option<T>, name: &str) -> Result<T, ApiError> {
    field.ok_or_else(|| ApiError::unprocessable(MISSING, format!("{name} in body is required")))
}

impl SentMatcher {
    fn read(self, at: usize) -> Result<Matcher, ApiError> {
        let is_regex = required(self.is_regex, &format!("matchers.{at}.isRegex"))?;
        let name = required(self.name, &format!("matchers.{at}.name"))?;
        let value = required(self.value, &format!("matchers.{at}.value"))?;
        Matcher::new(&name, Op::of(self.is_equal.unwrap_or(true), is_regex), &value).map_err(|error| {
            let what = format!(
                "invalid silence: invalid label matcher {at}: invalid regular expression {value:?}: {error}"
            );
            ApiError::bad_request(what)
        })
    }
}

impl Sent {
    fn read(self, now: Timestamp) -> Result<Silence, ApiError> {
        // In the order of their names, as Alertmanager looks at them.
        let (comment, created_by) =
            (required(self.comment, "comment")?, required(self.created_by, "createdBy")?);
        let ends = required(self.ends_at, "endsAt")?;
        let matchers = required(self.matchers, "matchers")?;
        if matchers.is_empty() {
            let message = "matchers in body should have at least 1 items";
            return Err(ApiError::unprocessable(TOO_FEW, message));
        }
        let matchers: Vec<Matcher> =
            matchers.into_iter().enumerate().map(|(at, m)| m.read(at)).collect::<Result<_, _>>()?;
        let starts = required(self.starts_at, "startsAt")?;
        Ok(Silence {
            id: self.id.unwrap_or_default(),
            matchers,
            starts_at: times::read("silence", Some(&starts))?.unwrap_or(now),
            ends_at: times::read("silence", Some(&ends))?.unwrap_or(Timestamp::MIN),
            updated_at: now,
            created_by,
            comment,
        })
    }
}

pub(super) async fn post(
    State(backend): State<Arc<Backend>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let sent: Sent = answer::read(&backend.bodies, &headers, body, "silence").await?;
    let now = Timestamp::now();
    let silence = sent.read(now)?;
    if silence.starts_at >= silence.ends_at {
        return Err(ApiError::bad_request("Failed to create silence: start time must be before end time"));
    }
    if silence.ends_at < now {
        return Err(ApiError::bad_request("Failed to create silence: end time can't be in the past"));
    }
    let set = backend.alertmanager.with_silences(|silences| silences.set(silence, fresh_id, now));
    let id = set.map_err(|refused| match refused {
        Refused::NotFound => ApiError::Told(StatusCode::NOT_FOUND, "silence not found".to_owned()),
        Refused::Invalid(what) => ApiError::bad_request(what),
    })?;
    Ok(Json(json!({"silenceID": id})))
}
