//! What stands around every export: the longest it may take, what the receiver rejected of it, and one log line when
//! exports begin to fail and one when they work again.
//!
//! The SDK's retry loop looks at its time budget only between attempts; a receiver that accepts and never answers would
//! hold the pipeline's thread for ever.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tokio::runtime::Handle;

/// Watches the exports of one signal.
#[derive(Debug)]
pub(crate) struct Supervisor {
    signal: &'static str,
    /// Times the exports, because the calling thread has no timer.
    timer: Handle,
    limit: Duration,
    rejected: Arc<AtomicUsize>,
    failing: AtomicBool,
}

impl Supervisor {
    pub(crate) fn new(signal: &'static str, timer: Handle, limit: Duration) -> Supervisor {
        Supervisor { signal, timer, limit, rejected: Arc::default(), failing: AtomicBool::new(false) }
    }

    /// Where the transport writes the number of items an answer of partial success rejects.
    pub(crate) fn rejections(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.rejected)
    }

    /// Runs `export` of `items` no longer than the limit. Gives its result and how many items did not arrive.
    pub(crate) async fn run(
        &self,
        items: usize,
        export: impl Future<Output = OTelSdkResult>,
    ) -> (OTelSdkResult, usize) {
        self.rejected.store(0, Ordering::Relaxed);
        let limit = self.limit;
        // The sleep is made inside the task: this thread has no timer to make it with.
        let timer = self.timer.spawn(async move { tokio::time::sleep(limit).await });
        let stop = timer.abort_handle();
        let result = match select(pin!(export), timer).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(OTelSdkError::Timeout(limit)),
        };
        stop.abort();
        self.tell(&result);
        let lost = if result.is_ok() { self.rejected.load(Ordering::Relaxed) } else { items };
        (result, lost)
    }

    fn tell(&self, result: &OTelSdkResult) {
        let signal = self.signal;
        match result {
            Err(error) if !self.failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(signal, %error, "telemetry is lost: exports fail");
            }
            Ok(()) if self.failing.swap(false, Ordering::Relaxed) => {
                tracing::info!(signal, "exports work again");
            }
            _ => {}
        }
    }
}
