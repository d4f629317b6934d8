//! OTLP over gRPC on the wire: its bodies count among all bodies from their first bytes on, and what is refused is told
//! by the status that lets an exporter do the right thing.

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tonic::Code;
use tonic::transport::Channel;

use crate::harness::{TestBackend, export, gzip, span, until};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// An export whose encoding has about this many bytes.
fn large(
    trace: u8,
    bytes: usize,
) -> opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest {
    export("shop", vec![span(trace, 1, None, &"x".repeat(bytes))])
}

pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("small").to_be_bytes();
    [&[flag], &length[..], message].concat()
}

/// An open call: what is sent through `body` is what the backend has got of it.
pub(crate) struct Call {
    body: mpsc::UnboundedSender<Bytes>,
    status: tokio::task::JoinHandle<String>,
}

impl Call {
    pub(crate) async fn open(backend: &TestBackend, headers: &[(&str, &str)]) -> Self {
        let address = backend.grpc.trim_start_matches("http://");
        let stream = TcpStream::connect(address).await.expect("connected");
        let (mut client, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        let (body, parts) = mpsc::unbounded_channel();
        let parts = futures_util::stream::unfold(parts, |mut parts| async {
            let part: Bytes = parts.recv().await?;
            Some((part, parts))
        });
        let frames = parts.map(|part| Ok::<_, std::convert::Infallible>(Frame::data(part)));
        let mut request = http::Request::post(format!("{}{EXPORT}", backend.grpc));
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")].iter().chain(headers)
        {
            request = request.header(*name, *value);
        }
        let request = request.body(StreamBody::new(Box::pin(frames))).expect("a request");
        let status = tokio::spawn(async move {
            let answer = client.send_request(request).await.expect("an answer");
            let headers = answer.headers().clone();
            let trailers = answer.into_body().collect().await.expect("a body").trailers().cloned();
            let status = headers.get("grpc-status").or_else(|| trailers.as_ref()?.get("grpc-status"));
            status.expect("a status").to_str().expect("text").to_owned()
        });
        Self { body, status }
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        // A call that was refused takes no more.
        let _ = self.body.send(Bytes::copy_from_slice(bytes));
    }

    /// Ends the body, and returns the status.
    pub(crate) async fn end(self) -> String {
        drop(self.body);
        self.status.await.expect("no panic")
    }
}

async fn client(backend: &TestBackend) -> TraceServiceClient<Channel> {
    TraceServiceClient::connect(backend.grpc.clone()).await.expect("a connection")
}

#[tokio::test]
async fn exports_beyond_the_bytes_in_flight_are_told_to_wait_and_the_next_is_taken() {
    let backend = TestBackend::with(|c| {
        c.limits.body_bytes = 1 << 20;
        c.limits.bodies_bytes = (1 << 20) + 1024;
    })
    .await;
    let message = framed(0, &large(1, 900_000).encode_to_vec());
    let client = client(&backend).await;
    let second = || async { client.clone().export(large(2, 600_000)).await };
    until("a second export is refused while a first one is being read, and the first is taken", || async {
        let first = Call::open(&backend, &[]).await;
        first.send(&message[..600_000]);
        let mut refused = false;
        // There is room for either until both want it: then the second is refused, or the first, or both.
        while !refused && !first.status.is_finished() {
            refused = second()
                .await
                .is_err_and(|s| s.code() == Code::Unavailable && s.message().contains("bodies"));
        }
        first.send(&message[600_000..]);
        let first = first.end().await;
        assert!(first == "0" || first == "14", "{first}");
        refused && first == "0"
    })
    .await;
    assert!(backend.metric(r#"backend_busy_requests_total{signal="spans"}"#).await >= 1.0);
    until("there is room again", || async { second().await.is_ok() }).await;
    assert_eq!(backend.metric(r#"backend_bad_requests_total{signal="spans"}"#).await, 0.0);
}

#[tokio::test]
async fn unpacking_counts_too() {
    let backend = TestBackend::with(|c| {
        c.limits.body_bytes = 1 << 20;
        c.limits.bodies_bytes = 100_000;
    })
    .await;
    let zipped = client(&backend).await.send_compressed(tonic::codec::CompressionEncoding::Gzip);
    assert!(gzip(&large(1, 500_000).encode_to_vec()).len() < 10_000);
    let refused = zipped.clone().export(large(1, 500_000)).await.expect_err("no room for it unpacked");
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    zipped.clone().export(large(1, 10_000)).await.expect("room for this");
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_counted() {
    let backend = TestBackend::start().await;
    let message = export("shop", vec![span(1, 1, None, "x")]).encode_to_vec();
    let gzipped = [("grpc-encoding", "gzip")];
    let calls: [(&[_], _, _); 7] = [
        (&[], Vec::new(), "3"),
        (&[], framed(0, b"\xff\xff\xff"), "3"),
        (&[], framed(0, &message)[..20].to_vec(), "3"),
        (&[], framed(1, &gzip(&message)), "3"),
        (&gzipped, framed(1, b"no gzip"), "3"),
        (&gzipped, framed(7, &message), "3"),
        (&[("grpc-encoding", "zstd")], framed(1, b"x"), "12"),
    ];
    for (headers, body, status) in calls {
        let call = Call::open(&backend, headers).await;
        call.send(&body);
        assert_eq!(call.end().await, status, "{headers:?} {body:?}");
    }
    assert_eq!(backend.metric(r#"backend_bad_requests_total{signal="spans"}"#).await, 7.0);
    for (flag, body) in [(0, message.clone()), (1, gzip(&message))] {
        let call = Call::open(&backend, &gzipped).await;
        call.send(&framed(flag, &body));
        assert_eq!(call.end().await, "0", "packed or not, message by message");
    }
}
