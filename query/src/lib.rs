//! Typed clients of the Prometheus, Loki and Jaeger HTTP APIs.
