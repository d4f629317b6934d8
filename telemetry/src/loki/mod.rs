//! Logs straight to Loki through tracing-loki, fenced in.
//!
//! tracing-loki drops silently when its channel of 512 is full, keeps a queue without a bound while Loki fails, and has no
//! time-out, so that a hung Loki means growth without end and a shutdown that never comes. Here it talks to a relay in this
//! process, which answers at once, and a gate in front of it admits no more events than channel and relay can hold. So its
//! own queue never grows, every loss is counted, and the way to the real Loki has a time-out.
//!
//! ```text
//! event -> gate -> tracing-loki -> relay (loopback) -> bounded queue -> Loki
//!           |        <= HANDOFF      counts, releases      <= the log queue's capacity in all
//!           +-- no place: counted as dropped
//! ```

mod forward;
mod gate;
mod push;
mod relay;
mod stamp;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing_loki::BackgroundTaskController;

use crate::config::Config;
use crate::export::ExportRuntime;
use crate::pipeline::Budget;

pub(crate) use gate::Gate;

/// Most events inside tracing-loki: fewer than its channel's 512 slots, so that it never drops by itself.
const HANDOFF: usize = 480;

/// Why logs cannot go to Loki.
#[derive(Debug, thiserror::Error)]
pub enum LokiError {
    /// The relay's socket.
    #[error("cannot open the log relay on 127.0.0.1: {0}")]
    Relay(#[from] std::io::Error),
    /// The HTTP client.
    #[error("cannot build the HTTP client for Loki: {0}")]
    Client(#[from] reqwest::Error),
    /// tracing-loki refused its settings.
    #[error("cannot set up tracing-loki: {0}")]
    Setup(#[from] tracing_loki::Error),
}

/// The running way to Loki.
pub(crate) struct Shipper {
    controller: BackgroundTaskController,
    background: JoinHandle<()>,
    relay: JoinHandle<()>,
    forward: JoinHandle<()>,
}

impl std::fmt::Debug for Shipper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shipper")
    }
}

/// Starts relay, forwarder and tracing-loki on `runtime`; events come in through the gate.
pub(crate) fn start(
    config: &Config,
    url: &str,
    timeout: Duration,
    runtime: &ExportRuntime,
    budget: Arc<Budget>,
) -> Result<(Gate<tracing_loki::Layer>, Shipper), LokiError> {
    let inside = Arc::new(AtomicUsize::new(0));
    // Each batch holds at least one admitted event, so this queue cannot fill up before the budget does.
    let (batches, waiting) = mpsc::channel(config.log_queue.capacity);
    let relay = relay::Relay::new(batches, Arc::clone(&inside), Arc::clone(&budget));
    let token = relay.token().to_owned();
    let _here = runtime.handle().enter();
    let (address, relay) = relay.start()?;
    let (layer, controller, task) = tracing_loki::builder()
        .label("service_name", &config.service_name)?
        .http_header(relay::TOKEN_HEADER, token)?
        .build_controller_url(
            tracing_loki::url::Url::parse(&format!("http://{address}/")).map_err(std::io::Error::other)?,
        )?;
    let forward = forward::Forward::new(url, timeout, config.log_queue.batch, Arc::clone(&budget))?;
    let shipper = Shipper {
        controller,
        background: tokio::spawn(task),
        relay,
        forward: tokio::spawn(forward.run(waiting)),
    };
    Ok((Gate::new(layer, inside, budget), shipper))
}

impl Shipper {
    /// Sends what is queued, no longer than `limit`; what is left then is still held in the budget.
    pub(crate) fn drain(self, runtime: &ExportRuntime, limit: Duration) {
        runtime.wait(limit, async move {
            self.controller.shutdown().await;
            // These tasks end by themselves; a panic in one is an end, too.
            let _ = self.background.await;
            // The relay holds the sender of the queue: when it goes, the forwarder sends the rest and ends.
            self.relay.abort();
            let _ = self.relay.await;
            let _ = self.forward.await;
        });
    }
}
