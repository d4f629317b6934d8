//! Drills for programs: a listener on loopback over which one starts a drill, acts, asks for hints and answers. What there is to
//! see it asks the query APIs for, like everybody else.

mod bench;
mod routes;
mod serve;

pub(super) use bench::run as bench;
pub(super) use serve::run as serve;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use chassis::limits::HttpLimits;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{failure::Failure, home::Home, run_file};

/// The listener while it is served.
struct Listening {
    /// Its base address.
    url: String,
    /// Who holds it may do everything there.
    token: String,
    stop: CancellationToken,
    server: JoinHandle<usize>,
}

impl Listening {
    /// Binds a port of loopback, any when it is 0, and serves it.
    async fn start(home: &Home, port: u16) -> Result<Self, Failure> {
        let unbound = |e: std::io::Error| {
            Failure::environment(format!("cannot listen on port {port}: {e}; name another with --port"))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(unbound)?;
        let address: SocketAddr = listener.local_addr().map_err(unbound)?;
        let token = run_file::fresh_token();
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let (routes, ending) = (routes::routes(home.clone(), &token), stop.clone());
        let server = tokio::spawn(async move {
            let limits = HttpLimits {
                max_connections: 16,
                header_timeout: Duration::from_secs(10),
                drain_timeout: Duration::from_secs(1),
                ..HttpLimits::default()
            };
            chassis::serve::serve(listener, routes, &limits, stopped, ending.cancelled()).await
        });
        Ok(Self { url: format!("http://{address}"), token, stop, server })
    }

    /// Takes no request any more.
    async fn stop(self) {
        self.stop.cancel();
        // A panic in the task has closed the listener, too.
        let _ = self.server.await;
    }
}
