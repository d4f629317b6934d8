//! One attempt: a request with a time-out and a bounded answer. Its span, propagation and duration come from the client.

use std::time::Duration;

use bytes::Bytes;
use reqwest_middleware::ClientWithMiddleware;
use telemetry::client::{ResendCount, Route};

use super::backoff::retry_after;
use super::{Call, Reason};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A peer's answer below 500, refusals included.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

pub(super) async fn attempt(
    client: &ClientWithMiddleware,
    url: &str,
    call: &Call,
    number: u32,
    timeout: Duration,
) -> Result<Answer, Reason> {
    let mut request = client
        .request(call.method.clone(), url)
        .timeout(timeout)
        .with_extension(Route(call.route))
        .with_extension(ResendCount(number));
    if let Some(body) = &call.body {
        request = request.header(http::header::CONTENT_TYPE, "application/json").body(body.clone());
    }
    let mut response = request.send().await.map_err(|error| reason(&error))?;
    let status = response.status().as_u16();
    if status >= 500 || status == 429 {
        let retry_after = retry_after(response.headers().get(http::header::RETRY_AFTER));
        return Err(Reason::Status { status, retry_after });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error.into()))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Reason::BadAnswer(format!("more than {MAX_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body: body.into() })
}

fn reason(error: &reqwest_middleware::Error) -> Reason {
    match error {
        reqwest_middleware::Error::Reqwest(error) if error.is_connect() => Reason::Connect,
        reqwest_middleware::Error::Reqwest(error) if error.is_timeout() => Reason::Timeout,
        _ => Reason::Broken,
    }
}
