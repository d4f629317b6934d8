//! From the relay's queue to the real Loki: waiting batches merged into one push, each push under a time-out, a few repeats
//! where they can help, and a count of what did not arrive.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::push::Batch;
use crate::export::bare_client;
use crate::pipeline::Budget;

/// Pause before the first repeat; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Sends to one Loki.
pub(super) struct Forward {
    client: reqwest::Client,
    url: String,
    timeout: Duration,
    batch: usize,
    budget: Arc<Budget>,
}

enum Attempt {
    Arrived,
    Refused,
    Repeat,
}

impl Forward {
    pub(super) fn new(
        url: &str,
        timeout: Duration,
        batch: usize,
        budget: Arc<Budget>,
    ) -> reqwest::Result<Forward> {
        let url = format!("{}/loki/api/v1/push", url.trim_end_matches('/'));
        Ok(Forward { client: bare_client(timeout)?, url, timeout, batch, budget })
    }

    /// Sends until the queue is closed and empty.
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Batch>) {
        while let Some(mut batch) = waiting.recv().await {
            while batch.entries < self.batch {
                let Ok(more) = waiting.try_recv() else { break };
                batch.append(more);
            }
            let arrived = self.push(&batch).await;
            self.budget.done(batch.entries, if arrived { 0 } else { batch.entries });
        }
    }

    /// Whether `batch` arrived, repeats included, within the time-out.
    async fn push(&self, batch: &Batch) -> bool {
        let Ok(body) = batch.compressed() else { return false };
        let body = bytes::Bytes::from(body);
        let deadline = Instant::now() + self.timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            match timeout_at(deadline, self.attempt(body.clone())).await {
                Ok(Attempt::Arrived) => return true,
                Ok(Attempt::Repeat) if Instant::now() + pause < deadline => sleep(pause).await,
                Ok(_) | Err(_) => return false,
            }
            pause *= 2;
        }
    }

    async fn attempt(&self, body: bytes::Bytes) -> Attempt {
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .body(body);
        match request.send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => Attempt::Arrived,
            Ok(status) if status.is_server_error() || status.as_u16() == 429 => Attempt::Repeat,
            Ok(_) => Attempt::Refused,
            Err(_) => Attempt::Repeat,
        }
    }
}
