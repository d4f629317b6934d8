//! What every control listener does alike: it knows its callers by a bearer token, and says what is wrong as problem+json.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The digest of the token that is asked for.
#[derive(Debug)]
pub(crate) struct Token([u8; 32]);

impl Token {
    pub(crate) fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Compares digests, in a time that does not depend on where they differ.
    fn admits(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        given.iter().zip(&self.0).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// Lets requests with the token pass.
pub(crate) async fn guard(State(token): State<Arc<Token>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    match given.and_then(|v| v.strip_prefix("Bearer ")) {
        Some(given) if token.admits(given) => next.run(request).await,
        _ => problem(StatusCode::UNAUTHORIZED, "send the header Authorization: Bearer TOKEN"),
    }
}

/// An answer that says what is wrong.
pub(crate) fn problem(status: StatusCode, detail: impl Into<String>) -> Response {
    problem_with(status, detail, json!({}))
}

/// The same with further fields of the object `more`.
pub(crate) fn problem_with(status: StatusCode, detail: impl Into<String>, more: Value) -> Response {
    let mut body =
        json!({ "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail.into() });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
