//! Request parameters: the query string and, for a POST, the form. Names may repeat.

use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest, Query, Request};
use http::{Method, StatusCode};

use crate::ingest::body::{self, BodyError, Room};

/// Largest form.
const MAX_FORM: usize = 1 << 20;

/// Names and values in the order they came; those of the form first, as Go's `FormValue` prefers them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The first value of a name; an empty one counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == name).map(|(_, v)| v.as_str())
    }
}

/// A query string or form that cannot be read.
#[derive(Debug)]
pub(crate) struct BadParams(pub(crate) StatusCode, pub(crate) String);

impl axum::response::IntoResponse for BadParams {
    fn into_response(self) -> axum::response::Response {
        (self.0, self.1).into_response()
    }
}

/// Reads both; the form counts among all `bodies`.
///
/// # Errors
/// The form is too large, there is no room for it now, or either is malformed.
pub(crate) async fn read(bodies: &Arc<Room>, request: Request) -> Result<Params, BadParams> {
    let bad = |message: String| BadParams(StatusCode::BAD_REQUEST, message);
    let Query(query) =
        Query::<Vec<(String, String)>>::try_from_uri(request.uri()).map_err(|e| bad(e.body_text()))?;
    let content_type = request.headers().get(http::header::CONTENT_TYPE).cloned();
    let is_form =
        content_type.as_ref().is_some_and(|t| t.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if request.method() != Method::POST || !is_form {
        return Ok(Params(query));
    }
    let form = body::read_raw(bodies, request.into_body(), MAX_FORM).await.map_err(|e| match e {
        BodyError::TooLarge(_) => BadParams(StatusCode::PAYLOAD_TOO_LARGE, e.to_string()),
        BodyError::TooMany => BadParams(StatusCode::SERVICE_UNAVAILABLE, e.to_string()),
        other => bad(other.to_string()),
    })?;
    let form = Request::builder()
        .method(Method::POST)
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(bytes::Bytes::from_owner(form)))
        .map_err(|e| bad(e.to_string()))?;
    let Form(mut pairs) =
        Form::<Vec<(String, String)>>::from_request(form, &()).await.map_err(|e| bad(e.body_text()))?;
    pairs.extend(query);
    Ok(Params(pairs))
}

/// RFC 3339 as nanoseconds since the epoch.
pub(crate) fn rfc3339_ns(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}
