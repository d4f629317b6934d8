//! What the commands that send requests have in common with the load generator: they find the services as it does, their root
//! spans go where the services' spans go, and what they count is scraped for as long as they send.

pub mod targets;
pub mod telemetry;

use std::{net::Ipv4Addr, sync::Arc};

use loadgen::{Meter, client::Targets};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{failure::Failure, run_file::RunFile};
use targets::Followed;

/// One who sends. Dropped without an end, it is forgotten within seconds.
#[derive(Debug)]
pub struct Sender {
    /// Counts what is sent, for the options of a run.
    pub meter: Arc<Meter>,
    followed: Followed,
    telemetry: ::telemetry::Telemetry,
    _metrics: AbortOnDropHandle<()>,
}

impl Sender {
    /// For the services of the running stack.
    pub async fn start(run: &RunFile) -> Result<Self, Failure> {
        Self::of(run, targets::follow(run).await?).await
    }

    /// One who follows the services already.
    pub async fn of(run: &RunFile, followed: Followed) -> Result<Self, Failure> {
        let telemetry = telemetry::start(run)?;
        let meter = Arc::new(Meter::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener =
            listener.map_err(|e| Failure::environment(format!("no port for metrics can be had: {e}")))?;
        let port = listener.local_addr().map_err(anyhow::Error::from)?.port();
        let routes = Arc::clone(&meter).routes(telemetry.metrics().clone());
        let served = async move { drop(axum::serve(listener, routes).await) };
        let metrics = AbortOnDropHandle::new(tokio::spawn(served));
        followed.scraped_at(port);
        Ok(Self { meter, followed, telemetry, _metrics: metrics })
    }

    /// Where requests go.
    #[must_use]
    pub fn targets(&self) -> Targets {
        self.followed.targets.clone()
    }

    /// Exports what is still on its way, and takes leave.
    pub async fn end(self) {
        self.telemetry.shutdown().await;
        self.followed.leave().await;
    }
}
