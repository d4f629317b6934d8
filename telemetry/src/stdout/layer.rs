//! The tracing layer: each event with time, level, service, target, the ids of the active span and the correlation id.

use std::cell::RefCell;

use opentelemetry::Context as OtelContext;
use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Sink;
use super::line::Line;
use crate::controls::Controls;
use crate::correlation::CorrelationId;
use crate::names::{CORRELATION_ID_LOG, SPAN_ID_LOG, TRACE_ID_LOG};

/// Capacity a thread's line buffer may keep from one event to the next.
const MAX_KEPT: usize = 64 * 1024;

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes each event to a [`Sink`] as one JSON object.
#[derive(Debug)]
pub(crate) struct JsonLayer {
    pub(crate) service: String,
    pub(crate) controls: Controls,
    pub(crate) sink: Sink,
}

impl<S: Subscriber> Layer<S> for JsonLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        LINE.with(|buffer| {
            // An event raised while a value of an event is formatted finds the buffer taken and uses one of its own.
            match buffer.try_borrow_mut() {
                Ok(mut buffer) => {
                    self.write(event, &mut buffer);
                    if buffer.capacity() > MAX_KEPT {
                        *buffer = Vec::new();
                    }
                }
                Err(_) => self.write(event, &mut Vec::new()),
            }
        });
    }
}

impl JsonLayer {
    fn write(&self, event: &Event<'_>, buffer: &mut Vec<u8>) {
        buffer.clear();
        let metadata = event.metadata();
        let mut line = Line::begin(buffer);
        let now = self.controls.shown(std::time::SystemTime::now());
        let now = jiff::Timestamp::try_from(now).unwrap_or_else(|_| jiff::Timestamp::now());
        line.plain("timestamp", format_args!("{now:.6}"));
        line.plain("level", metadata.level());
        line.text("service", &self.service);
        line.text("target", metadata.target());
        OtelContext::map_current(|context| {
            let span = context.span();
            if span.span_context().is_valid() {
                line.plain(TRACE_ID_LOG, span.span_context().trace_id());
                line.plain(SPAN_ID_LOG, span.span_context().span_id());
            }
            if let Some(id) = CorrelationId::of(context) {
                line.text(CORRELATION_ID_LOG, id.as_str());
            }
        });
        event.record(&mut line);
        line.end();
        self.sink.push(buffer);
    }
}
