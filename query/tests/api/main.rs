//! The clients over a socket, against small servers that answer as the real ones do, and the tree of a trace.

#![expect(clippy::unwrap_used, reason = "in helpers of tests, too, a panic is the way to fail")]

mod correlation;
mod jaeger;
mod loki;
mod prometheus;
mod stub;
mod transport;
mod tree;
