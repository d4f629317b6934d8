//! Asks one control listener: a request with a JSON body, an answer with one. Bounded in size and time; nothing is retried.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// Longest wait for an answer: starting a second instance takes some seconds.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer read.
const LARGEST: usize = 4 << 20;

/// Where to ask, and with what token.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    /// Whose it is, for errors.
    name: String,
    authority: String,
    token: String,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// Why there is no good answer. One line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("{0} does not answer: {1}")]
    Silent(String, String),
    #[error("{name} refused {what} with {status}: {detail}")]
    Refused { name: String, what: String, status: u16, detail: String },
}

impl Unanswered {
    /// Nobody answered.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Silent(..))
    }

    /// The thing that was asked about is not there (any more).
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

impl Listener {
    /// For `http://HOST:PORT`; none for anything else.
    pub(super) fn new(name: &str, url: &str, token: &str) -> Option<Self> {
        let authority = url.strip_prefix("http://")?.trim_end_matches('/').to_owned();
        let good = authority.contains(':') && !authority.contains('/');
        good.then(|| Self { name: name.to_owned(), authority, token: token.to_owned() })
    }

    /// Asks and wants a good answer (2xx).
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Unanswered> {
        let what = format!("{method} {path}");
        let answer = self.exchange(method, path, body).await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        let detail =
            answer.body.get("detail").and_then(Value::as_str).unwrap_or("it says no more").to_owned();
        Err(Unanswered::Refused { name: self.name.clone(), what, status: answer.status, detail })
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Unanswered> {
        let silent = |why: String| Unanswered::Silent(self.name.clone(), why);
        match tokio::time::timeout(TIMEOUT, self.send(method, path, body)).await {
            Ok(answer) => answer.map_err(|e| silent(format!("{e:#}"))),
            Err(_) => Err(silent(format!("nothing came within {} s", TIMEOUT.as_secs()))),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        // What goes wrong on the connection is told to the request.
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.authority)
            .header(CONNECTION, "close")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.map(Value::to_string).unwrap_or_default())))?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let bytes =
            Limited::new(body, LARGEST).collect().await.map_err(|e| anyhow::anyhow!("{e}"))?.to_bytes();
        driver.abort();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        Ok(Answer { status: head.status.as_u16(), body })
    }
}
