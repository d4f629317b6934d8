//! A small OTLP receiver, over HTTP and over gRPC, that keeps what it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;

/// What was received.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    spans: Arc<Mutex<Vec<ResourceSpans>>>,
    logs: Arc<Mutex<Vec<ResourceLogs>>>,
    headers: Arc<Mutex<Vec<String>>>,
    /// Spans of each request that the answer says were rejected.
    rejects: i64,
}

impl Collector {
    /// One that says it rejected `spans` of each request.
    pub(crate) fn rejecting(spans: i64) -> Collector {
        Collector { rejects: spans, ..Collector::default() }
    }

    pub(crate) async fn http(&self) -> SocketAddr {
        async fn traces(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
            assert_eq!(headers[header::CONTENT_TYPE], "application/x-protobuf");
            collector.note(headers.get("x-tenant").and_then(|value| value.to_str().ok()));
            let request = ExportTraceServiceRequest::decode(body).expect("OTLP traces");
            collector.spans.lock().expect("no holder panics").extend(request.resource_spans);
            collector.trace_answer().encode_to_vec()
        }
        async fn logs(State(collector): State<Collector>, body: Bytes) {
            let request = ExportLogsServiceRequest::decode(body).expect("OTLP logs");
            collector.logs.lock().expect("no holder panics").extend(request.resource_logs);
        }
        let app = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/logs", post(logs))
            .with_state(self.clone());
        super::serve(app).await
    }

    /// One over gRPC on a thread and a runtime of its own, which log nothing. It ends with the process.
    pub(crate) fn apart() -> (Collector, SocketAddr) {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let serve = async {
                let collector = Collector::default();
                let address = collector.grpc().await;
                sender.send((collector, address)).expect("the test listens");
                std::future::pending::<()>().await;
            };
            tracing::dispatcher::with_default(&tracing::Dispatch::none(), || runtime.block_on(serve));
        });
        receiver.recv().expect("the collector starts")
    }

    pub(crate) async fn grpc(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(self.clone()))
            .add_service(LogsServiceServer::new(self.clone()))
            .serve_with_incoming(incoming);
        tokio::spawn(server);
        address
    }

    pub(crate) fn spans(&self) -> Vec<ResourceSpans> {
        self.spans.lock().expect("no holder panics").clone()
    }

    pub(crate) fn span_count(&self) -> u64 {
        let scopes = self.spans().into_iter().flat_map(|resource| resource.scope_spans);
        scopes.map(|scope| scope.spans.len() as u64).sum()
    }

    /// Bodies of the log records, as text.
    pub(crate) fn messages(&self) -> Vec<String> {
        let scopes = self.logs().into_iter().flat_map(|resource| resource.scope_logs);
        let records = scopes.flat_map(|scope| scope.log_records);
        records.map(|record| format!("{:?}", record.body.and_then(|body| body.value))).collect()
    }

    pub(crate) fn logs(&self) -> Vec<ResourceLogs> {
        self.logs.lock().expect("no holder panics").clone()
    }

    /// Values of the header `x-tenant`.
    pub(crate) fn tenants(&self) -> Vec<String> {
        self.headers.lock().expect("no holder panics").clone()
    }

    fn note(&self, tenant: Option<&str>) {
        self.headers.lock().expect("no holder panics").extend(tenant.map(str::to_owned));
    }

    fn trace_answer(&self) -> ExportTraceServiceResponse {
        let partial =
            ExportTracePartialSuccess { rejected_spans: self.rejects, error_message: String::new() };
        ExportTraceServiceResponse { partial_success: (self.rejects > 0).then_some(partial) }
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.note(request.metadata().get("x-tenant").and_then(|value| value.to_str().ok()));
        self.spans.lock().expect("no holder panics").extend(request.into_inner().resource_spans);
        Ok(tonic::Response::new(self.trace_answer()))
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, tonic::Status> {
        self.logs.lock().expect("no holder panics").extend(request.into_inner().resource_logs);
        Ok(tonic::Response::new(ExportLogsServiceResponse::default()))
    }
}
