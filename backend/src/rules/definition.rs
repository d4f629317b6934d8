//! Rules as they are defined: what a file says of them, read and understood.

use std::sync::Arc;

use crate::promql::Query;
use crate::template::Template;

/// A group: its rules are evaluated one after the other, at one moment.
#[derive(Debug)]
pub(crate) struct Group {
    /// The path of the file that it stands in.
    pub(crate) file: Arc<str>,
    pub(crate) name: Arc<str>,
    /// Milliseconds between two evaluations, where it has its own.
    pub(crate) interval_ms: Option<i64>,
    /// How far back in time its queries look.
    pub(crate) query_offset_ms: i64,
    /// Most series or alerts that one rule may make; 0 is no bound.
    pub(crate) limit: usize,
    pub(crate) rules: Vec<Rule>,
}

impl Group {
    /// Its name in metrics: the file, and its own.
    pub(crate) fn key(&self) -> String {
        format!("{};{}", self.file, self.name)
    }

    /// Whether the two say the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let of = |g: &Self| (g.interval_ms, g.query_offset_ms, g.limit);
        of(self) == of(other)
            && self.rules.len() == other.rules.len()
            && self.rules.iter().zip(&other.rules).all(|(a, b)| a.is_same(b))
    }
}

/// A rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Of the series that it records, or of the alert.
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) query: Query,
    /// The query as Prometheus shows it: on one line.
    pub(crate) shown: String,
    /// Sorted by name, those of its group among them.
    pub(crate) labels: Vec<(Arc<str>, Text)>,
    /// Where it stands in its file.
    pub(crate) line: usize,
}

impl Rule {
    pub(crate) fn alert(&self) -> Option<&Alert> {
        match &self.kind {
            Kind::Record => None,
            Kind::Alert(alert) => Some(alert),
        }
    }

    /// The labels as they are written, each a name and a value.
    pub(crate) fn written_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, text)| (&**name, text.source()))
    }

    fn is_same(&self, other: &Self) -> bool {
        let kinds = match (&self.kind, &other.kind) {
            (Kind::Record, Kind::Record) => true,
            (Kind::Alert(a), Kind::Alert(b)) => {
                a.hold_ms == b.hold_ms
                    && a.keep_firing_ms == b.keep_firing_ms
                    && written(&a.annotations) == written(&b.annotations)
            }
            _ => false,
        };
        kinds
            && self.name == other.name
            && self.query.text() == other.query.text()
            && written(&self.labels) == written(&other.labels)
    }
}

fn written(texts: &[(Arc<str>, Text)]) -> Vec<(&str, &str)> {
    texts.iter().map(|(name, text)| (&**name, text.source())).collect()
}

/// What a rule makes.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Series.
    Record,
    /// Alerts.
    Alert(Alert),
}

/// What an alerting rule has beside its query.
#[derive(Debug)]
pub(crate) struct Alert {
    /// How long the query must hold before the alert fires.
    pub(crate) hold_ms: i64,
    /// How long it goes on firing after the query has ended to hold.
    pub(crate) keep_firing_ms: i64,
    /// Sorted by name.
    pub(crate) annotations: Vec<(Arc<str>, Text)>,
}

/// The value of a label or an annotation.
#[derive(Debug)]
pub(crate) enum Text {
    Plain(String),
    Template(Template),
}

impl Text {
    /// As it is written.
    pub(crate) fn source(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Template(template) => template.source(),
        }
    }

    /// The value that it always has.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Template(_) => None,
        }
    }
}
