//! A service that is told to stop takes no new connection, finishes what it has, and cuts off what takes too long.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chassis::limits::HttpLimits;
use chassis::serve::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

struct Server {
    address: std::net::SocketAddr,
    entered: Arc<Notify>,
    finish: Arc<Notify>,
    stop: oneshot::Sender<()>,
    draining: CancellationToken,
    ended: tokio::task::JoinHandle<usize>,
}

/// A server whose one route answers when it is let.
async fn server(limits: HttpLimits) -> Server {
    let (entered, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let route = {
        let (entered, finish) = (Arc::clone(&entered), Arc::clone(&finish));
        get(move || {
            let (entered, finish) = (Arc::clone(&entered), Arc::clone(&finish));
            async move {
                entered.notify_one();
                finish.notified().await;
                "done"
            }
        })
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let draining = CancellationToken::new();
    let router = Router::new().route("/", route);
    let ended = tokio::spawn({
        let draining = draining.clone();
        async move { serve(listener, router, &limits, draining, async { drop(stopped.await) }).await }
    });
    Server { address, entered, finish, stop, draining, ended }
}

async fn request(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    stream
}

async fn read_all(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_its_connection_closed() {
    let server = server(HttpLimits::default()).await;
    let stream = request(server.address).await;
    server.entered.notified().await;
    server.stop.send(()).unwrap();
    server.draining.cancelled().await;
    assert!(TcpStream::connect(server.address).await.is_err(), "no new connection is taken");
    server.finish.notify_one();
    let answer = read_all(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert_eq!(server.ended.await.unwrap(), 0);
}

#[tokio::test]
async fn a_request_that_outlasts_the_deadline_is_cut_off() {
    let limits = HttpLimits { drain_timeout: Duration::from_millis(20), ..HttpLimits::default() };
    let server = server(limits).await;
    let stream = request(server.address).await;
    server.entered.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), 1);
    assert_eq!(read_all(stream).await, "");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_after_the_header_timeout() {
    let limits = HttpLimits { header_timeout: Duration::from_millis(20), ..HttpLimits::default() };
    let server = server(limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
    let answer = read_all(stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_a_place() {
    let limits = HttpLimits { max_connections: 1, ..HttpLimits::default() };
    let server = server(limits).await;
    let first = request(server.address).await;
    server.entered.notified().await;
    let second = request(server.address).await;
    drop(first);
    server.entered.notified().await;
    server.finish.notify_one();
    server.stop.send(()).unwrap();
    assert!(read_all(second).await.ends_with("done"));
}
