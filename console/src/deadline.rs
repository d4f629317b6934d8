//! One limit for all the questions of a page, also for those that have to wait for an answer before they can be asked.
//!
//! It only stops waiting; each question has a limit of its own below this, which is that of its client.

use query::{Api, Error, ErrorKind};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// When a page stops waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    limit: Duration,
    end: Instant,
}

impl Deadline {
    /// So long from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self { limit, end: Instant::now() + limit }
    }

    /// The answer, or [`ErrorKind::Timeout`] about this API at this base URL.
    pub(crate) async fn ask<T>(
        self,
        (api, base): (Api, &str),
        asked: &str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = |_| Error {
            api,
            asked: asked.to_owned(),
            url: base.to_owned(),
            kind: ErrorKind::Timeout(self.limit),
        };
        timeout_at(self.end, answer).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }
}
