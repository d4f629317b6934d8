//! The longest an export may take. The SDK's retry loop looks at its time budget only between attempts; a receiver that
//! accepts and never answers would hold the pipeline's thread for ever.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tokio::runtime::Handle;

/// A limit on each export, timed by the export runtime because the caller's thread has none. Also carries what the receiver
/// said it rejected, from the transport to the books.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    timer: Handle,
    limit: Duration,
    rejected: Arc<AtomicUsize>,
}

impl Deadline {
    pub(crate) fn new(timer: Handle, limit: Duration) -> Deadline {
        Deadline { timer, limit, rejected: Arc::default() }
    }

    /// Where the transport writes the number of items rejected by an answer of partial success.
    pub(crate) fn rejections(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.rejected)
    }

    /// `export`, or an error when it takes longer than the limit.
    pub(crate) async fn run(&self, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
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
        result
    }

    /// How many of `items` did not arrive, after [`Deadline::run`] gave `result`.
    pub(crate) fn rejected(&self, result: &OTelSdkResult, items: usize) -> usize {
        if result.is_ok() { self.rejected.load(Ordering::Relaxed) } else { items }
    }
}
