//! What the control listener answers, and who it answers at all.

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use chassis::problem::Problem;
use http::{StatusCode, header::AUTHORIZATION};
use serde_json::json;

use super::{Desk, Refused};

/// An answer, or what is wrong.
pub(super) type Answer = Result<Response, Problem>;

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown(what) => Self::not_found("unknown", what),
            Refused::Conflict(what) => Self::conflict("conflict", what),
            Refused::Wrong(what) => Self::unprocessable("wrong", what),
            Refused::Failed(what) => Self::new(StatusCode::BAD_GATEWAY, "failed", what),
        }
    }
}

/// The services as they are now, and the lease that was given.
pub(super) fn services(desk: &Desk, lease: Option<u64>) -> Response {
    let services = desk.services().shown().into_iter();
    let services = services.map(|(service, instances)| json!({"service": service, "instances": instances}));
    let mut body = json!({"services": services.collect::<Vec<_>>()});
    if let Some(id) = lease {
        body["lease"] = id.to_string().into();
    }
    Json(body).into_response()
}

/// Lets requests with the token pass.
pub(super) async fn guard(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(given) if is_same(given, &desk.0.token) => next.run(request).await,
        _ => {
            let detail = "send the header Authorization: Bearer TOKEN";
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response()
        }
    }
}

/// Compares in a time that does not tell where the two differ.
fn is_same(given: &str, token: &str) -> bool {
    let differs = given.bytes().zip(token.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    given.len() == token.len() && differs == 0
}
