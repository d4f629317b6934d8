//! Log events as JSON lines on standard output: a tracing layer that formats, and a sink that writes from a thread of its
//! own, so that a reader that stalls or is gone never blocks or fails a request.

mod layer;
mod line;
mod sink;

pub(crate) use layer::JsonLayer;
pub(crate) use sink::Sink;
