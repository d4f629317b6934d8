//! Why an order ended as it did, in the words of its own telemetry.
//!
//! The log line of a refusal carries the detail that the caller was given; the failed span farthest from the caller
//! tells the cause of a failure. A bare status is no reason: it has a column of its own.

use query::{
    LogEntry,
    trace::{Node, Tree},
};

/// How an order ended, as far as the services are to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was placed.
    Placed,
    /// The request was at fault (4xx): the services did what they should.
    Refused,
    /// The services failed (5xx), or there was no answer.
    Failed,
}

impl Outcome {
    /// Of the status that order-service answered with.
    pub(super) fn of(status: Option<u16>) -> Self {
        match status {
            Some(..400) => Self::Placed,
            Some(400..500) => Self::Refused,
            Some(500..) | None => Self::Failed,
        }
    }
}

/// The reason, if the telemetry knows one. `lines` are those of the order's trace, the oldest first.
pub(super) fn reason<'a>(
    outcome: Outcome,
    tree: &Tree,
    lines: impl Iterator<Item = &'a LogEntry> + Clone,
) -> Option<String> {
    let detail = lines.clone().find_map(|line| line.field("detail")).map(str::to_owned);
    match outcome {
        Outcome::Placed => cause(tree).map(|cause| format!("in spite of {cause}")),
        Outcome::Refused => detail.or_else(|| cause(tree)),
        Outcome::Failed => match (detail, cause(tree)) {
            (Some(detail), Some(cause)) => Some(format!("{detail} ({cause})")),
            (detail, cause) => detail.or(cause).or_else(|| logged(lines)).or_else(|| last_status(tree)),
        },
    }
}

/// The first of the deepest: later ones are repetitions and clean-up.
fn deepest<'a>(nodes: impl Iterator<Item = &'a Node>) -> Option<&'a Node> {
    nodes.reduce(|best, node| if node.depth > best.depth { node } else { best })
}

/// What went wrong farthest from the caller, and in which service, where a span has words for it.
fn cause(tree: &Tree) -> Option<String> {
    let node = deepest(tree.nodes.iter().filter(|node| node.error_note().is_some()))?;
    Some(format!("{}: {}", node.service, node.error_note()?))
}

/// The first line that is an error and more than the line which every request has.
fn logged<'a>(mut lines: impl Iterator<Item = &'a LogEntry>) -> Option<String> {
    let line = lines.find(|line| line.level() == "ERROR" && line.message() != "request")?;
    let error = line.field("error").map(|error| format!(" ({error})")).unwrap_or_default();
    Some(format!("{}: {}{error}", line.service(), line.message()))
}

/// Where a failure began, if nothing else is known of it.
fn last_status(tree: &Tree) -> Option<String> {
    let node = deepest(tree.nodes.iter().filter(|node| node.is_error()))?;
    Some(format!("{}: {}", node.service, node.error_text()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use query::{
        Labels, SpanId, TraceId, UnixNanos,
        jaeger::{Process, Reference, ReferenceKind, Span, Tag, TagValue, Trace},
        trace::assemble,
    };

    /// loadgen → order-service → product-service; each fails with its own words, or without any.
    fn tree(words: [Option<&str>; 3]) -> Tree {
        let tag =
            |key: &str, text: &str| Tag { key: key.to_owned(), value: TagValue::String(text.to_owned()) };
        let span = |(index, words): (u64, Option<&str>)| Span {
            trace_id: TraceId(1),
            span_id: SpanId(index + 1),
            operation_name: "POST /orders".to_owned(),
            references: (index > 0)
                .then_some(Reference {
                    kind: ReferenceKind::ChildOf,
                    trace_id: TraceId(1),
                    span_id: SpanId(index),
                })
                .into_iter()
                .collect(),
            start_us: index,
            duration_us: 10,
            tags: words
                .map(|words| vec![tag("error", "true"), tag("otel.status_description", words)])
                .unwrap_or_default(),
            logs: Vec::new(),
            process_id: index.to_string(),
            warnings: Vec::new(),
        };
        let process = |(index, name): (usize, &str)| {
            (index.to_string(), Process { service_name: name.to_owned(), tags: Vec::new() })
        };
        let trace = Trace {
            trace_id: TraceId(1),
            spans: (0..).zip(words).map(span).collect(),
            processes: ["loadgen", "order-service", "product-service"]
                .into_iter()
                .enumerate()
                .map(process)
                .collect(),
            warnings: Vec::new(),
        };
        assemble(trace, Vec::new())
    }

    fn line(level: &str, message: &str, fields: &[(&str, &str)]) -> LogEntry {
        let mut metadata: Labels = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        metadata.insert("severity_text".to_owned(), level.to_owned());
        let labels = Labels::from([("service_name".to_owned(), "order-service".to_owned())]);
        LogEntry { time: UnixNanos(0), line: message.to_owned(), labels, metadata }
    }

    fn said(status: u16, words: [Option<&str>; 3], lines: &[LogEntry]) -> Option<String> {
        reason(Outcome::of(Some(status)), &tree(words), lines.iter())
    }

    #[test]
    fn a_refusal_gives_the_detail_of_its_log_line_and_nothing_where_there_is_none() {
        let lines = [line("INFO", "order refused", &[("detail", "there is no product 7")])];
        assert_eq!(said(400, [Some(""), None, None], &lines).as_deref(), Some("there is no product 7"));
        let request = [line("WARN", "request", &[])];
        assert_eq!(said(400, [None, None, None], &request), None);
    }

    #[test]
    fn a_failure_gives_the_detail_and_the_cause_farthest_from_the_caller() {
        let lines = [line("INFO", "order refused", &[("detail", "product-service cannot answer now")])];
        let words = [Some("status 503"), Some("timed out"), Some("pool exhausted")];
        assert_eq!(
            said(503, words, &lines).as_deref(),
            Some("product-service cannot answer now (product-service: pool exhausted)")
        );
        assert_eq!(said(503, words, &[]).as_deref(), Some("product-service: pool exhausted"));
    }

    #[test]
    fn a_failure_without_words_in_its_spans_gives_the_logged_error() {
        let lines =
            [line("ERROR", "request", &[]), line("ERROR", "order not stored", &[("error", "disk full")])];
        assert_eq!(
            said(500, [None, None, None], &lines).as_deref(),
            Some("order-service: order not stored (disk full)")
        );
        assert_eq!(said(500, [None, None, None], &lines[..1]), None);
    }

    #[test]
    fn an_order_that_was_placed_in_spite_of_a_failure_says_so() {
        assert_eq!(said(201, [None, None, None], &[]), None);
        assert_eq!(
            said(201, [None, None, Some("timed out")], &[]).as_deref(),
            Some("in spite of product-service: timed out")
        );
    }
}
