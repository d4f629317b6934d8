//! OTLP over gRPC: the three collector services, gzip or plain. The same calls as OTLP over HTTP.

use std::sync::Arc;

use axum::Router;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::codec::CompressionEncoding::Gzip;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::otlp_http::{logs_answer, metrics_answer, spans_answer};
use super::{count_bad, take_logs, take_metrics, take_spans};
use crate::Backend;
use crate::store::Busy;

/// The three services.
pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    let body = backend.config.limits.body_bytes;
    let collector = Collector(Arc::clone(&backend));
    let traces =
        TraceServiceServer::new(collector.clone()).accept_compressed(Gzip).max_decoding_message_size(body);
    let logs =
        LogsServiceServer::new(collector.clone()).accept_compressed(Gzip).max_decoding_message_size(body);
    let metrics =
        MetricsServiceServer::new(collector).accept_compressed(Gzip).max_decoding_message_size(body);
    Routes::new(traces)
        .add_service(logs)
        .add_service(metrics)
        .into_axum_router()
        .layer(tower::layer::layer_fn(move |inner| counted::Counted { inner, backend: Arc::clone(&backend) }))
}

#[derive(Clone)]
struct Collector(Arc<Backend>);

fn busy(busy: Busy) -> Status {
    Status::unavailable(busy.to_string())
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let partial = take_spans(&self.0, request.into_inner()).map_err(busy)?;
        Ok(Response::new(spans_answer(partial)))
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let partial = take_logs(&self.0, request.into_inner()).map_err(busy)?;
        Ok(Response::new(logs_answer(partial)))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(metrics_answer(take_metrics(&self.0, request.into_inner()))))
    }
}

/// Counts calls that fail before they reach a service's method: malformed, too large, unpacking beyond the bound.
mod counted {
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use tower::Service;

    use super::{Backend, count_bad};

    #[derive(Clone)]
    pub(super) struct Counted<S> {
        pub(super) inner: S,
        pub(super) backend: Arc<Backend>,
    }

    impl<S, Q, A> Service<http::Request<Q>> for Counted<S>
    where
        S: Service<http::Request<Q>, Response = http::Response<A>>,
        S::Future: Send + 'static,
        S::Error: 'static,
    {
        type Response = S::Response;
        type Error = S::Error;
        type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
            self.inner.poll_ready(cx)
        }

        fn call(&mut self, request: http::Request<Q>) -> Self::Future {
            let path = request.uri().path().to_owned();
            let answer = self.inner.call(request);
            let backend = Arc::clone(&self.backend);
            Box::pin(async move {
                let answer = answer.await?;
                // 14 is UNAVAILABLE: the queue was full, which is counted where it is found.
                let failed = answer.headers().get("grpc-status").is_some_and(|s| s != "0" && s != "14");
                if failed {
                    let stats = &backend.stats;
                    let signal = match path.split('/').nth(1) {
                        Some(s) if s.contains("logs") => &stats.logs,
                        Some(s) if s.contains("metrics") => &stats.samples,
                        _ => &stats.spans,
                    };
                    count_bad(&signal.bad_requests);
                }
                Ok(answer)
            })
        }
    }
}
