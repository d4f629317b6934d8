//! One trace against the ledger: complete, parents right, no orphan, one correlation id. Pure.

use std::collections::{BTreeMap, HashMap};

use query::{
    SpanId,
    jaeger::{ReferenceKind, Span, TagValue, Trace},
};

use super::{
    ledger::{Entry, Mismatch},
    story::Hop,
};

/// What the check found in one trace.
#[derive(Debug, Default)]
pub struct Finding {
    /// Spans whose parent is not in the trace.
    pub orphans: u64,
    /// Everything that does not fit.
    pub mismatches: Vec<Mismatch>,
}

/// Checks the trace of one request.
pub fn check(entry: &Entry, trace: &Trace) -> Finding {
    let mut finding = Finding::default();
    let mut say = |what: String| finding.mismatches.push(Mismatch::of(entry, what));
    let by_id: HashMap<SpanId, &Span> = trace.spans.iter().map(|span| (span.span_id, span)).collect();

    let mut roots = 0;
    for span in &trace.spans {
        match parent_id(span) {
            None => {
                roots += 1;
                if service(trace, span) != "loadgen" {
                    say(format!(
                        "{} starts a trace in {}, not in loadgen",
                        span.operation_name,
                        service(trace, span)
                    ));
                }
            }
            Some(parent) if !by_id.contains_key(&parent) => {
                finding.orphans += 1;
                say(format!(
                    "{} in {} has no parent in its trace",
                    span.operation_name,
                    service(trace, span)
                ));
            }
            Some(_) => {}
        }
        if span.tag_text("correlation.id").as_deref() != Some(&entry.correlation_id) {
            let found = span.tag_text("correlation.id");
            say(format!(
                "{} in {} has the correlation id {found:?}",
                span.operation_name,
                service(trace, span)
            ));
        }
    }
    if roots != 1 {
        say(format!("the trace has {roots} roots, expected one"));
    }

    let mut found: BTreeMap<Hop, i64> = BTreeMap::new();
    for span in trace.spans.iter().filter(|span| span.tag_text("span.kind").as_deref() == Some("server")) {
        match hop(trace, &by_id, span) {
            Ok(hop) => *found.entry(hop).or_insert(0) += 1,
            Err(what) => say(what),
        }
    }
    for hop in &entry.request.hops {
        *found.entry(*hop).or_insert(0) -= 1;
    }
    for (Hop { caller, service, method, route, status }, surplus) in found {
        match surplus {
            0 => {}
            ..0 => say(format!(
                "the hop {caller} to {service} {method} {route} {status} is missing {}x",
                -surplus
            )),
            1.. => say(format!(
                "the hop {caller} to {service} {method} {route} {status} is there {surplus}x too often"
            )),
        }
    }
    finding
}

/// The hop that a server span stands for; its parent has to be the caller's client span of the same request.
fn hop(trace: &Trace, by_id: &HashMap<SpanId, &Span>, span: &Span) -> Result<Hop, String> {
    let at = || format!("{} in {}", span.operation_name, service(trace, span));
    let text = |key: &str| span.tag_text(key).ok_or_else(|| format!("{} has no {key}", at()));
    let parent =
        parent_id(span).and_then(|id| by_id.get(&id)).ok_or_else(|| format!("{} has no caller", at()))?;
    if parent.tag_text("span.kind").as_deref() != Some("client") {
        return Err(format!("{} was called by {}, which is no client span", at(), parent.operation_name));
    }
    let (method, route) = (text("http.request.method")?, text("http.route")?);
    if parent.operation_name != format!("{method} {route}") {
        return Err(format!("{} was called by {}, another request", at(), parent.operation_name));
    }
    let status = match span.tag("http.response.status_code") {
        Some(TagValue::Int(status)) => {
            u16::try_from(*status).map_err(|_| format!("{} has status {status}", at()))?
        }
        other => return Err(format!("{} has the status {other:?}, expected a whole number", at())),
    };
    let known = |name: &str| KNOWN.iter().copied().find(|known| *known == name);
    Ok(Hop {
        caller: known(service(trace, parent)).ok_or_else(|| format!("{} was called by a stranger", at()))?,
        service: known(service(trace, span)).ok_or_else(|| format!("{} is of no service of ours", at()))?,
        method: known(&method).ok_or_else(|| format!("{} has the method {method}", at()))?,
        route: known(&route).ok_or_else(|| format!("{} has the unexpected route {route}", at()))?,
        status,
    })
}

