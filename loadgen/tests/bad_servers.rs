//! Whatever a target does, each request ends in time and is counted as what it was.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use bytes::Bytes;
use loadgen::client::{Call, Failure, Ids, RunId, Sender, Targets};
use loadgen::plan::journeys::Service;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use support::raw;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn sender(targets: Targets, timeout: Duration) -> Sender {
    Sender::new(targets, timeout, Ids::new(1, RunId::new(1)))
}

fn get(number: u64) -> Call {
    let mut call = Call::new(Service::Order, http::Method::GET, "/orders/{id}", "/orders/1", 0);
    call.number = number;
    call
}

async fn outcome(targets: Targets) -> Result<u16, Failure> {
    sender(targets, Duration::from_secs(20)).send(&get(0), "c").await.outcome
}

/// Reads one request's head.
async fn request(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut byte = [0; 1];
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    true
}

#[tokio::test]
async fn a_closed_port_is_a_connect_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(outcome(Targets::single(&url).unwrap()).await, Err(Failure::Connect));
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    let targets = raw(|mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    });
    assert_eq!(outcome(targets.await).await, Err(Failure::Protocol));
}

#[tokio::test]
async fn a_close_without_an_answer_is_told() {
    let targets = raw(|mut stream| async move {
        request(&mut stream).await;
    });
    assert_eq!(outcome(targets.await).await, Err(Failure::Closed));
}

#[tokio::test]
async fn a_torn_body_is_told() {
    let targets = raw(|mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    });
    assert_eq!(outcome(targets.await).await, Err(Failure::Closed));
}

#[tokio::test]
async fn a_hang_ends_at_the_time_limit_and_the_connection_is_not_used_again() {
    let connections = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&connections);
    let targets = raw(move |mut stream| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            while request(&mut stream).await {
                if number > 0 {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            }
        }
    })
    .await;
    let sender = sender(targets, Duration::from_millis(50));
    assert_eq!(sender.send(&get(0), "c").await.outcome, Err(Failure::Timeout));
    assert_eq!(sender.send(&get(1), "c").await.outcome, Ok(200));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let targets = raw(|mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
        while stream.write_all(&chunk).await.is_ok() {}
    });
    assert_eq!(outcome(targets.await).await, Err(Failure::TooLarge));
}

#[tokio::test]
async fn a_body_in_pieces_is_read_whole_and_the_connection_is_kept() {
    let connections = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&connections);
    let targets = raw(move |mut stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            while request(&mut stream).await {
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                for part in [head.as_slice(), b"5\r\n{\"id\"\r\n", b"4\r\n:42}\r\n", b"0\r\n\r\n"] {
                    let _ = stream.write_all(part).await;
                    let _ = stream.flush().await;
                }
            }
        }
    })
    .await;
    let sender = sender(targets, Duration::from_secs(20));
    for number in 0..3 {
        let answer = sender.send(&get(number), "c").await;
        assert_eq!((answer.status(), answer.body.clone()), (Some(200), Bytes::from_static(b"{\"id\":42}")));
        assert_eq!(answer.field("id").as_deref(), Some("42"));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// A server that closes kept connections (a restart) costs no failed request as long as it says so.
#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    let targets = raw(|mut stream| async move {
        if request(&mut stream).await {
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await;
    let sender = sender(targets, Duration::from_secs(20));
    for number in 0..5 {
        assert_eq!(sender.send(&get(number), "c").await.outcome, Ok(200));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_a_protocol_error_not_a_panic() {
    let sender = sender(Targets::single("http://127.0.0.1:1").unwrap(), Duration::from_secs(1));
    let mut call = get(0);
    call.path = "not a path\u{7f}".to_owned();
    assert_eq!(sender.send(&call, "c").await.outcome, Err(Failure::Protocol));
    assert_eq!(sender.send(&get(1), "line\nbreak").await.outcome, Err(Failure::Protocol));
}

#[test]
fn addresses_that_are_none_are_named() {
    for url in ["127.0.0.1:5001", "https://localhost:1", "http://", "http://localhost:1/base", "nonsense url"]
    {
        let error = Targets::new("http://127.0.0.1:1", url, "http://127.0.0.1:1").unwrap_err().to_string();
        assert!(error.contains("product-service") && error.contains(url), "{error}");
    }
}
