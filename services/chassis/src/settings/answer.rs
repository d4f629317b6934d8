//! What the listener answers: a revision as it is shown, and a change that was not made.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::shared::{Refused, Wrong};
use super::state::Revision;
use crate::clock;
use crate::problem::{self, Problem};

/// An answer, or one that says why there is none.
pub(super) type Answer = Result<Response, Refusal>;

/// An answer that says why there is no other. Small, as an error of functions should be.
#[derive(Debug)]
pub(super) struct Refusal(Box<Response>);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem.into_response()))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// `{revision, at, changes}`.
pub(super) fn revision(revision: &Revision) -> Value {
    json!({
        "revision": revision.revision,
        "at": clock::rfc3339(revision.at_ms),
        "changes": revision.changes,
    })
}

/// Why a change was not made.
pub(super) fn refused(refused: Refused) -> Refusal {
    match refused {
        Refused::Wrong { wrong, known } => bad_settings(&wrong, &known),
        Refused::TooManyLeases => {
            Problem::conflict("too-many-leases", "there are as many leases as are kept").into()
        }
        Refused::Unreachable(unreachable) => {
            let detail = format!(
                "revision: expected one from {} to {}, which are remembered",
                unreachable.oldest, unreachable.newest
            );
            Problem::unprocessable("no-such-revision", detail).into()
        }
        Refused::NotKept(error) => {
            let detail = format!("the change cannot be kept, and was not made: {error}");
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "not-kept", detail).into()
        }
    }
}

/// 422 with what is wrong with each key and what it takes; where there is no such key, with those that there are.
fn bad_settings(wrong: &[Wrong], known: &[String]) -> Refusal {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let told: Vec<String> = wrong.iter().map(|wrong| format!("{}: {}", wrong.key, wrong.problem)).collect();
    let errors: Vec<Value> = wrong
        .iter()
        .map(|wrong| json!({ "key": wrong.key, "problem": wrong.problem, "setting": wrong.setting }))
        .collect();
    let mut body = json!({
        "type": "urn:problem:bad-settings",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": told.join("; "),
        "errors": errors,
    });
    if wrong.iter().any(|wrong| wrong.setting.is_none()) {
        body["known"] = json!(known);
    }
    let response = (status, [(CONTENT_TYPE, problem::CONTENT_TYPE)], body.to_string()).into_response();
    Refusal(Box::new(response))
}
