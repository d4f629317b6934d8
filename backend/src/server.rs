//! Serves one axum router on one listener, bounded: connections, time to ask for something, time of an exchange.
//! It knows nothing of the API it serves.

mod silent;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;
use unread::ReadOn;

use crate::Limits;
use silent::{Seat, Silent};

/// How long open exchanges may go on after shutdown was asked.
const DRAIN: Duration = Duration::from_secs(2);
/// Requests served at once on one HTTP/2 connection.
const STREAMS: u32 = 32;
/// Largest header list of an HTTP/2 request, in bytes.
const HEADERS: u32 = 16 * 1024;
/// An idle HTTP/2 connection is kept, as exporters need it, but asked after this whether the other side still lives.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// HTTP/2 without an upgrade, as gRPC speaks it.
    Http2,
}

/// Serves until `stop` is cancelled, then lets open exchanges finish for a short while and cuts those that do not.
pub(crate) async fn serve(
    listener: TcpListener,
    protocol: Protocol,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let router = router
        .layer(TimeoutLayer::with_status_code(http::StatusCode::SERVICE_UNAVAILABLE, limits.request_timeout));
    let server = Server {
        protocol,
        router,
        patience: limits.header_timeout,
        graceful: GracefulShutdown::new(),
        cut: CancellationToken::new(),
    };
    // Also when this future is dropped: no connection outlives its listener.
    let _cut = server.cut.clone().drop_guard();
    let places = Arc::new(Semaphore::new(limits.connections));
    let silent = Arc::new(Silent::default());
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of file descriptors, or a peer that left: the next accept may work again.
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let place = match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => Ok(place),
            Err(_) => {
                // Who has not asked for anything yet makes place for one that may.
                silent.close_oldest();
                tokio::select! {
                    () = stop.cancelled() => break,
                    place = Arc::clone(&places).acquire_owned() => place,
                }
            }
        };
        // Small answers leave at once; without it Nagle and delayed acks add 40 ms to each.
        let _ = stream.set_nodelay(true);
        let connection = server.connection(stream, silent.enter());
        tokio::spawn(async move {
            let _place = place;
            connection.await;
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, server.graceful.shutdown()).await;
}

struct Server {
    protocol: Protocol,
    router: Router,
    /// Longest a client may take to send a request head; over HTTP/2, its first one with the handshake.
    patience: Duration,
    graceful: GracefulShutdown,
    cut: CancellationToken,
}

impl Server {
    /// Serves one connection to its end, whichever side brings it.
    fn connection(&self, stream: TcpStream, seat: Seat) -> impl Future<Output = ()> + Send + 'static {
        let (asked, evicted) = (seat.asked.clone(), seat.evicted.clone());
        let router = TowerToHyperService::new(self.router.clone());
        let protocol = self.protocol;
        let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
            seat.ask();
            router.call(match protocol {
                Protocol::Http1 => ReadOn::within(request).map(Body::new),
                Protocol::Http2 => request.map(Body::new),
            })
        });
        let io = TokioIo::new(stream);
        // A broken connection is the client's matter and not worth a line.
        let served: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = match self.protocol {
            Protocol::Http1 => {
                // By this builder, as hyper's own has no graceful end where a connection may become a websocket.
                let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
                http.http1()
                    .timer(TokioTimer::new())
                    .header_read_timeout(self.patience)
                    .max_buf_size(64 * 1024);
                let served = http.serve_connection_with_upgrades(io, service).into_owned();
                let watched = self.graceful.watch(served);
                Box::pin(async { drop(watched.await) })
            }
            Protocol::Http2 => {
                let mut http = http2::Builder::new(TokioExecutor::new());
                http.timer(TokioTimer::new())
                    .max_concurrent_streams(STREAMS)
                    .max_header_list_size(HEADERS)
                    .keep_alive_interval(KEEP_ALIVE);
                let watched = self.graceful.watch(http.serve_connection(io, service));
                Box::pin(async { drop(watched.await) })
            }
        };
        let (cut, patience) = (self.cut.clone(), self.patience);
        let silent = async move {
            if tokio::time::timeout(patience, asked.cancelled()).await.is_ok() {
                std::future::pending::<()>().await;
            }
        };
        async move {
            tokio::select! {
                () = served => {}
                () = silent => {}
                () = evicted.cancelled() => {}
                () = cut.cancelled() => {}
            }
        }
    }
}
