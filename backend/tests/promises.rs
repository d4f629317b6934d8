//! What the backend promises, over real sockets: one file per promise.

mod alertmanager;
mod bounds;
mod concurrency;
mod connections;
mod differential;
#[cfg(target_os = "linux")]
mod full_disk;
mod grpc;
mod harness;
mod hook;
mod jaeger_api;
mod kill;
#[cfg(target_os = "linux")]
mod large_answers;
mod logs;
mod malformed;
mod many_items;
mod metrics;
mod process;
mod refused_points;
mod remote;
mod remote_write;
mod restart;
mod retention;
mod rules;
mod sample_log;
mod scrape;
mod spans;
mod tail;
