//! One span in the tree, with what is derived from it.

use super::gaps::Gap;
use crate::{
    LogEntry, SpanId, TraceId,
    jaeger::{ReferenceKind, Span, Tag, TagValue},
};

/// Why a span stands where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It has no parent.
    Root,
    /// It stands below its parent.
    Child,
    /// Its parent is not among the stored spans.
    Orphan {
        /// The absent parent.
        missing: SpanId,
    },
    /// It is its own ancestor; the earliest of the circle stands as if it were a root.
    Circle,
}

/// Which side of a call a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Puts a message somewhere.
    Producer,
    /// Takes a message.
    Consumer,
    /// Neither.
    Internal,
}

/// To a span of another trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The other trace.
    pub trace_id: TraceId,
    /// The span there.
    pub span_id: SpanId,
}

/// A span in the tree. Positions are indexes of [`super::Tree::nodes`].
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The span as it was stored.
    pub span: Span,
    /// The service that wrote it; empty if the answer does not say.
    pub service: String,
    /// The rest of what is known of the process that wrote it: version, instance.
    pub resource: Vec<Tag>,
    /// How many ancestors it has here.
    pub depth: usize,
    /// Why it stands here.
    pub place: Place,
    /// The position of its parent.
    pub parent: Option<usize>,
    /// The positions of its children, by their start.
    pub children: Vec<usize>,
    /// When it began, in microseconds since the trace began.
    pub offset_us: u64,
    /// When none of its children ran; the whole span if it has none.
    pub gaps: Vec<Gap>,
    /// The log lines written in it, by time.
    pub logs: Vec<LogEntry>,
}

impl Node {
    /// The time outside its children: the sum of its gaps.
    #[must_use]
    pub fn self_us(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.duration_us).sum()
    }

    /// Which side of a call it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.span.tag_text("span.kind").as_deref() {
            Some("server") => Kind::Server,
            Some("client") => Kind::Client,
            Some("producer") => Kind::Producer,
            Some("consumer") => Kind::Consumer,
            _ => Kind::Internal,
        }
    }

    /// Which side it is in one word, for people: `server`, `client`, `producer`, `consumer`, `internal`, or `db` for
    /// work in a database, whatever kind its library gives it.
    #[must_use]
    pub fn side(&self) -> &'static str {
        let database = || ["db.system.name", "db.system"].iter().any(|key| self.span.tag(key).is_some());
        match self.kind() {
            Kind::Server => "server",
            Kind::Client | Kind::Internal if database() => "db",
            Kind::Client => "client",
            Kind::Producer => "producer",
            Kind::Consumer => "consumer",
            Kind::Internal => "internal",
        }
    }

    /// Whether it failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        match self.span.tag("error") {
            Some(TagValue::Bool(error)) => *error,
            Some(TagValue::String(text)) => text == "true",
            _ => self.span.tag_text("otel.status_code").as_deref() == Some("ERROR"),
        }
    }

    /// What went wrong, in the span's own words, if it failed: its status description, its exception, its
    /// `error.type`, or the status of the answer.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        if !self.is_error() {
            return None;
        }
        let span = &self.span;
        let exception = || {
            let fields = span.logs.iter().flat_map(|log| &log.fields);
            let mut named =
                fields.filter(|tag| tag.key == "exception.message" || tag.key == "exception.type");
            named.next().map(|tag| tag.value.to_string())
        };
        let status = || span.tag("http.response.status_code").map(|code| format!("status {code}"));
        let text = span
            .tag_text("otel.status_description")
            .filter(|text| !text.is_empty())
            .or_else(|| span.tag_text("exception.message"))
            .or_else(exception)
            .or_else(|| span.tag_text("error.type").filter(|kind| kind.parse::<u16>().is_err()))
            .or_else(status);
        Some(text.unwrap_or_else(|| "error".to_owned()))
    }

    /// As [`Node::error_text`], but nothing where that only repeats the status of the answer.
    #[must_use]
    pub fn error_note(&self) -> Option<String> {
        let status = self.http_status().map(|code| format!("status {code}"));
        self.error_text().filter(|text| Some(text) != status.as_ref())
    }

    /// The status of the HTTP answer.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.span.tag_text("http.response.status_code")?.parse().ok()
    }

    /// Which repetition of a request it is; nothing for the first attempt.
    #[must_use]
    pub fn resend_count(&self) -> Option<u64> {
        let count = self.span.tag_text("http.request.resend_count")?.parse().ok();
        count.filter(|&count| count > 0)
    }

    /// The spans of other traces it points to.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        let own = self.span.trace_id;
        let foreign =
            self.span.references.iter().filter(move |r| {
                r.kind == ReferenceKind::FollowsFrom && r.trace_id != own && r.trace_id.0 != 0
            });
        foreign.map(|r| Link { trace_id: r.trace_id, span_id: r.span_id })
    }

    /// The selector of the series a server span is counted in; nothing for other spans.
    #[must_use]
    pub fn metric_selector(&self) -> Option<String> {
        if self.kind() != Kind::Server {
            return None;
        }
        let method = self.span.tag_text("http.request.method")?;
        let route = self.span.tag_text("http.route").unwrap_or_else(|| "<unknown>".to_owned());
        let labels = [
            ("service", self.service.clone()),
            ("method", method),
            ("route", route),
            ("status", self.http_status()?.to_string()),
        ];
        let labels = labels.map(|(name, value)| format!("{name}={}", crate::quoted(&value)));
        Some(format!("http_server_request_duration_seconds_count{{{}}}", labels.join(",")))
    }
}
