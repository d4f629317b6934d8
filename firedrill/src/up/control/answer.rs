//! What the control listener answers.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use chassis::problem::Problem;
use http::StatusCode;
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
