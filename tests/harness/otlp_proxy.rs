//! A proxy between the processes of a stack and their backend, which drops what a test tells it to: the audit has to
//! notice.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    logs::v1::LogRecord,
    resource::v1::Resource,
    trace::v1::Span,
};
use prost::Message as _;

/// Tells whether something is to be dropped: the service that sent it, and what it is.
type Drops<T> = Box<dyn FnMut(&str, &T) -> bool + Send>;

/// Forwards OTLP over HTTP, less what is dropped.
#[derive(Clone)]
pub struct OtlpProxy {
    pub address: SocketAddr,
    state: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    upstream: Mutex<Option<String>>,
    spans: Mutex<Drops<Span>>,
    logs: Mutex<Drops<LogRecord>>,
}

impl OtlpProxy {
    /// Listens at once; until it is told where the backend is it answers 503, and the exporters try again.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(Inner {
            http: reqwest::Client::new(),
            upstream: Mutex::new(None),
            spans: Mutex::new(Box::new(|_, _| false)),
            logs: Mutex::new(Box::new(|_, _| false)),
        });
        let routes = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/logs", post(logs))
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn forward_to(&self, otlp_http: &str) {
        *self.state.upstream.lock().expect("no panic") = Some(otlp_http.to_owned());
    }

    pub fn drop_spans(&self, which: impl FnMut(&str, &Span) -> bool + Send + 'static) {
        *self.state.spans.lock().expect("no panic") = Box::new(which);
    }

    pub fn drop_logs(&self, which: impl FnMut(&str, &LogRecord) -> bool + Send + 'static) {
        *self.state.logs.lock().expect("no panic") = Box::new(which);
    }
}

async fn traces(State(state): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut request = ExportTraceServiceRequest::decode(body).expect("OTLP as the exporter sends it");
    {
        let mut drops = state.spans.lock().expect("no panic");
        for resource in &mut request.resource_spans {
            let service = service_name(resource.resource.as_ref());
            for scope in &mut resource.scope_spans {
                scope.spans.retain(|span| !drops(&service, span));
            }
        }
    }
    state.pass("/v1/traces", &headers, request.encode_to_vec()).await
}

async fn logs(State(state): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut request = ExportLogsServiceRequest::decode(body).expect("OTLP as the exporter sends it");
    {
        let mut drops = state.logs.lock().expect("no panic");
        for resource in &mut request.resource_logs {
            let service = service_name(resource.resource.as_ref());
            for scope in &mut resource.scope_logs {
                scope.log_records.retain(|record| !drops(&service, record));
            }
        }
    }
    state.pass("/v1/logs", &headers, request.encode_to_vec()).await
}

impl Inner {
    async fn pass(&self, path: &str, headers: &HeaderMap, body: Vec<u8>) -> Response {
        let Some(upstream) = self.upstream.lock().expect("no panic").clone() else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let content_type = headers["content-type"].to_str().expect("text").to_owned();
        let sent = self
            .http
            .post(format!("{upstream}{path}"))
            .header("content-type", content_type)
            .body(body)
            .send();
        match sent.await {
            Ok(answer) => {
                let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
                (status, answer.bytes().await.unwrap_or_default()).into_response()
            }
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }
}

fn service_name(resource: Option<&Resource>) -> String {
    resource.and_then(|r| text(&r.attributes, "service.name")).unwrap_or_default()
}

/// A text attribute.
pub fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
    match value {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}
