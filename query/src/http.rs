//! One bounded GET of JSON: the only place that touches the network.
//!
//! No redirects, no proxy, no TLS and no retry: the APIs listen on this machine or beside it, and a question that
//! failed is the caller's to repeat.

use crate::error::{Api, Error, ErrorKind};
use reqwest::Url;
use serde_json::Value;
use std::time::Duration;

/// How long and how large an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the connection to the last byte of the body.
    pub timeout: Duration,
    /// Bytes of one body.
    pub body_bytes: usize,
}

impl Default for Limits {
    /// 10 seconds and 32 MiB: a trace of 20,000 spans fits.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), body_bytes: 32 << 20 }
    }
}

/// Of an error's body, this much is read; the words of the API are in its beginning.
const ERROR_BODY_BYTES: usize = 16 << 10;

/// How one API words its errors: status and body to what came of the question.
pub(crate) type Explain = fn(u16, &[u8]) -> ErrorKind;

/// A base URL and the means to ask it.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    api: Api,
    base: Url,
    client: reqwest::Client,
    limits: Limits,
    explain: Explain,
}

/// One question: in words, and as path and parameters below the base URL.
pub(crate) struct Question<'a> {
    pub(crate) asked: String,
    pub(crate) path: &'a [&'a str],
    pub(crate) params: Vec<(&'static str, String)>,
}

impl Http {
    pub(crate) fn new(api: Api, base: &str, limits: Limits, explain: Explain) -> Result<Self, Error> {
        let bad = |why: String| Error {
            api,
            asked: "setting up the client".to_owned(),
            url: base.to_owned(),
            kind: ErrorKind::BadRequest(why),
        };
        let mut url = Url::parse(base).map_err(|e| bad(format!("not a URL: {e}")))?;
        if url.scheme() != "http" || url.host().is_none() {
            return Err(bad("the URL must be http://HOST:PORT; https is not spoken here".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let _ = (url.set_username(""), url.set_password(None));
            let mut error = bad("the URL must not carry credentials".to_owned());
            url.as_str().clone_into(&mut error.url);
            return Err(error);
        }
        url.set_query(None);
        url.set_fragment(None);
        let client = reqwest::Client::builder()
            .timeout(limits.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(8)
            .build()
            .map_err(|e| bad(format!("the HTTP client cannot be made: {e}")))?;
        Ok(Self { api, base: url, client, limits, explain })
    }

    /// The base URL, without a trailing slash.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The URL of a path below the base; each segment is percent-encoded.
    pub(crate) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// An error about this question.
    pub(crate) fn error(&self, question: &Question<'_>, kind: ErrorKind) -> Error {
        let url = self.url(question.path).to_string();
        Error { api: self.api, asked: question.asked.clone(), url, kind }
    }

    /// Asks, and reads the answer as JSON.
    pub(crate) async fn get(&self, question: &Question<'_>) -> Result<Value, Error> {
        self.get_inner(question).await.map_err(|kind| self.error(question, kind))
    }

    async fn get_inner(&self, question: &Question<'_>) -> Result<Value, ErrorKind> {
        let request = self
            .client
            .get(self.url(question.path))
            .query(&question.params)
            .header("accept", "application/json")
            // Only Loki reads this: labels and structured metadata then come apart.
            .header("x-loki-response-encoding-flags", "categorize-labels");
        let mut response = request.send().await.map_err(|e| self.failure(&e))?;
        let status = response.status();
        let limit = if status.is_success() { self.limits.body_bytes } else { ERROR_BODY_BYTES };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failure(&e))? {
            if body.len() + chunk.len() > limit {
                if status.is_success() {
                    return Err(ErrorKind::TooLarge { limit });
                }
                body.extend_from_slice(&chunk[..limit - body.len()]);
                break;
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err((self.explain)(status.as_u16(), &body));
        }
        serde_json::from_slice(&body).map_err(|e| {
            let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok());
            ErrorKind::Malformed(format!("{e} (content type {})", kind.unwrap_or("not given")))
        })
    }

    fn failure(&self, error: &reqwest::Error) -> ErrorKind {
        if error.is_timeout() {
            return ErrorKind::Timeout(self.limits.timeout);
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
            let io = cause.downcast_ref::<std::io::Error>();
            if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
                return ErrorKind::Refused { base: self.base().to_owned() };
            }
        }
        // The innermost cause is the one that says something: the outer ones repeat the URL.
        ErrorKind::Transport(cause.to_string())
    }
}

/// The beginning of a body that is not of the API's form, on one line, for an error message.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None if line.is_empty() => "an empty answer".to_owned(),
        None => line,
    }
}
