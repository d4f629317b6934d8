//! `/api/v2/alerts`: which there are, and new ones.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, ApiError, MISSING};
use super::filter::Filter;
use super::times;
use crate::Backend;
use crate::alertmanager::labels::{Fingerprint, Labels};
use crate::alertmanager::{Alert, HeldBack, PostError, Posted};

/// The most alerts of one request.
const MAX_POSTED: usize = 10_000;

pub(super) async fn list(
    State(backend): State<Arc<Backend>>,
    uri: Uri,
) -> Result<Json<Vec<Value>>, ApiError> {
    let filter = Filter::read(&uri, "unprocessed")?;
    let (core, now) = (backend.alertmanager.core(), Timestamp::now());
    let mut found = Vec::new();
    for (fingerprint, alert) in core.alerts.iter().filter(|(_, alert)| alert.ends_at >= now) {
        let routes = core.routes.of(&alert.labels);
        let receivers: Vec<&str> =
            routes.iter().map(|id| core.routes.options(*id).receiver.as_str()).collect();
        if !receivers.iter().any(|name| filter.wants_receiver(name)) {
            continue;
        }
        let held_back = core.held_back(&alert.labels, now);
        if filter.wants(&alert.labels, &held_back) {
            found.push(print(fingerprint, alert, &receivers, &held_back));
        }
    }
    // They are in the order of their fingerprints, as numbers and so as texts of equal length.
    Ok(Json(found))
}

/// An alert as the API shows it.
pub(super) fn print(
    fingerprint: Fingerprint,
    alert: &Alert,
    receivers: &[&str],
    held_back: &HeldBack,
) -> Value {
    let mut printed = json!({
        "annotations": alert.annotations,
        "endsAt": times::text(alert.ends_at),
        "fingerprint": fingerprint.to_string(),
        "receivers": receivers.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "startsAt": times::text(alert.starts_at),
        "status": {
            "inhibitedBy": held_back.inhibited_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "mutedBy": [],
            "silencedBy": held_back.silenced_by,
            "state": if held_back.is_held_back() { "suppressed" } else { "active" },
        },
        "updatedAt": times::text(alert.updated_at),
        "labels": alert.labels,
    });
    if !alert.generator_url.is_empty() {
        printed["generatorURL"] = json!(alert.generator_url);
    }
    printed
}

/// An alert as it is sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    labels: Option<Labels>,
    annotations: Option<Labels>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

impl Sent {
    fn read(self, at: usize) -> Result<Posted, ApiError> {
        let labels = self
            .labels
            .ok_or_else(|| ApiError::unprocessable(MISSING, format!("{at}.labels in body is required")))?;
        Ok(Posted {
            labels,
            annotations: self.annotations.unwrap_or_default(),
            starts_at: times::read("alerts", self.starts_at.as_deref())?,
            ends_at: times::read("alerts", self.ends_at.as_deref())?,
            generator_url: self.generator_url.unwrap_or_default(),
        })
    }
}

pub(super) async fn post(
    State(backend): State<Arc<Backend>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let sent: Vec<Sent> = answer::read(&backend.bodies, &headers, body, "alerts").await?;
    if sent.len() > MAX_POSTED {
        let message = format!("{} alerts at once; {MAX_POSTED} is the most", sent.len());
        return Err(ApiError::coded(StatusCode::PAYLOAD_TOO_LARGE, 413, message));
    }
    let posted = sent.into_iter().enumerate().map(|(at, sent)| sent.read(at)).collect::<Result<_, _>>()?;
    backend.alertmanager.post(posted).map_err(|error| match error {
        PostError::Wrong(what) => ApiError::bad_request(what),
        PostError::NoRoom(n) => {
            let what = format!("there is no room for {n} of the alerts; try again when others are over");
            ApiError::Told(StatusCode::SERVICE_UNAVAILABLE, what)
        }
    })?;
    Ok(StatusCode::OK.into_response())
}
