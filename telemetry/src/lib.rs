//! Traces, logs and metrics for every Firedrill process: set-up, propagation, correlation id, HTTP and database instrumentation, drain.
