//! For the services' tests: calls a router in process and compares what it answers with its own OpenAPI document.
//!
//! An answer that is not documented fails at once, and so does one with another content type or with a header that is not
//! documented; [`Exerciser::unexercised`] names what is documented and was never seen.

#![expect(clippy::unwrap_used, reason = "test code: a failed assumption is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method};
use serde_json::Value;
use tower::ServiceExt;

use crate::problem::ProblemBody;
use crate::settings::{Settings, in_process};

/// The largest answer a test reads.
const MAX_BODY: usize = 16 << 20;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON, or null when it is none.
    pub json: Value,
}

/// Method, path template and status.
type Answer = (String, String, u16);

/// What an answer looks like: its content type, or those that it may have, and the names of its headers, in lower case.
#[derive(Debug, Default)]
struct Shape {
    content_types: BTreeSet<String>,
    headers: BTreeSet<String>,
}

/// An answer, or one of its headers.
type Seen = (Answer, Option<String>);

/// A router under test, and what its document promises. Clones share what was seen.
#[derive(Clone)]
pub struct Exerciser {
    router: Router,
    documented: Arc<BTreeMap<Answer, Shape>>,
    seen: Arc<Mutex<BTreeSet<Seen>>>,
}

impl Exerciser {
    /// Reads the router's `/openapi.json`, and compares it and `/metrics`, which every service has, with what it says of them.
    ///
    /// # Panics
    /// When there is none, or one of them is another answer.
    pub async fn new(router: Router) -> Self {
        let reply = send(&router, get("/openapi.json")).await;
        assert_eq!(reply.status, 200);
        let documented = documented(&reply.json);
        assert!(!documented.is_empty());
        let api = Self { router, documented: Arc::new(documented), seen: Arc::default() };
        for path in ["/openapi.json", "/metrics"] {
            assert_eq!(api.send(get(path)).await.status, 200, "{path}");
        }
        api
    }

    /// The same expectations of another instance, such as one with a broken database.
    #[must_use]
    pub fn on(&self, router: Router) -> Self {
        Self { router, ..self.clone() }
    }

    /// Sends, and checks that the answer is documented and, if it is a problem, complete.
    ///
    /// # Panics
    /// When it is not.
    pub async fn send(&self, request: Request) -> Reply {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let reply = send(&self.router, request).await;
        let template =
            self.template(&method, &path).unwrap_or_else(|| panic!("{method} {path} is not documented"));
        let answer = (method, template, reply.status);
        let Some(documented) = self.documented.get(&answer) else {
            panic!("not documented: {answer:?}: {}", reply.json)
        };
        let shape = shape(&reply.headers);
        let is_documented = shape.content_types.is_subset(&documented.content_types)
            && shape.content_types.is_empty() == documented.content_types.is_empty();
        assert!(
            is_documented,
            "{answer:?}: {:?}, documented {:?}",
            shape.content_types, documented.content_types
        );
        let unknown: Vec<_> = shape.headers.difference(&documented.headers).collect();
        assert!(unknown.is_empty(), "headers of {answer:?} that are not documented: {unknown:?}");
        check_problem(&reply, &path);
        self.seen.lock().unwrap().extend(parts(&answer, &shape));
        reply
    }

    /// What is documented and was never seen.
    ///
    /// # Panics
    /// When another test panicked in the middle of a call.
    #[must_use]
    pub fn unexercised(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        let documented = self.documented.iter().flat_map(|(answer, shape)| parts(answer, shape));
        documented.filter(|part| !seen.contains(part)).collect()
    }

    /// The documented template of a path; one with fewer parameters is closer.
    fn template(&self, method: &str, path: &str) -> Option<String> {
        let fits = |template: &str| {
            let (a, b) = (template.split('/'), path.split('/'));
            a.clone().count() == b.clone().count() && a.zip(b).all(|(a, b)| a.starts_with('{') || a == b)
        };
        let templates = self.documented.keys().filter(|(m, template, _)| m == method && fits(template));
        templates
            .map(|(_, template, _)| template.clone())
            .min_by_key(|template| template.matches('{').count())
    }
}

