//! Errors as `application/problem+json` (RFC 9457).
//!
//! A handler returns a [`Problem`]; the body is written by [`render`], which alone knows the request's path and the
//! correlation id. So no handler can forget either.

use std::borrow::Cow;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{self, CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use telemetry::correlation::CorrelationId;
use telemetry::server::Detail;

/// The content type of every problem.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The last part of the problem's `type`, such as `out-of-stock`.
    pub slug: Cow<'static, str>,
    /// What happened in this case, for the person at the other end.
    pub detail: String,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem of this status and kind.
    pub fn new(status: StatusCode, slug: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { status, slug: slug.into(), detail: detail.into(), retry_after: None }
    }

    /// 400: the request makes no sense as it is.
    pub fn bad_request(slug: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, slug, detail)
    }

    /// 404.
    pub fn not_found(slug: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, slug, detail)
    }

    /// 409: at odds with what the service holds.
    pub fn conflict(slug: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, slug, detail)
    }

    /// 422: well-formed, and not acceptable.
    pub fn unprocessable(slug: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, slug, detail)
    }

    /// 503 with `Retry-After`: the same request may work later.
    pub fn unavailable(
        slug: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
        retry_after: u32,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, slug, detail).retry_after(retry_after)
    }

    /// Adds `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// A database failure is logged here, once, with its cause; the client learns only what it can act on.
impl From<telemetry::db::Error> for Problem {
    fn from(error: telemetry::db::Error) -> Self {
        if error.is_transient() {
            tracing::warn!(error.r#type = error.kind(), error = %error, "database unavailable");
            Self::unavailable("database-unavailable", "the database cannot answer now", 1)
        } else {
            tracing::error!(error.r#type = error.kind(), error = %error, "database failed");
            Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "an internal error; see the correlation id",
            )
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of an `application/problem+json` answer.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:problem:out-of-stock")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened in this case.
    pub detail: String,
    /// The request's path.
    pub instance: String,
    /// Finds this request's traces and log lines.
    pub correlation_id: String,
}

/// Middleware: writes the body of every [`Problem`], and turns the router's own bare 404 and 405 into problems too.
pub async fn render(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            let detail = format!("{method} is not possible here");
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
        }
        None => return response,
    };
    let body = ProblemBody {
        kind: format!("urn:problem:{}", problem.slug),
        title: problem.status.canonical_reason().unwrap_or("Error").to_owned(),
        status: problem.status.as_u16(),
        detail: problem.detail,
        instance: path,
        correlation_id: CorrelationId::current().map_or_else(String::new, |id| id.as_str().to_owned()),
    };
    // A struct of texts and a number always serialises.
    let text = serde_json::to_vec(&body).unwrap_or_default();
    *response.body_mut() = text.into();
    // Whoever reads the request's log line sees what its client was told.
    response.extensions_mut().insert(Detail(body.detail));
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}
