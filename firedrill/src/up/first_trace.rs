//! Waits for the first trace that can be read through the API, and for that of the first order, which `up` links to.

use std::time::{Duration, Instant};

use query::{Stack, TraceId, UnixNanos, Window, jaeger::SearchParams};

use crate::load_control::LoadControl;

/// Between two looks: short at the start, where a person waits, and longer the less likely it is that anything comes.
fn pause(waited: Duration) -> Duration {
    (waited / 20).clamp(Duration::from_millis(20), Duration::from_secs(2))
}

/// Waits until any trace of the traffic that began from now on can be read; how long that took.
pub(super) async fn any(stack: Stack) -> Duration {
    let (ready, since) = (Instant::now(), UnixNanos::now());
    // Every trace of the traffic begins in the load generator.
    let mut params = SearchParams::new("loadgen", Window { start: since, end: since });
    params.limit = 1;
    loop {
        params.window.end = UnixNanos::now();
        if stack.jaeger.search(&params).await.is_ok_and(|found| !found.is_empty()) {
            return ready.elapsed();
        }
        tokio::time::sleep(pause(ready.elapsed())).await;
    }
}

/// How long the first order's trace is waited for before that of any other does: sampling may keep it from ever coming.
const FIRST_ONE: Duration = Duration::from_secs(5);

/// Waits until the trace of the load generator's first order can be read, or that of one of the next.
pub(super) async fn of_an_order(load: LoadControl, stack: Stack) -> TraceId {
    let (ready, since) = (Instant::now(), UnixNanos::now());
    loop {
        let placed =
            load.status().await.ok().and_then(|s| s["first_trace_id"].as_str()?.parse::<TraceId>().ok());
        if let Some(trace_id) = placed
            && stack.jaeger.trace(trace_id).await.is_ok()
        {
            return trace_id;
        }
        if ready.elapsed() > FIRST_ONE
            && let Some(trace_id) = any_order(&stack, since).await
        {
            return trace_id;
        }
        tokio::time::sleep(pause(ready.elapsed())).await;
    }
}

/// An order that was placed and whose trace was kept.
async fn any_order(stack: &Stack, since: UnixNanos) -> Option<TraceId> {
    let mut params = SearchParams::new("order-service", Window { start: since, end: UnixNanos::now() });
    params.operation = Some("POST /orders".to_owned());
    params.tags.insert("http.response.status_code".to_owned(), "201".to_owned());
    params.limit = 1;
    stack.jaeger.search(&params).await.ok()?.first().map(|trace| trace.trace_id)
}
