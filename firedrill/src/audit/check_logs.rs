//! The log lines of one request against the ledger. Pure.

use std::collections::BTreeMap;

use query::loki::LogEntry;

use super::ledger::{Entry, Mismatch};

/// The message of the line that every request leaves in the service that answered it.
const REQUEST: &str = "request";

/// Checks the lines found under the request's correlation id.
///
/// Each hop has to have left its request line, and a confirmed order its business line, with the trace id of the
/// request. Lines of a later delivery carry the same correlation id in a trace of their own and are not counted.
pub fn check(entry: &Entry, lines: &[LogEntry]) -> Vec<Mismatch> {
    let mut surplus: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.trace_id().is_some_and(|id| id.to_string() == entry.trace_id))
    {
        let message = line.message();
        if message == REQUEST || Some(message) == entry.request.event {
            *surplus.entry((line.service(), message)).or_insert(0) += 1;
        }
    }
    for hop in &entry.request.hops {
        *surplus.entry((hop.service, REQUEST)).or_insert(0) -= 1;
    }
    if let Some(event) = entry.request.event {
        *surplus.entry((entry.request.service, event)).or_insert(0) -= 1;
    }
    let off = surplus.into_iter().filter(|(_, surplus)| *surplus != 0);
    off.map(|((service, message), surplus)| {
        let what = if surplus < 0 { "too few" } else { "too many" };
        Mismatch::of(entry, format!("{} {what} of the log line {message:?} of {service}", surplus.abs()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use query::{Labels, UnixNanos};

    use super::*;
    use crate::audit::story;

    fn order() -> Entry {
        let request = (0..).map(|i| story::request(1, i)).find(story::Request::notifies);
        Entry {
            request: request.expect("the mix has orders"),
            correlation_id: "audit-1".into(),
            trace_id: "0af7651916cd43dd8448eb211c80319c".into(),
            status: Some(201),
            echoed: Some("audit-1".into()),
        }
    }

    fn line(service: &str, message: &str, trace_id: &str) -> LogEntry {
        LogEntry {
            time: UnixNanos(1),
            line: message.into(),
            labels: Labels::from([("service_name".into(), service.into())]),
            metadata: Labels::from([("trace_id".into(), trace_id.into())]),
        }
    }

    fn all(entry: &Entry) -> Vec<LogEntry> {
        let mut lines: Vec<_> =
            entry.request.hops.iter().map(|hop| line(hop.service, "request", &entry.trace_id)).collect();
        lines.push(line("order-service", story::ORDER_CONFIRMED, &entry.trace_id));
        lines.push(line("user-service", "request", "11111111111111111111111111111111"));
        lines
    }

    #[test]
    fn all_lines_of_a_request_and_its_later_delivery_fit() {
        assert_eq!(check(&order(), &all(&order())), []);
    }

    #[test]
    fn a_withheld_line_of_any_service_is_found() {
        let entry = order();
        for withheld in 0..=entry.request.hops.len() {
            let mut lines = all(&entry);
            lines.remove(withheld);
            assert_eq!(check(&entry, &lines).len(), 1, "without line {withheld}");
        }
    }

    #[test]
    fn a_line_with_another_trace_id_does_not_count() {
        let mut lines = all(&order());
        lines[0].metadata.insert("trace_id".into(), "22222222222222222222222222222222".into());
        assert_eq!(check(&order(), &lines).len(), 1);
    }
}
