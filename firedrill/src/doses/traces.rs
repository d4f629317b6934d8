//! What is measured on traces. Pure.

use std::collections::BTreeMap;

use loadgen::faults::Measure;
use query::trace::{Kind, Node, Place, Tree};

/// Measures one thing on all of the traces.
pub(super) fn measure(measure: Measure, service: &str, operation: Option<&str>, trees: &[Tree]) -> f64 {
    let nodes = || trees.iter().flat_map(|tree| tree.nodes.iter().map(move |node| (tree, node)));
    let ours = |node: &Node| node.service == service;
    let named = |node: &Node| ours(node) && operation.is_none_or(|name| node.span.operation_name == name);
    match measure {
        Measure::OrphanRoots => {
            let asked_for = |node: &Node| matches!(node.side(), "server" | "client");
            let begins = |node: &Node| node.place == Place::Root && asked_for(node);
            nodes().filter(|(_, node)| ours(node) && begins(node)).count() as f64
        }
        Measure::EarlyMs => {
            let early = nodes().filter(|(_, node)| ours(node)).filter_map(|(tree, node)| {
                let parent = &tree.nodes[node.parent?];
                (parent.service != service)
                    .then(|| parent.span.start_us.saturating_sub(node.span.start_us) as f64 / 1e3)
            });
            early.fold(0.0, f64::max)
        }
        Measure::PerTrace => trees
            .iter()
            .map(|tree| tree.nodes.iter().filter(|node| named(node)).count())
            .max()
            .unwrap_or_default() as f64,
        Measure::GapMs => {
            let mut gaps: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
            for (tree, node) in nodes().filter(|(_, node)| ours(node) && node.kind() == Kind::Client) {
                for callee in node.children.iter().map(|child| &tree.nodes[*child]) {
                    let outside = node.span.duration_us.saturating_sub(callee.span.duration_us);
                    gaps.entry(&callee.service).or_default().push(outside);
                }
            }
            gaps.into_values().map(median).fold(0.0, f64::max) / 1e3
        }
        Measure::UnseenCalls => {
            let unseen = |node: &Node| {
                node.kind() == Kind::Client
                    && node.side() != "db"
                    && node.is_error()
                    && node.children.is_empty()
            };
            nodes().filter(|(_, node)| ours(node) && unseen(node)).count() as f64
        }
        Measure::SelfMs => {
            let own = nodes().filter(|(_, node)| named(node)).map(|(_, node)| node.self_us()).collect();
            at(own, 0.9) / 1e3
        }
        Measure::LateWork => {
            // Longer than any answer needs to come back.
            const BACK_US: u64 = 50_000;
            let late = |tree: &Tree, node: &Node| {
                let still_works =
                    |callee: &usize| tree.nodes[*callee].span.end_us() > node.span.end_us() + BACK_US;
                ours(node) && node.kind() == Kind::Client && node.children.iter().any(still_works)
            };
            nodes().filter(|(tree, node)| late(tree, node)).count() as f64
        }
    }
}

fn median(values: Vec<u64>) -> f64 {
    at(values, 0.5)
}

