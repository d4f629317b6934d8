//! What counts as evidence: a trace that has a certain span, or a log line. Whether a trace that somebody names is one is
//! decided from the trace alone.

use query::trace::{Node, Tree};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a trace must have. All that is given must fit one span of it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Predicate {
    /// The span's service.
    pub service: Option<String>,
    /// The span's name.
    pub span: Option<String>,
    /// It took longer than this, in milliseconds.
    pub longer_than_ms: Option<f64>,
    /// It took longer than this outside of its children, in milliseconds.
    pub own_time_ms: Option<f64>,
    /// The status of its answer.
    pub status: Option<u16>,
    /// Whether it failed.
    pub failed: Option<bool>,
    /// Attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// Attributes of the process, such as its version, as text.
    pub resource: BTreeMap<String, String>,
    /// It begins its trace.
    pub begins_trace: Option<bool>,
    /// Its parent is not among the stored spans.
    pub parent_missing: Option<bool>,
    /// It is a call that no server span answers.
    pub unanswered: Option<bool>,
    /// It begins before its parent does.
    pub before_parent: Option<bool>,
    /// It ends after its parent does.
    pub after_parent: Option<bool>,
    /// So many spans of the trace must fit.
    pub at_least: Option<usize>,
}

impl Predicate {
    /// # Errors
    /// When every trace would fit, or none.
    pub fn check(&self) -> Result<(), String> {
        let bare = Self { at_least: self.at_least, ..Self::default() };
        if *self == bare {
            return Err("fits every trace; say more about the span".to_owned());
        }
        match self.at_least {
            Some(0) => Err("at_least is 1 or more".to_owned()),
            _ => Ok(()),
        }
    }

    /// Whether a trace fits.
    #[must_use]
    pub fn accepts(&self, tree: &Tree) -> bool {
        let fitting = tree.nodes.iter().filter(|node| self.fits(tree, node)).count();
        fitting >= self.at_least.unwrap_or(1)
    }

    fn fits(&self, tree: &Tree, node: &Node) -> bool {
        let parent = node.parent.map(|parent| &tree.nodes[parent]);
        let is = |wanted: &Option<bool>, actual: bool| wanted.is_none_or(|wanted| wanted == actual);
        let longer = |wanted: &Option<f64>, us: u64| wanted.is_none_or(|wanted| us as f64 > wanted * 1e3);
        let tag = |tags: &[query::jaeger::Tag], (key, value): (&String, &String)| {
            tags.iter().any(|tag| tag.key == *key && tag.value.to_string() == *value)
        };
        let unanswered = || {
            node.side() == "client"
                && !node.children.iter().any(|child| tree.nodes[*child].side() == "server")
        };
        self.service.as_ref().is_none_or(|service| *service == node.service)
            && self.span.as_ref().is_none_or(|name| *name == node.span.operation_name)
            && longer(&self.longer_than_ms, node.span.duration_us)
            && longer(&self.own_time_ms, node.self_us())
            && self.status.is_none_or(|status| node.http_status() == Some(status))
            && is(&self.failed, node.is_error())
            && self.attributes.iter().all(|wanted| tag(&node.span.tags, wanted))
            && self.resource.iter().all(|wanted| tag(&node.resource, wanted))
            && is(&self.begins_trace, node.place == query::trace::Place::Root)
            && is(&self.parent_missing, matches!(node.place, query::trace::Place::Orphan { .. }))
            && self.unanswered.is_none_or(|wanted| wanted == unanswered())
            && is(&self.before_parent, parent.is_some_and(|parent| node.span.start_us < parent.span.start_us))
            && is(&self.after_parent, parent.is_some_and(|parent| node.span.end_us() > parent.span.end_us()))
    }
}

/// Whether a trace fits one of several.
#[must_use]
pub fn accepted(predicates: &[Predicate], tree: &Tree) -> bool {
    predicates.iter().any(|predicate| predicate.accepts(tree))
}

#[cfg(test)]
mod tests {
    use super::*;
    use query::jaeger::Trace;

    fn tree() -> Tree {
        let text = r#"{"traceID":"7","processes":{"p":{"serviceName":"stock","tags":[{"key":"service.version","type":"string","value":"2"}]}},
            "spans":[
            {"traceID":"7","spanID":"1","operationName":"GET /items","startTime":1000,"duration":500000,"processID":"p",
             "tags":[{"key":"span.kind","type":"string","value":"server"},{"key":"http.response.status_code","type":"int64","value":200}]},
            {"traceID":"7","spanID":"2","operationName":"acquire","startTime":900,"duration":400000,"processID":"p",
             "references":[{"refType":"CHILD_OF","traceID":"7","spanID":"1"}]}]}"#;
        let trace: Trace = serde_json::from_str(text).unwrap();
        query::trace::assemble(trace, Vec::new())
    }

    #[test]
    fn all_that_is_given_must_fit_one_span() {
        let span = |name: &str| Predicate { span: Some(name.to_owned()), ..Predicate::default() };
        assert!(span("acquire").accepts(&tree()));
        assert!(
            !Predicate { status: Some(200), ..span("acquire") }.accepts(&tree()),
            "that is the other span's"
        );
        assert!(Predicate { longer_than_ms: Some(399.0), ..span("acquire") }.accepts(&tree()));
        assert!(!Predicate { longer_than_ms: Some(400.0), ..span("acquire") }.accepts(&tree()));
        assert!(Predicate { before_parent: Some(true), ..span("acquire") }.accepts(&tree()));
        assert!(!Predicate { at_least: Some(2), ..span("acquire") }.accepts(&tree()));
        let version = [("service.version".to_owned(), "2".to_owned())].into();
        assert!(Predicate { resource: version, ..Predicate::default() }.accepts(&tree()));
        assert!(accepted(&[span("nothing"), span("acquire")], &tree()));
        assert!(!accepted(&[], &tree()));
    }

    #[test]
    fn a_parent_that_is_not_stored_is_missing() {
        let lost = Predicate { parent_missing: Some(true), ..Predicate::default() };
        assert!(!lost.accepts(&tree()), "all of it is there");
        let text = r#"{"traceID":"7","processes":{"p":{"serviceName":"stock"}},"spans":[
            {"traceID":"7","spanID":"2","operationName":"acquire","startTime":900,"duration":400000,"processID":"p",
             "references":[{"refType":"CHILD_OF","traceID":"7","spanID":"1"}]}]}"#;
        let trace: Trace = serde_json::from_str(text).unwrap();
        assert!(lost.accepts(&query::trace::assemble(trace, Vec::new())));
    }

    #[test]
    fn one_that_fits_everything_is_refused() {
        assert!(Predicate::default().check().is_err());
        assert!(Predicate { at_least: Some(3), ..Predicate::default() }.check().is_err());
        assert!(Predicate { failed: Some(true), at_least: Some(0), ..Predicate::default() }.check().is_err());
        assert!(Predicate { failed: Some(true), ..Predicate::default() }.check().is_ok());
    }
}