/// Every word that a hop of the audit can hold.
const KNOWN: [&str; 14] = [
    "loadgen",
    "order-service",
    "user-service",
    "product-service",
    "GET",
    "POST",
    "/orders",
    "/orders/{id}",
    "/users/{id}",
    "/products",
    "/products/{id}",
    "/products/batch",
    "/products/{id}/reserve",
    "/products/{id}/release",
];

fn parent_id(span: &Span) -> Option<SpanId> {
    let of_this_trace =
        |r: &&query::jaeger::Reference| r.kind == ReferenceKind::ChildOf && r.trace_id == span.trace_id;
    span.references.iter().find(of_this_trace).map(|r| r.span_id)
}

fn service<'a>(trace: &'a Trace, span: &Span) -> &'a str {
    trace.processes.get(&span.process_id).map_or("nobody", |process| process.service_name.as_str())
}

#[cfg(test)]
mod tests {
    use query::jaeger::{Process, Reference, Tag};

    use super::*;
    use crate::audit::story;

    /// The trace that a request leaves behind when all is well.
    fn perfect(entry: &Entry) -> Trace {
        let trace_id = "0af7651916cd43dd8448eb211c80319c".parse().expect("an id");
        let mut spans: Vec<Span> = Vec::new();
        let mut span = |service: &str, kind: &str, parent: Option<SpanId>, hop: &Hop| {
            let id: SpanId = format!("{:016x}", spans.len() + 1).parse().expect("an id");
            let tag = |key: &str, value: TagValue| Tag { key: key.into(), value };
            spans.push(Span {
                trace_id,
                span_id: id,
                operation_name: format!("{} {}", hop.method, hop.route),
                references: parent
                    .map(|span_id| Reference { kind: ReferenceKind::ChildOf, trace_id, span_id })
                    .into_iter()
                    .collect(),
                start_us: 1,
                duration_us: 1,
                tags: vec![
                    tag("span.kind", TagValue::String(kind.into())),
                    tag("correlation.id", TagValue::String(entry.correlation_id.clone())),
                    tag("http.request.method", TagValue::String(hop.method.into())),
                    tag("http.route", TagValue::String(hop.route.into())),
                    tag("http.response.status_code", TagValue::Int(i64::from(hop.status))),
                ],
                logs: Vec::new(),
                process_id: service.into(),
                warnings: Vec::new(),
            });
            id
        };
        let mut entry_server = None;
        for hop in &entry.request.hops {
            let client = span(hop.caller, "client", entry_server, hop);
            let server = span(hop.service, "server", Some(client), hop);
            entry_server.get_or_insert(server);
        }
        let process =
            |name: &str| (name.to_owned(), Process { service_name: name.to_owned(), tags: Vec::new() });
        let processes = KNOWN[..4].iter().map(|name| process(name)).collect();
        Trace { trace_id, spans, processes, warnings: Vec::new() }
    }

    fn basket() -> Entry {
        let request = (0..).map(|i| story::request(1, i)).find(|r| r.hops.len() >= 5 && r.expected == 201);
        Entry {
            request: request.expect("the mix has baskets"),
            correlation_id: "audit-1".into(),
            trace_id: "0af7651916cd43dd8448eb211c80319c".into(),
            status: Some(201),
            echoed: Some("audit-1".into()),
        }
    }

    #[test]
    fn a_whole_trace_fits() {
        let finding = check(&basket(), &perfect(&basket()));
        assert_eq!((finding.orphans, finding.mismatches), (0, vec![]));
    }

    #[test]
    fn a_span_missing_anywhere_is_found() {
        let whole = perfect(&basket());
        for missing in 0..whole.spans.len() {
            let mut trace = whole.clone();
            trace.spans.remove(missing);
            assert!(!check(&basket(), &trace).mismatches.is_empty(), "without span {missing}");
        }
    }

    #[test]
    fn a_strange_parent_another_correlation_id_and_a_text_status_are_found() {
        let whole = perfect(&basket());
        let last = whole.spans.len() - 1;
        let changes: [fn(&mut Span); 4] = [
            |span| span.references[0].span_id = "00000000000000ff".parse().expect("an id"),
            |span| span.references[0].span_id = "0000000000000002".parse().expect("an id"),
            |span| span.tags[1].value = TagValue::String("another".into()),
            |span| span.tags[4].value = TagValue::String("200".into()),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut trace = whole.clone();
            change(&mut trace.spans[last]);
            assert!(!check(&basket(), &trace).mismatches.is_empty(), "change {i}");
        }
    }
}
