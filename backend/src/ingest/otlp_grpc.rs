//! OTLP over gRPC: the three collector services, gzip or plain. The same calls as OTLP over HTTP.

use std::sync::Arc;

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
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::otlp_http::{logs_answer, metrics_answer, spans_answer};
use super::{count_bad, take_logs, take_metrics, take_spans};
use crate::store::Busy;
use crate::{Backend, Error};

/// Serves until `stop` is cancelled.
///
/// # Errors
/// The listener is broken.
pub(crate) async fn serve(
    listener: TcpListener,
    backend: Arc<Backend>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let limits = &backend.config.limits;
    let body = limits.body_bytes;
    let collector = Collector(Arc::clone(&backend));
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let ended = stop.clone();
    let serving = Server::builder()
        .timeout(limits.request_timeout)
        .concurrency_limit_per_connection(32)
        .max_concurrent_streams(64)
        .http2_keepalive_interval(Some(std::time::Duration::from_secs(30)))
        .http2_max_header_list_size(16 * 1024)
        .layer(tower::layer::layer_fn({
            let backend = Arc::clone(&backend);
            move |inner| counted::Counted { inner, backend: Arc::clone(&backend) }
        }))
        .add_service(
            TraceServiceServer::new(collector.clone())
                .accept_compressed(Gzip)
                .max_decoding_message_size(body),
        )
        .add_service(
            LogsServiceServer::new(collector.clone()).accept_compressed(Gzip).max_decoding_message_size(body),
        )
        .add_service(
            MetricsServiceServer::new(collector).accept_compressed(Gzip).max_decoding_message_size(body),
        )
        .serve_with_incoming_shutdown(incoming, async move { ended.cancelled().await });
    tokio::select! {
        served = serving => served.map_err(|e| Error::Listener("OTLP gRPC", e.to_string())),
        // An exporter keeps its connection for ever: after a moment of grace the listener ends without it.
        () = async { stop.cancelled().await; tokio::time::sleep(std::time::Duration::from_secs(2)).await } => Ok(()),
    }
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
