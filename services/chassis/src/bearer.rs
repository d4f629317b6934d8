//! Who may ask a control listener: whoever sends its bearer token.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};

use crate::problem::Problem;

/// Lets requests with the token pass, and answers 401 to others. An empty token lets nobody pass.
pub async fn guard(State(token): State<Arc<str>>, request: Request, next: Next) -> Response {
    if admits(&token, request.headers()) {
        return next.run(request).await;
    }
    let detail = "send the header Authorization: Bearer TOKEN";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response()
}

/// Compares in a time that does not tell where the two differ.
fn admits(token: &str, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(given) = given.and_then(|value| value.strip_prefix("Bearer ")) else { return false };
    let alike = given.bytes().zip(token.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0;
    !token.is_empty() && given.len() == token.len() && alike
}
