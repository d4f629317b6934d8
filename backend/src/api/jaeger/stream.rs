//! Answers with traces: a few are read and written at a time, as fast as the client takes them, so that an answer of any size
//! takes little memory. What fails after the first few cuts the connection, so that nobody takes a part for the whole.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;

use super::json::{trace, trace_id};
use super::{JaegerError, otlp};
use crate::Backend;
use crate::store::spans::StoredSpan;

/// About so many spans are held at once for one answer.
const SPANS: usize = 1000;
/// Most traces that are read at once.
const TRACES: usize = 64;
/// An answer of fewer bytes is sent whole, with its length, and fails with a status.
const SMALL: usize = 256 << 10;

/// What an answer's traces are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Jaeger's own model. Traces that are gone are left out.
    Jaeger,
    /// The same of traces that were asked for by their ids: those that are not there are told.
    Asked,
    /// OTLP, as the third version answers.
    Otlp,
}

/// An answer on its way. Its first traces are read.
pub(super) struct Traces {
    backend: Arc<Backend>,
    shape: Shape,
    raw: bool,
    /// Those that are still to be read.
    ids: std::vec::IntoIter<[u8; 16]>,
    /// How many are read at once.
    portion: usize,
    found: usize,
    missing: Vec<[u8; 16]>,
    /// When the whole exchange has to be over.
    until: Instant,
    text: Vec<u8>,
}

impl Traces {
    /// Reads the first of the traces, in the order of their ids.
    ///
    /// # Errors
    /// They cannot be read, or not in time.
    pub(super) async fn begin(
        backend: &Arc<Backend>,
        ids: Vec<[u8; 16]>,
        shape: Shape,
        raw: bool,
    ) -> Result<Self, JaegerError> {
        let head = match shape {
            Shape::Jaeger | Shape::Asked => r#"{"data":["#,
            Shape::Otlp => r#"{"result":{"resourceSpans":["#,
        };
        let mut traces = Self {
            backend: Arc::clone(backend),
            shape,
            raw,
            ids: ids.into_iter(),
            portion: 1,
            found: 0,
            missing: Vec::new(),
            until: Instant::now() + backend.config.limits.request_timeout,
            text: head.into(),
        };
        while traces.text.len() < SMALL && traces.ids.len() > 0 {
            traces.read().await?;
        }
        if traces.ids.len() == 0 {
            traces.end();
        }
        Ok(traces)
    }

    /// Whether none of the traces is there.
    pub(super) fn is_empty(&self) -> bool {
        self.found == 0
    }

    /// Sends what is read, and goes on with the rest.
    pub(super) fn respond(mut self) -> Response {
        let first = Bytes::from(std::mem::take(&mut self.text));
        let body = if self.ids.len() == 0 {
            Body::from(first)
        } else {
            let rest = stream::try_unfold(self, |mut traces| async move {
                if traces.ids.len() == 0 {
                    return Ok(None);
                }
                if let Err(JaegerError(_, why)) = traces.read().await {
                    tracing::warn!(why, "an answer with traces is cut short");
                    return Err(io::Error::other(why));
                }
                if traces.ids.len() == 0 {
                    traces.end();
                }
                let text = Bytes::from(std::mem::take(&mut traces.text));
                Ok(Some((text, traces)))
            });
            Body::from_stream(stream::once(async { Ok(first) }).chain(rest))
        };
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }

    /// Reads and writes the next few. A place for a query is held for these alone, so that clients who take their answers
    /// slowly do not stand in the way of others.
    async fn read(&mut self) -> Result<(), JaegerError> {
        let ids: Vec<[u8; 16]> = self.ids.by_ref().take(self.portion).collect();
        let (shared, shape, raw, mut text) =
            (Arc::clone(&self.backend), self.shape, self.raw, std::mem::take(&mut self.text));
        let mut found = self.found;
        let left = self.until.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let read = move |deadline| {
            let traces = shared.store.traces(&ids, deadline)?;
            let (mut spans, mut missing) = (0, Vec::new());
            for (id, trace) in ids.into_iter().zip(traces) {
                if trace.is_empty() {
                    missing.push(id);
                    continue;
                }
                spans += trace.len();
                write(&mut text, found == 0, shape, raw, &trace)?;
                found += 1;
            }
            Ok::<_, JaegerError>((text, found, missing, spans))
        };
        let (text, now_found, missing, spans) = self.backend.gate.run(Some(left), read).await??;
        let each = spans / (now_found - self.found).max(1);
        self.portion = (SPANS / each.max(1)).clamp(1, TRACES.min(self.portion * 4));
        self.text = text;
        self.found = now_found;
        if self.shape == Shape::Asked {
            self.missing.extend(missing);
        }
        Ok(())
    }

    /// What stands behind the traces.
    fn end(&mut self) {
        if self.shape == Shape::Otlp {
            self.text.extend_from_slice(b"]}}");
            return;
        }
        let missing =
            self.missing.iter().map(|id| json!({"msg": "trace not found", "traceID": trace_id(id)}));
        let errors: Option<Vec<_>> = (!self.missing.is_empty()).then(|| missing.collect());
        let end = format!(r#"],"total":0,"limit":0,"offset":0,"errors":{}}}"#, json!(errors));
        self.text.extend_from_slice(end.as_bytes());
    }
}

fn write(
    text: &mut Vec<u8>,
    is_first: bool,
    shape: Shape,
    raw: bool,
    spans: &[StoredSpan],
) -> Result<(), JaegerError> {
    if shape != Shape::Otlp {
        return put(text, is_first, &trace(spans, raw));
    }
    for (at, resource) in otlp::resource_spans(spans, raw).iter().enumerate() {
        put(text, is_first && at == 0, resource)?;
    }
    Ok(())
}

fn put(text: &mut Vec<u8>, is_first: bool, item: &impl Serialize) -> Result<(), JaegerError> {
    if !is_first {
        text.push(b',');
    }
    serde_json::to_writer(text, item).map_err(|error| {
        JaegerError(StatusCode::INTERNAL_SERVER_ERROR, format!("the trace cannot be written: {error}"))
    })
}
