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
pub use network::Refused;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long an open connection of the control listener may hold up the end.
const CLOSING: Duration = Duration::from_secs(2);

/// The links that one process carries. Clones are of the same ones.
#[derive(Clone, Debug, Default)]
pub struct Relay(Arc<Network>);

impl Relay {
    /// Carries what is sent to a free loopback port, which is returned, to `target`, `HOST:PORT`. The control listener calls the
    /// link by its name, such as `order-service>user-service`.
    ///
    /// # Errors
    /// When name or target makes no sense, the name is taken, there are too many links, or no port is free.
    pub async fn link(&self, name: &str, target: String) -> Result<SocketAddr, Refused> {
        self.0.bind(name, target).await
    }

    /// Takes a link away with its connections, its condition and the leases of it; one that is not there stays away.
    pub fn unlink(&self, name: &str) {
        drop(self.0.remove(name));
    }

    /// Answers on `control` to those who send `token`, and ends leases as they run out, until `shutdown` resolves. Then the
    /// links are gone.
    ///
    /// # Errors
    /// When the control listener fails.
    pub async fn serve(
        &self,
        control: TcpListener,
        token: &str,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let app = control::routes(Arc::clone(&self.0), token);
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
            () = self.0.end_leases() => Ok(()),
        };
        // A request of the control listener that is still open must not keep the links.
        self.0.close();
        Ok(served?)
    }
}
