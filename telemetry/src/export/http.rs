//! OTLP over HTTP: the SDK's client trait over plain reqwest, driven by the export runtime. The SDK's own choice would be a
//! blocking client, or an async one that panics on the batch processor's thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::runtime::Handle;

/// Longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// How many items an answer of partial success rejects.
pub(crate) type Rejections = fn(&[u8]) -> usize;

/// Rejected spans in an answer.
pub(crate) fn rejected_spans(answer: &[u8]) -> usize {
    let response = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    response.partial_success.map_or(0, |partial| usize::try_from(partial.rejected_spans).unwrap_or(0))
}

/// Rejected log records in an answer.
pub(crate) fn rejected_log_records(answer: &[u8]) -> usize {
    let response = ExportLogsServiceResponse::decode(answer).unwrap_or_default();
    response.partial_success.map_or(0, |partial| usize::try_from(partial.rejected_log_records).unwrap_or(0))
}

/// The client.
#[derive(Debug)]
pub(crate) struct ExportClient {
    client: reqwest::Client,
    runtime: Handle,
    rejections: Rejections,
    rejected: Arc<AtomicUsize>,
}

impl ExportClient {
    pub(crate) fn new(
        runtime: Handle,
        timeout: Duration,
        rejections: Rejections,
        rejected: Arc<AtomicUsize>,
    ) -> reqwest::Result<ExportClient> {
        let client = bare_client(timeout)?;
        Ok(ExportClient { client, runtime, rejections, rejected })
    }
}

/// A client without middleware, proxies and redirects, whose requests end after `timeout`.
pub(crate) fn bare_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(timeout).no_proxy().redirect(reqwest::redirect::Policy::none()).build()
}

#[async_trait::async_trait]
impl HttpClient for ExportClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let response = self.runtime.spawn(send(client, request)).await??;
        if response.status().is_success() {
            self.rejected.store((self.rejections)(response.body()), Ordering::Relaxed);
        }
        Ok(response)
    }
}

async fn send(client: reqwest::Client, request: reqwest::Request) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request).await?;
    let status = answer.status();
    let headers = std::mem::take(answer.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err("the receiver's answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
