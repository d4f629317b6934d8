//! The embedded telemetry backend: OTLP, Loki push and scrape in; the Prometheus, Loki and Jaeger query APIs out.
