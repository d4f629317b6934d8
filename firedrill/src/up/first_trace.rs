//! Waits until the trace of the first order can be read through the API.

use std::time::{Duration, Instant};

use query::{Stack, TraceId};

use crate::load_control::LoadControl;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A trace that can be read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Its id.
    pub(super) trace_id: TraceId,
    /// How long after the stack was ready.
    pub(super) after: Duration,
}

/// Waits for the first order that the load generator placed; without traffic, for ever.
pub(super) async fn wait(load: Option<LoadControl>, stack: Stack, ready: Instant) -> Seen {
    let Some(load) = load else { return std::future::pending().await };
    loop {
        let placed =
            load.status().await.ok().and_then(|s| s["first_trace_id"].as_str()?.parse::<TraceId>().ok());
        if let Some(trace_id) = placed
            && stack.jaeger.trace(trace_id).await.is_ok()
        {
            return Seen { trace_id, after: ready.elapsed() };
        }
        tokio::time::sleep(PAUSE).await;
    }
}
