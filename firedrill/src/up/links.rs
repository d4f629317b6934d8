//! The listener on which the links between the processes are looked at and changed, for whoever holds the token of `run.json`.

use std::net::{Ipv4Addr, SocketAddr};

use loadgen::relay::Relay;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// The listener while it is served.
#[derive(Debug)]
pub(super) struct Links {
    /// Where it listens.
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<anyhow::Result<()>>,
}

impl Links {
    /// Binds a free port of loopback and serves it.
    pub(super) async fn start(relay: Relay, token: &str) -> Result<Self, Failure> {
        let unbound = |e| Failure::environment(format!("cannot listen for the links of the stack: {e}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        let (stop, token) = (CancellationToken::new(), token.to_owned());
        let stopped = stop.clone().cancelled_owned();
        let server = tokio::spawn(async move { relay.serve(listener, &token, stopped).await });
        Ok(Self { address, stop, server })
    }

    /// Takes no request any more, and takes the links away.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        // A listener that has failed has closed its links, too.
        let _ = self.server.await;
    }
}