fn check_problem(reply: &Reply, path: &str) {
    if reply.status < 400 || path == "/ready" {
        return;
    }
    assert_eq!(reply.headers["content-type"], "application/problem+json", "{path}: {}", reply.json);
    let body: ProblemBody = serde_json::from_value(reply.json.clone()).unwrap();
    assert_eq!((body.status, body.instance.as_str()), (reply.status, path));
    assert_eq!(body.correlation_id.as_str(), reply.headers["x-correlation-id"].to_str().unwrap());
    assert!(body.kind.starts_with("urn:problem:") && !body.title.is_empty() && !body.detail.is_empty());
    assert_eq!(reply.headers.contains_key("retry-after"), reply.status == 503 || is_in_flight(&body));
}

fn is_in_flight(body: &ProblemBody) -> bool {
    body.kind == "urn:problem:in-flight"
}

/// The answer itself, and each of its headers.
fn parts(answer: &Answer, shape: &Shape) -> Vec<Seen> {
    let headers = shape.headers.iter().map(|name| (answer.clone(), Some(name.clone())));
    std::iter::once((answer.clone(), None)).chain(headers).collect()
}

/// What an answer shows of itself. Every answer has a type and a length; they are not documented as headers.
fn shape(headers: &HeaderMap) -> Shape {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
    let names = headers.keys().filter(|name| ![CONTENT_TYPE, CONTENT_LENGTH].contains(name));
    Shape {
        content_types: content_type.into_iter().collect(),
        headers: names.map(|name| name.as_str().to_owned()).collect(),
    }
}

fn documented(document: &Value) -> BTreeMap<Answer, Shape> {
    let paths = document["paths"].as_object().unwrap();
    let mut all = BTreeMap::new();
    for (template, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            for (status, response) in operation["responses"].as_object().unwrap() {
                let answer = (method.to_string(), template.clone(), status.parse().unwrap());
                let keys = |of: &str| response[of].as_object().into_iter().flat_map(|all| all.keys());
                // Scrapers choose the form of metrics; nothing else has two.
                let most = if template == "/metrics" { 2 } else { 1 };
                assert!(keys("content").count() <= most, "{answer:?} has several content types");
                let content_types = keys("content").cloned().collect();
                let headers = keys("headers").map(|name| name.to_lowercase()).collect();
                all.insert(answer, Shape { content_types, headers });
            }
        }
    }
    all
}

/// Sends one request to a router.
///
/// # Panics
/// When the answer cannot be read.
pub async fn send(router: &Router, request: Request) -> Reply {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.unwrap();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Reply { status: parts.status.as_u16(), headers: parts.headers, json }
}

/// A GET request.
///
/// # Panics
/// When the path is none.
#[must_use]
pub fn get(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

/// A POST request with a JSON body.
///
/// # Panics
/// When the path is none.
#[must_use]
pub fn post(path: &str, body: &Value) -> Request {
    raw_post(path, body.to_string())
}

/// A POST request that claims to be JSON.
///
/// # Panics
/// When the path is none.
#[must_use]
pub fn raw_post(path: &str, body: impl Into<Body>) -> Request {
    Request::post(path).header("content-type", "application/json").body(body.into()).unwrap()
}

/// Changes a setting as an operator does.
///
/// # Panics
/// When it is refused.
pub async fn set(settings: Option<&Settings>, key: &str, value: impl Into<Value>) {
    let body = serde_json::json!({ "settings": { key: value.into() } });
    let request = Request::patch("/settings").header("content-type", "application/json");
    let request = request.header("authorization", "Bearer token").body(Body::from(body.to_string()));
    let reply = send(&in_process(settings.unwrap(), "token"), request.unwrap()).await;
    assert_eq!(reply.status, 200, "{key}: {}", reply.json);
}

/// A body whose bytes never come.
pub fn stalled_body() -> Body {
    Body::new(Stalled)
}

struct Stalled;

impl axum::body::HttpBody for Stalled {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

/// Sends what every operation with a JSON body must refuse alike: 400, 408, 413, 415 and 422.
///
/// # Panics
/// When an answer is another one.
pub async fn refuse_bad_bodies(api: &Exerciser, path: &str) {
    let status = |request| async { api.send(request).await.status };
    assert_eq!(status(raw_post(path, "{")).await, 400);
    assert_eq!(status(raw_post(path, stalled_body())).await, 408);
    assert_eq!(status(raw_post(path, vec![b' '; 70_000])).await, 413);
    assert_eq!(status(Request::post(path).body("{}".into()).unwrap()).await, 415);
    assert_eq!(status(raw_post(path, "[]")).await, 422);
}
