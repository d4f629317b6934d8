//! Extractors whose refusals are [`Problem`]s: 400 for what cannot be parsed, 422 for what parses and has a wrong type.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::objects;
use crate::problem::Problem;

/// Request extension: how long a body may take to arrive.
#[derive(Debug, Clone, Copy)]
pub struct BodyTimeout(pub Duration);

/// A JSON body. Refusals: 415 no JSON content type, 408 too slow, 413 too large, 400 no JSON, 422 wrong types.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "send the body as content-type application/json",
            ));
        }
        let limit = request.extensions().get::<BodyTimeout>().map_or(Duration::from_secs(5), |limit| limit.0);
        match tokio::time::timeout(limit, Bytes::from_request(request, state)).await {
            Ok(Ok(bytes)) => parse(&bytes).map(Json),
            Ok(Err(refused)) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::new(refused.status(), "too-large", "the body is larger than this service takes"))
            }
            Ok(Err(refused)) => Err(Problem::bad_request("unreadable-body", refused.body_text())),
            Err(_) => {
                let detail = format!("the body did not arrive within {} ms", limit.as_millis());
                Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", detail))
            }
        }
    }
}

/// Parses a body: 400 when it is no JSON, 422 when its types are wrong.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value =
        serde_json::from_slice(bytes).map_err(|error| Problem::bad_request("bad-json", error.to_string()))?;
    objects::read(value).map_err(|error| Problem::unprocessable("wrong-type", error))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
            || (essence.starts_with("application/") && essence.ends_with("+json"))
    })
}

/// Path parameters; 400 when one has the wrong form.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(refused) => Err(Problem::bad_request("bad-path", refused.body_text())),
        }
    }
}

/// Query parameters; 400 when one has the wrong form.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(refused) => Err(Problem::bad_request("bad-query", refused.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_json_is_400_and_a_wrong_type_is_422() {
        let status = |text: &str| parse::<Vec<u8>>(text.as_bytes()).unwrap_err().status.as_u16();
        assert_eq!(status("[1,"), 400);
        assert_eq!(status(""), 400);
        assert_eq!(status("[\"one\"]"), 422);
        assert_eq!(status("[300]"), 422);
        assert_eq!(status(&"[".repeat(100_000)), 400, "nested more deeply than is read");
    }

    #[test]
    fn content_types_with_parameters_and_suffixes_count_as_json() {
        let json =
            |value: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]));
        assert!(json("application/json; charset=utf-8"));
        assert!(json("application/vnd.x+json"));
        assert!(!json("application/x-www-form-urlencoded"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
