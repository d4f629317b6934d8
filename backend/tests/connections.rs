//! Connections are bounded in number and in the time they may take to ask for something, and none of them keeps the
//! backend from ending.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{TestBackend, export, span};

/// Far beyond what any of it takes.
const LONG: Duration = Duration::from_secs(20);

async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.trim_start_matches("http://")).await.expect("connected")
}

/// Returns when the other side has closed the connection.
async fn closed(mut connection: TcpStream) {
    let mut heard = Vec::new();
    let end = connection.read_to_end(&mut heard);
    // A reset is an end as well.
    let _ = tokio::time::timeout(LONG, end).await.expect("the connection is closed");
}

async fn export_by_grpc(backend: &TestBackend, trace: u8) {
    let mut client = TraceServiceClient::connect(backend.grpc.clone()).await.expect("connected");
    client.export(export("shop", vec![span(trace, 1, None, "x")])).await.expect("taken");
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed() {
    let backend = TestBackend::with(|c| c.limits.header_timeout = Duration::from_millis(100)).await;
    for url in [&backend.grpc, &backend.otlp, &backend.loki] {
        closed(connect(url).await).await;
    }
    // HTTP/2 begun, with settings exchanged, and then no request.
    let mut begun = connect(&backend.grpc).await;
    begun.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("written");
    closed(begun).await;
    export_by_grpc(&backend, 1).await;
}

#[tokio::test]
async fn connections_that_ask_for_nothing_make_place_for_those_that_do() {
    let backend = TestBackend::with(|c| {
        c.limits.connections = 2;
        c.limits.header_timeout = Duration::from_secs(3600);
    })
    .await;
    let mut silent = Vec::new();
    for url in [&backend.prometheus, &backend.grpc] {
        for _ in 0..6 {
            silent.push(connect(url).await);
        }
        // One that has begun to ask, but goes on no further.
        let mut begun = connect(url).await;
        begun.write_all(b"GET / HTTP/1.1\r\nhost: ").await.expect("written");
        silent.push(begun);
    }
    let asked = async {
        let ready = backend.client.get(format!("{}/-/ready", backend.prometheus));
        assert_eq!(ready.send().await.expect("an answer").status(), 200);
        export_by_grpc(&backend, 1).await;
    };
    tokio::time::timeout(LONG, asked).await.expect("answered beside connections that are silent");
    // They made place, the oldest first.
    closed(silent.remove(0)).await;
}

#[tokio::test]
async fn a_connection_beyond_the_bound_waits_until_one_that_asks_has_ended() {
    let backend = TestBackend::with(|c| c.limits.connections = 1).await;
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1\r\nexpect: 100-continue\r\n\r\n";
    let mut busy = connect(&backend.otlp).await;
    busy.write_all(head).await.expect("written");
    let mut answer = [0; 12];
    busy.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 100");
    let mut waiting = connect(&backend.otlp).await;
    waiting.write_all(head).await.expect("written");
    // The first is still listened to.
    busy.write_all(b"x").await.expect("written");
    let mut rest = Vec::new();
    while !String::from_utf8_lossy(&rest).contains("HTTP/1.1 400") {
        assert!(busy.read_buf(&mut rest).await.expect("the rest of the answer") > 0, "{rest:?}");
    }
    drop(busy);
    waiting.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 100");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_backend_from_ending() {
    let backend = TestBackend::with(|c| c.limits.request_timeout = Duration::from_secs(3600)).await;
    let mut slow = connect(&backend.otlp).await;
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    slow.write_all(head).await.expect("written");
    // "100 Continue" says that the handler is reading.
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 100");
    tokio::time::timeout(LONG, backend.stop()).await.expect("it ends");
}
