//! The tags that a span is found by: what Jaeger shows as such of the span, its events, its scope and its resource. Ingest
//! and search both ask here, so what is indexed is what is looked for. Pure.

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::value::{is_error, kind_name, status_name, text_ref};

/// Tags of the span itself and of its events, each as name and value.
pub(crate) fn of_span(span: &Span, mut each: impl FnMut(&str, &str)) {
    if is_error(span) {
        each("error", "true");
    }
    if let Some(kind) = kind_name(span.kind) {
        each("span.kind", kind);
    }
    if let Some(status) = status_name(span) {
        each("otel.status_code", status);
    }
    attributes(&span.attributes, &mut each);
    for event in &span.events {
        each("event", &event.name);
        attributes(&event.attributes, &mut each);
    }
}

/// Tags that all spans of one origin share.
pub(crate) fn of_origin(resource: &Resource, scope: &InstrumentationScope, mut each: impl FnMut(&str, &str)) {
    each("otel.scope.name", &scope.name);
    attributes(&resource.attributes, &mut each);
    attributes(&scope.attributes, &mut each);
}

fn attributes(attributes: &[KeyValue], each: &mut impl FnMut(&str, &str)) {
    for attribute in attributes {
        each(&attribute.key, &text_ref(attribute));
    }
}
