//! Extractors whose refusals are [`Problem`]s: 400 for what cannot be parsed, 422 for what parses and has a wrong type.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::objects;
use crate::problem::Problem;

/// Request extension: how long a body may take to arrive.
#[derive(Debug, Clone, Copy)]
pub struct BodyTimeout(pub Duration);

/// A JSON body. Refusals: 415 no JSON content type or a packed body, 408 too slow, 413 too large, 400 no JSON, 422 wrong types.
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
        if let Some(packed) = packed(request.headers()) {
            let detail = format!("send the body as it is: content-encoding {packed:?} is not read here");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-encoding", detail));
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

/// How a body is packed, where it is.
fn packed(headers: &HeaderMap) -> Option<String> {
    let encodings =
        headers.get_all(CONTENT_ENCODING).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    encodings.map(|text| text.trim().to_owned()).find(|text| !text.eq_ignore_ascii_case("identity"))
}

/// Path parameters; 400 when one has the wrong form.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(refused) => {
                let given = RawPathParams::from_request_parts(parts, state).await.ok();
                Err(Problem::bad_request("bad-path", wrong_path(&refused, given.as_ref())))
            }
        }
    }
}

/// Which parameter of the path is wrong, and what it should be.
fn wrong_path(refused: &PathRejection, given: Option<&RawPathParams>) -> String {
    let PathRejection::FailedToDeserializePathParams(failed) = refused else { return refused.body_text() };
    // Where there is but one parameter, the refusal does not name it.
    let name =
        |value: &str| given.and_then(|all| all.iter().find(|(_, v)| *v == value)).map(|(name, _)| name);
    match failed.kind() {
        ErrorKind::ParseErrorAtKey { key, value, expected_type } => {
            format!("{key}: {value:?} is not {}", wanted(expected_type))
        }
        ErrorKind::ParseError { value, expected_type }
        | ErrorKind::ParseErrorAtIndex { value, expected_type, .. } => {
            format!("{}: {value:?} is not {}", name(value).unwrap_or("path"), wanted(expected_type))
        }
        ErrorKind::InvalidUtf8InPathParam { key } => format!("{key}: not UTF-8 once its %-escapes are read"),
        ErrorKind::DeserializeError { key, message, .. } => format!("{key}: {message}"),
        other => other.to_string(),
    }
}

/// A type of this program, in words for those who call it.
fn wanted(expected_type: &str) -> &'static str {
    match expected_type {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on within range",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number within range",
        "f32" | "f64" => "a number",
        "bool" => "true or false",
        _ => "of the form that /openapi.json describes",
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
            Err(refused) => Err(Problem::bad_request("bad-query", wrong_query(&refused.body_text()))),
        }
    }
}

/// Which parameter of the query is wrong, and what it should be. What the library says begins with what the library was
/// doing, and what follows is in the words of number parsing.
fn wrong_query(refused: &str) -> String {
    let said = refused.strip_prefix("Failed to deserialize query string: ").unwrap_or(refused);
    let said = said
        .replace("invalid digit found in string", "expected a whole number")
        .replace("cannot parse integer from empty string", "expected a whole number")
        .replace("number too large to fit in target type", "the number is too large")
        .replace("number too small to fit in target type", "the number is too small");
    match said.split_once("missing field `").and_then(|(_, rest)| rest.split_once('`')) {
        Some((name, _)) => format!("{name}: is missing"),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "what counts is whether it can be read")]
    struct Wanted {
        user_id: i64,
        page: Option<u32>,
    }

    /// What a request is refused with.
    async fn refusal(target: &str) -> String {
        let router = axum::Router::new()
            .route("/list", get(|Query(_): Query<Wanted>| async {}))
            .route("/users/{id}", get(|Path(_): Path<i64>| async {}))
            .route("/users/{user}/orders/{order}", get(|Path(_): Path<(i64, u32)>| async {}))
            .layer(axum::middleware::from_fn(crate::problem::render));
        let request = Request::get(target).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 400, "{target}");
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&body).unwrap()["detail"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_wrong_parameter_is_named_with_what_is_wanted() {
        for (target, detail) in [
            ("/list?user_id=abc", "user_id: expected a whole number"),
            ("/list?user_id=", "user_id: expected a whole number"),
            ("/list?user_id=1&page=-1", "page: expected a whole number"),
            ("/list?user_id=1&page=99999999999", "page: the number is too large"),
            ("/list", "user_id: is missing"),
            ("/users/abc", "id: \"abc\" is not a whole number within range"),
            (
                "/users/99999999999999999999",
                "id: \"99999999999999999999\" is not a whole number within range",
            ),
            ("/users/1/orders/x", "order: \"x\" is not a whole number from 0 on within range"),
            ("/users/%ff", "id: not UTF-8 once its %-escapes are read"),
        ] {
            assert_eq!(refusal(target).await, detail, "{target}");
        }
    }

    #[tokio::test]
    async fn a_packed_body_is_refused_in_so_many_words() {
        let router = axum::Router::new()
            .route("/", axum::routing::post(|Json(_): Json<Vec<u8>>| async {}))
            .layer(axum::middleware::from_fn(crate::problem::render));
        let send = async |encoding: &str| {
            let request = Request::post("/").header("content-type", "application/json");
            let request = request.header("content-encoding", encoding).body(Body::from("[1]")).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        assert_eq!(send("identity").await.status(), 200);
        let answer = send("gzip").await;
        assert_eq!(answer.status(), 415);
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["detail"], "send the body as it is: content-encoding \"gzip\" is not read here");
    }

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
