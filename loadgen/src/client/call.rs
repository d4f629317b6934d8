//! One request to be sent, and how a planned step becomes one.

use super::ids::Ids;
use crate::plan::journeys::{Kind, Path, Service, Step};
use bytes::Bytes;
use http::Method;

/// One request. Its session and number make its trace id: together they must be unique within a run.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who is asked.
    pub service: Service,
    /// HTTP method.
    pub method: Method,
    /// Path template, for the span's name.
    pub route: &'static str,
    /// Path and query.
    pub path: String,
    /// JSON body.
    pub body: Option<Bytes>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Token of a logged-in session.
    pub bearer: Option<String>,
    /// Journey, for the span.
    pub journey: &'static str,
    /// Step, for the span.
    pub step: &'static str,
    /// Number of the session.
    pub session: u64,
    /// Number of the request within the session.
    pub number: u64,
}

impl Call {
    /// A request outside of any journey.
    #[must_use]
    pub fn new(
        service: Service,
        method: Method,
        route: &'static str,
        path: impl Into<String>,
        session: u64,
    ) -> Self {
        Self {
            service,
            method,
            route,
            path: path.into(),
            body: None,
            idempotency_key: None,
            bearer: None,
            journey: "single",
            step: "request",
            session,
            number: 0,
        }
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }
}

/// What a session's answers have given its later steps.
#[derive(Debug, Default, Clone)]
pub struct Captured {
    /// Id of the order placed.
    pub id: Option<String>,
    /// Token of the login.
    pub token: Option<String>,
}

impl Captured {
    /// Keeps what `step` is to give from its answer.
    pub fn keep(&mut self, step: &Step, answer: &super::Answer) {
        match step.capture {
            Some("token") => self.token = answer.field("token"),
            Some(field) => self.id = answer.field(field),
            None => {}
        }
    }
}

/// The request of a planned step; none if it needs what an earlier answer did not give.
#[must_use]
pub fn planned(
    kind: &Kind,
    step: &Step,
    session: u64,
    number: u64,
    captured: &Captured,
    ids: &Ids,
) -> Option<Call> {
    let path = match &step.path {
        Path::Fixed(path) => path.clone(),
        Path::Captured(before) => format!("{before}{}", captured.id.as_ref()?),
    };
    let ordering = kind.method == "POST" && kind.route == "/orders";
    Some(Call {
        service: kind.service,
        method: if kind.method == "POST" { Method::POST } else { Method::GET },
        route: kind.route,
        path,
        body: step.body.as_ref().map(|b| Bytes::copy_from_slice(b.as_bytes())),
        idempotency_key: ordering.then(|| ids.idempotency_key(session, number)),
        bearer: captured.token.clone(),
        journey: kind.journey,
        step: kind.step,
        session,
        number,
    })
}
