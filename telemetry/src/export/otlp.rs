//! OTLP exporters from configuration, wrapped so that their results are counted.

use std::sync::Arc;

use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use tonic::metadata::MetadataMap;

use super::http::{ExportClient, Rejections, rejected_log_records, rejected_spans};
use super::{ExportRuntime, Supervisor};
use crate::config::{Otlp, Protocol};
use crate::names::signal;
use crate::pipeline::{Budget, Counted};

/// Why an exporter could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The SDK refused the settings.
    #[error("cannot build the OTLP exporter for {endpoint}: {source}")]
    Build {
        /// Where it should have sent.
        endpoint: String,
        /// Why not.
        source: ExporterBuildError,
    },
    /// The HTTP client could not be built.
    #[error("cannot build the HTTP client of the exporter: {0}")]
    Client(#[from] reqwest::Error),
    /// A header cannot be sent.
    #[error("header {0:?} cannot be sent: use visible ASCII in OTEL_EXPORTER_OTLP_HEADERS")]
    Header(String),
}

/// Both transports' builders know compression, again without a trait of their own.
macro_rules! compressed {
    ($builder:expr, $otlp:ident) => {{
        let builder = $builder;
        if $otlp.gzip { builder.with_compression(opentelemetry_otlp::Compression::Gzip) } else { builder }
    }};
}

/// The builders of the two signals' exporters are alike in every call and share no trait.
macro_rules! counted {
    ($exporter:ident, $signal:expr, $rejections:expr, $otlp:ident, $runtime:ident, $budget:ident) => {{
        let supervisor = Supervisor::new($signal, $runtime.handle().clone(), $otlp.timeout);
        // A gRPC channel starts its worker on the runtime that is current.
        let _here = $runtime.handle().enter();
        let built = match $otlp.protocol {
            Protocol::HttpProtobuf => compressed!($exporter::builder().with_http(), $otlp)
                .with_http_client(client($otlp, $runtime, $rejections, &supervisor)?)
                .with_headers($otlp.headers.iter().cloned().collect())
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_endpoint(&$otlp.endpoint)
                .with_timeout($otlp.timeout)
                .build(),
            Protocol::Grpc => compressed!($exporter::builder().with_tonic(), $otlp)
                .with_metadata(metadata($otlp)?)
                .with_endpoint(&$otlp.endpoint)
                .with_timeout($otlp.timeout)
                .build(),
        };
        let inner = built.map_err(|source| build_error($otlp, source))?;
        Ok(Counted { inner, budget: $budget, supervisor })
    }};
}

/// The exporter of spans.
pub(crate) fn span_exporter(
    otlp: &Otlp,
    runtime: &ExportRuntime,
    budget: Arc<Budget>,
) -> Result<Counted<SpanExporter>, ExportError> {
    counted!(SpanExporter, signal::TRACES, rejected_spans, otlp, runtime, budget)
}

/// The exporter of log records.
pub(crate) fn log_exporter(
    otlp: &Otlp,
    runtime: &ExportRuntime,
    budget: Arc<Budget>,
) -> Result<Counted<LogExporter>, ExportError> {
    counted!(LogExporter, signal::LOGS, rejected_log_records, otlp, runtime, budget)
}

fn client(
    otlp: &Otlp,
    runtime: &ExportRuntime,
    rejections: Rejections,
    supervisor: &Supervisor,
) -> Result<ExportClient, ExportError> {
    Ok(ExportClient::new(runtime.handle().clone(), otlp.timeout, rejections, supervisor.rejections())?)
}

fn metadata(otlp: &Otlp) -> Result<MetadataMap, ExportError> {
    let mut headers = http::HeaderMap::new();
    for (name, value) in &otlp.headers {
        let refused = |_| ExportError::Header(name.clone());
        let value = http::HeaderValue::from_str(value).map_err(|_| ExportError::Header(name.clone()))?;
        headers.insert(http::HeaderName::try_from(name).map_err(refused)?, value);
    }
    Ok(MetadataMap::from_headers(headers))
}

fn build_error(otlp: &Otlp, source: ExporterBuildError) -> ExportError {
    ExportError::Build { endpoint: otlp.endpoint.clone(), source }
}
