//! Errors as Alertmanager's API tells them: a text, or, where the request as such is wrong, a code and a message.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::api::params::BadParams;
use crate::ingest::body::{self, BodyError, Room};

/// An error.
#[derive(Debug)]
pub(super) enum ApiError {
    /// What the handler says.
    Told(StatusCode, String),
    /// What is wrong with the request before any handler saw it.
    Coded(StatusCode, u16, String),
    /// A status alone.
    Bare(StatusCode),
}

/// Codes of the checks that a request has to pass.
pub(super) const WRONG_TYPE: u16 = 601;
pub(super) const MISSING: u16 = 602;
pub(super) const TOO_FEW: u16 = 612;

impl ApiError {
    pub(super) fn bad_request(what: impl Into<String>) -> Self {
        Self::Told(StatusCode::BAD_REQUEST, what.into())
    }

    pub(super) fn coded(status: StatusCode, code: u16, message: impl Into<String>) -> Self {
        Self::Coded(status, code, message.into())
    }

    /// A body, by its name in the API's description, that cannot be read.
    pub(super) fn unreadable(name: &str, why: impl std::fmt::Display) -> Self {
        let message = format!("parsing {name} body from \"\" failed, because {why}");
        Self::coded(StatusCode::BAD_REQUEST, 400, message)
    }

    /// A part of the request that is not as the API's description wants it.
    pub(super) fn unprocessable(code: u16, message: impl Into<String>) -> Self {
        Self::Coded(StatusCode::UNPROCESSABLE_ENTITY, code, message.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Told(status, text) => (status, Json(text)).into_response(),
            Self::Coded(status, code, message) => {
                (status, Json(json!({"code": code, "message": message}))).into_response()
            }
            Self::Bare(status) => status.into_response(),
        }
    }
}

impl From<BadParams> for ApiError {
    fn from(BadParams(status, message): BadParams) -> Self {
        Self::Coded(status, status.as_u16(), message)
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge(_) | BodyError::TooMuch(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            BodyError::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::Malformed(_) => StatusCode::BAD_REQUEST,
        };
        Self::Coded(status, status.as_u16(), error.to_string())
    }
}

/// Reads a JSON body; `name` is what the API's description calls it.
pub(super) async fn read<T: DeserializeOwned>(
    room: &Arc<Room>,
    headers: &HeaderMap,
    body: Body,
    name: &str,
) -> Result<T, ApiError> {
    let sent =
        headers.get(header::CONTENT_TYPE).map_or("application/octet-stream", |v| v.to_str().unwrap_or("?"));
    let kind = sent.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let message = format!("unsupported media type {kind:?}, only [application/json] are allowed");
        return Err(ApiError::coded(StatusCode::UNSUPPORTED_MEDIA_TYPE, 415, message));
    }
    let held = body::read(room, headers, body, super::MAX_BODY).await?;
    if held.as_ref().is_empty() {
        return Err(ApiError::unprocessable(MISSING, format!("{name} in body is required")));
    }
    serde_json::from_slice(held.as_ref()).map_err(|error| ApiError::unreadable(name, error))
}
