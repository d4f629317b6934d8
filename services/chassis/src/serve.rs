//! Accepting connections within bounds, and draining under a deadline.
//!
//! `axum::serve` is not used: it has no time-out for request heads, no bound on connections and no deadline for the drain.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use unread::ReadOn;

use crate::limits::HttpLimits;
use crate::settings::Access;

/// Where a service is reached.
#[derive(Debug)]
pub struct Listeners {
    /// The public API.
    pub public: TcpListener,
    /// The settings; without it they stay as they were left.
    pub settings: Option<Access>,
}

impl From<TcpListener> for Listeners {
    fn from(public: TcpListener) -> Self {
        Self { public, settings: None }
    }
}

/// How long accepting pauses when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` resolves; then `draining` is cancelled, no connection is accepted any more, and requests in
/// flight have the drain time-out to finish. Returns how many connections were cut off by that deadline.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &HttpLimits,
    draining: CancellationToken,
    shutdown: impl Future<Output = ()> + Send,
) -> usize {
    let connections = TaskTracker::new();
    let cut_off = CancellationToken::new();
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                let (router, draining, cut_off) = (router.clone(), draining.clone(), cut_off.clone());
                let header_timeout = limits.header_timeout;
                connections.spawn(async move {
                    tokio::select! {
                        () = connection(stream, peer, router, header_timeout, draining) => {}
                        () = cut_off.cancelled() => {}
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    draining.cancel();
    connections.close();
    if tokio::time::timeout(limits.drain_timeout, connections.wait()).await.is_ok() {
        return 0;
    }
    let left = connections.len();
    cut_off.cancel();
    connections.wait().await;
    left
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Small answers in several writes would otherwise wait for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Duration,
    draining: CancellationToken,
) {
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let mut request = ReadOn::within(request).map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(64 << 10);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = &mut connection => outcome,
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // A client that went away is its own business; the request it left unanswered has its span and its line.
        tracing::debug!(error = %error, "connection ended");
    }
}
