//! Spans and logs are bounded by size and by age; the oldest go first.

use std::time::Duration;

use crate::harness::{TestBackend, export, span, text};

/// Spans that do not compress.
pub(crate) fn bulky(trace: u8) -> Vec<opentelemetry_proto::tonic::trace::v1::Span> {
    let mut state = u64::from(trace) + 1;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}")
    };
    (1..=200)
        .map(|id| {
            let mut span = span(trace, id, None, "bulk");
            span.attributes.push(text("noise", &(0..60).map(|_| noise()).collect::<String>()));
            span
        })
        .collect()
}

#[tokio::test]
async fn the_oldest_spans_go_when_the_store_is_full() {
    let max = 1 << 20;
    let backend = TestBackend::with(|c| c.max_bytes = max).await;
    for trace in 1..=30 {
        backend.send(&export("shop", bulky(trace))).await;
    }
    backend
        .until("the store is within its bound", || async {
            backend.metric("backend_segments_dropped_total").await > 0.0
                && backend.metric("backend_stored_bytes").await <= 1.3 * max as f64
        })
        .await;
    let status = |trace: u8| {
        let path = format!("/api/traces/{}", format!("{trace:02x}").repeat(16));
        let backend = &backend;
        async move { backend.get(&backend.jaeger, &path).await.status().as_u16() }
    };
    assert_eq!(status(1).await, 404);
    assert_eq!(status(30).await, 200);
    let on_disk: u64 = crate::bounds::segments(&backend.data_dir())
        .iter()
        .map(|p| p.metadata().map_or(0, |m| m.len()))
        .sum();
    assert!(on_disk <= 2 * max, "{on_disk}");
}

#[tokio::test]
async fn old_spans_go_by_age() {
    let backend = TestBackend::with(|c| c.retention = Duration::from_secs(1)).await;
    backend.send(&export("shop", vec![span(1, 1, None, "old")])).await;
    backend
        .until("the span is gone", || async {
            backend.get(&backend.jaeger, &format!("/api/traces/{}", "01".repeat(16))).await.status() == 404
        })
        .await;
    // Counted after the file has gone.
    backend
        .until("it is counted", || async { backend.metric("backend_segments_dropped_total").await >= 1.0 })
        .await;
}

#[tokio::test]
async fn a_file_that_somebody_deleted_does_not_stop_retention() {
    let max = 1 << 20;
    let backend = TestBackend::with(|c| c.max_bytes = max).await;
    let mut trace = 0;
    while backend.metric("backend_segments").await < 2.0 {
        trace += 1;
        backend.send(&export("shop", bulky(trace))).await;
    }
    let oldest = crate::bounds::segments(&backend.data_dir()).remove(0);
    std::fs::remove_file(oldest).expect("deleted");
    for trace in trace + 1..trace + 30 {
        backend.send(&export("shop", bulky(trace))).await;
    }
    backend
        .until("the store is within its bound", || async {
            backend.metric("backend_segments_dropped_total").await > 1.0
                && backend.metric("backend_stored_bytes").await <= 1.3 * max as f64
        })
        .await;
}