/// The value at a quantile; 0 when there is none.
fn at(mut values: Vec<u64>, quantile: f64) -> f64 {
    values.sort_unstable();
    let rank = (values.len() as f64 * quantile) as usize;
    values.get(rank.min(values.len().saturating_sub(1))).copied().unwrap_or_default() as f64
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A span: id, parent (0: none), service, name, kind, start and length in milliseconds, whether it failed.
    type Span = (u64, u64, &'static str, &'static str, &'static str, u64, u64, bool);

    fn tree(spans: &[Span]) -> Tree {
        let trace_id = "0".repeat(31) + "1";
        let all = spans.iter().map(|(id, parent, service, name, kind, start, length, failed)| {
            let parent = json!([{"refType": "CHILD_OF", "traceID": trace_id, "spanID": format!("{parent:016x}")}]);
            let mut tags = vec![json!({"key": "span.kind", "type": "string", "value": kind})];
            if *failed {
                tags.push(json!({"key": "error", "type": "bool", "value": true}));
            }
            json!({
                "traceID": trace_id, "spanID": format!("{id:016x}"), "operationName": name,
                "references": if parent[0]["spanID"] == "0".repeat(16) { json!([]) } else { parent },
                "startTime": 1_000_000 + start * 1_000, "duration": length * 1_000, "tags": tags, "processID": service,
            })
        });
        let processes: serde_json::Map<String, Value> = spans
            .iter()
            .map(|span| (span.2.to_owned(), json!({"serviceName": span.2, "tags": []})))
            .collect();
        let trace = json!({"traceID": trace_id, "spans": all.collect::<Vec<_>>(), "processes": processes});
        query::trace::assemble(serde_json::from_value(trace).expect("a trace"), Vec::new())
    }

    const ORDER: [Span; 4] = [
        (1, 0, "loadgen", "POST /orders", "client", 0, 100, false),
        (2, 1, "orders", "POST /orders", "server", 5, 90, false),
        (3, 2, "orders", "GET /users/{id}", "client", 10, 40, false),
        (4, 3, "users", "GET /users/{id}", "server", 20, 10, false),
    ];

    #[test]
    fn a_good_trace_shows_none_of_it() {
        let trees = [tree(&ORDER)];
        for what in [Measure::OrphanRoots, Measure::EarlyMs, Measure::UnseenCalls, Measure::LateWork] {
            for service in ["orders", "users"] {
                assert_eq!(measure(what, service, None, &trees), 0.0, "{what:?} {service}");
            }
        }
    }

    #[test]
    fn a_gap_is_the_callers_time_without_the_callees() {
        assert_eq!(measure(Measure::GapMs, "orders", None, &[tree(&ORDER)]), 30.0);
        assert_eq!(measure(Measure::GapMs, "orders", None, &[]), 0.0);
    }

    #[test]
    fn own_time_is_what_no_child_explains() {
        assert_eq!(measure(Measure::SelfMs, "orders", Some("POST /orders"), &[tree(&ORDER)]), 50.0);
    }

    #[test]
    fn a_call_that_begins_a_trace_is_an_orphan_and_a_delivery_is_not() {
        let call = tree(&[(1, 0, "orders", "GET /users/{id}", "client", 0, 9, false)]);
        let delivery = tree(&[(1, 0, "orders", "outbox deliver", "internal", 0, 9, false)]);
        assert_eq!(measure(Measure::OrphanRoots, "orders", None, &[call, delivery]), 1.0);
    }

    #[test]
    fn a_callee_that_begins_before_its_caller_has_another_clock() {
        let mut spans = ORDER;
        spans[3].5 = 3;
        assert_eq!(measure(Measure::EarlyMs, "users", None, &[tree(&spans)]), 7.0);
    }

    #[test]
    fn a_failed_call_without_a_callee_was_not_seen() {
        let unseen = tree(&[(1, 0, "loadgen", "POST /orders", "client", 0, 9, true)]);
        let mut seen = ORDER;
        seen[0].7 = true;
        assert_eq!(measure(Measure::UnseenCalls, "loadgen", None, &[unseen, tree(&seen)]), 1.0);
    }

    #[test]
    fn work_that_outlives_its_call_is_late() {
        let mut spans = ORDER;
        spans[1].6 = 400;
        assert_eq!(measure(Measure::LateWork, "loadgen", None, &[tree(&spans)]), 1.0);
    }

    #[test]
    fn spans_of_one_name_are_counted_by_trace() {
        let mut spans = ORDER.to_vec();
        spans.push((5, 2, "orders", "GET /users/{id}", "client", 60, 5, false));
        let most =
            measure(Measure::PerTrace, "orders", Some("GET /users/{id}"), &[tree(&ORDER), tree(&spans)]);
        assert_eq!(most, 2.0);
    }
}
