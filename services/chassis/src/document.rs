//! What an OpenAPI document has to say about every answer, whichever service gives it: the content type of problems, the
//! headers that the layers add, and the two paths that no service declares.
//!
//! Handlers declare what they answer with; how it is dressed is decided by the layers, and so it is written here, once.

use http::StatusCode;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, PathItem};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{Content, Header, HttpMethod, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use crate::problem;

/// Completes the document of a service's routes.
pub(crate) fn complete(document: &mut OpenApi) {
    let paths = &mut document.paths;
    let description = "This document";
    paths.add_path_operation(
        "/openapi.json",
        vec![HttpMethod::Get],
        page(description, &["application/json"]),
    );
    for operation in paths.paths.values_mut().flat_map(operations) {
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                dress(status, response);
            }
        }
    }
    // The scrape stands outside the layers, and gets none of their headers.
    let description = "The metrics of this process, for Prometheus";
    let metrics =
        page(description, &[telemetry::metrics::CONTENT_TYPE, telemetry::metrics::TEXT_CONTENT_TYPE]);
    paths.add_path_operation("/metrics", vec![HttpMethod::Get], metrics);
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete].into_iter().flatten()
}

/// An operation that answers 200 with a text, in one of some forms.
fn page(description: &str, content_types: &[&str]) -> Operation {
    let answer = content_types.iter().fold(ResponseBuilder::new(), |answer, content_type| {
        answer.content(*content_type, Content::default())
    });
    OperationBuilder::new().tag("probes").description(Some(description)).response("200", answer).build()
}

/// Adds to a response what the layers add to the answer.
fn dress(status: &str, response: &mut Response) {
    let correlation = header(Type::String, "Finds this request's traces and log lines");
    response.headers.insert("X-Correlation-ID".to_owned(), correlation);
    let (problems, others): (Vec<_>, Vec<_>) =
        std::mem::take(&mut response.content).into_iter().partition(|(_, content)| is_problem(content));
    if !problems.is_empty() && status == StatusCode::SERVICE_UNAVAILABLE.as_str() {
        let wait = header(Type::Integer, "After how many seconds the same request may work");
        response.headers.insert("Retry-After".to_owned(), wait);
    }
    let problems = problems.into_iter().map(|(_, content)| (problem::CONTENT_TYPE.to_owned(), content));
    response.content = others.into_iter().chain(problems).collect();
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else { return false };
    content.schema == Some(RefOr::Ref(Ref::from_schema_name("ProblemBody")))
}

fn header(kind: Type, description: &str) -> RefOr<Header> {
    let header = HeaderBuilder::new().schema(Some(Object::with_type(kind))).description(Some(description));
    RefOr::T(header.build())
}
