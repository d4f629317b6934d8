//! Rules: over virtual time beside `promtool test rules`, and live beside a real Prometheus.

mod live;
mod offline;
