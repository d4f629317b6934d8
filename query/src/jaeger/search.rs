//! What to search traces by.

use crate::{Labels, Window};
use std::time::Duration;

/// A search: all that is given must fit one span of the trace.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchParams {
    /// The service of the span. The API requires it.
    pub service: String,
    /// The span's name.
    pub operation: Option<String>,
    /// Tags of the span, compared as text. Jaeger's memory storage finds nothing by `error`: search by
    /// `http.response.status_code` instead.
    pub tags: Labels,
    /// When the span began.
    pub window: Window,
    /// At most this many traces.
    pub limit: usize,
    /// The span took at least this long.
    pub min_duration: Option<Duration>,
    /// The span took at most this long.
    pub max_duration: Option<Duration>,
}

impl SearchParams {
    /// At most 20 traces of one service in a window; the other conditions are fields.
    #[must_use]
    pub fn new(service: &str, window: Window) -> Self {
        let service = service.to_owned();
        let tags = Labels::new();
        Self { service, operation: None, tags, window, limit: 20, min_duration: None, max_duration: None }
    }

    pub(super) fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("service", self.service.clone()),
            ("start", self.window.start.micros().to_string()),
            ("end", self.window.end.micros().to_string()),
            ("limit", self.limit.to_string()),
        ];
        pairs.extend(self.operation.iter().map(|name| ("operation", name.clone())));
        if !self.tags.is_empty() {
            let tags = self.tags.iter().map(|(key, value)| (key.clone(), value.clone().into()));
            pairs.push(("tags", serde_json::Value::Object(tags.collect()).to_string()));
        }
        // Go's durations; microseconds are the API's grain.
        let micros = |d: Duration| format!("{}us", d.as_micros());
        pairs.extend(self.min_duration.map(|d| ("minDuration", micros(d))));
        pairs.extend(self.max_duration.map(|d| ("maxDuration", micros(d))));
        pairs
    }
}
