//! A TCP relay that stands in the way of each link between two processes, and can make the link a bad one: late, narrow,
//! broken or silent. It knows bytes and connections, no HTTP and nobody's name.
//!
//! A link that nothing is asked of costs a copy of its bytes and nothing else: see `flow`. Two things differ from a direct
//! connection even then: where nobody listens at the target, the client's connection comes about and is then reset, and the
//! peer's port is the relay's.

mod condition;
mod control;
mod flow;
mod leases;
mod link;
mod network;
mod shape;

use network::Network;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long an open connection of the control listener may hold up the end.
const CLOSING: Duration = Duration::from_secs(2);

/// One link to begin with.
#[derive(Debug)]
pub struct Link {
    /// What the control listener calls it, such as `order-service>user-service`.
    pub name: String,
    /// Where it is entered.
    pub listener: TcpListener,
    /// Where it leads: `HOST:PORT`.
    pub target: String,
}

/// Carries the links' bytes and answers on `control` to those who send `token`, until `shutdown` resolves.
///
/// # Errors
/// When a link's name or target makes no sense or is there twice, or the control listener fails.
pub async fn run(
    links: Vec<Link>,
    control: TcpListener,
    token: &str,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let network = Arc::new(Network::default());
    for link in links {
        network.add(link)?;
    }
    let app = control::routes(Arc::clone(&network), token);
    let (over, ended) = tokio::sync::oneshot::channel::<()>();
    let closing = async move {
        shutdown.await;
        // Nobody waits any more when the listener has failed.
        let _ = over.send(());
    };
    let served = axum::serve(control, app).with_graceful_shutdown(closing);
    let late = async move {
        match ended.await {
            Ok(()) => tokio::time::sleep(CLOSING).await,
            Err(_) => std::future::pending().await,
        }
    };
    let served = tokio::select! {
        served = async { served.await } => served,
        () = late => Ok(()),
        () = network.end_leases() => Ok(()),
    };
    // A request of the control listener that is still open must not keep the links.
    network.close();
    Ok(served?)
}
