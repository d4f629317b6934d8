//! A client of the Jaeger query API (`/api`).
//!
//! The API has no stability promise of its own, but Grafana and Jaeger's UI live on it, and Jaeger 2 serves it
//! unchanged. Spans come as they are stored; `query::trace` makes a tree of them.

mod model;
mod search;

pub use model::{Dependency, Process, Reference, ReferenceKind, Span, SpanLog, Tag, TagValue, Trace};
pub use search::SearchParams;

use crate::{
    Api, Error, ErrorKind, Limits, TraceId, Window,
    http::{Http, Question, excerpt},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A client of one Jaeger.
#[derive(Debug, Clone)]
pub struct Jaeger {
    http: Http,
}

impl Jaeger {
    /// A client of the API at this base URL.
    ///
    /// # Errors
    /// The URL is malformed, is not `http`, or carries credentials.
    pub fn new(base: &str, limits: Limits) -> Result<Self, Error> {
        Http::new(Api::Jaeger, base, limits, explain).map(|http| Self { http })
    }

    /// The base URL.
    #[must_use]
    pub fn base(&self) -> &str {
        self.http.base()
    }

    /// The URL where the JSON of one trace is.
    #[must_use]
    pub fn trace_url(&self, id: TraceId) -> String {
        self.http.url(&["api", "traces", &id.to_string()]).to_string()
    }

    /// The names of the services that have spans.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn services(&self) -> Result<Vec<String>, Error> {
        self.data(&Question { asked: "services".to_owned(), path: &["api", "services"], params: vec![] })
            .await
    }

    /// The span names of one service.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn operations(&self, service: &str) -> Result<Vec<String>, Error> {
        let path = ["api", "services", service, "operations"];
        self.data(&Question { asked: format!("operations of {service}"), path: &path, params: vec![] }).await
    }

    /// Traces with a span that fits.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn search(&self, params: &SearchParams) -> Result<Vec<Trace>, Error> {
        let asked = format!("search for traces of {}", params.service);
        self.data(&Question { asked, path: &["api", "traces"], params: params.to_pairs() }).await
    }

    /// Which service called which in a window, as far as spans show it.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn dependencies(&self, window: Window) -> Result<Vec<Dependency>, Error> {
        let millis = |nanos: i64| (nanos.max(0) / 1_000_000).to_string();
        let lookback = window.end.0.saturating_sub(window.start.0);
        let params = vec![("endTs", millis(window.end.0)), ("lookback", millis(lookback))];
        self.data(&Question { asked: "dependencies".to_owned(), path: &["api", "dependencies"], params })
            .await
    }

    /// One trace.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no span of it is stored; else see [`ErrorKind`].
    pub async fn trace(&self, id: TraceId) -> Result<Trace, Error> {
        let text = id.to_string();
        let question =
            Question { asked: format!("trace {id}"), path: &["api", "traces", &text], params: vec![] };
        let traces: Vec<Trace> = self.data(&question).await?;
        let found = traces.into_iter().find(|trace| !trace.spans.is_empty());
        found.ok_or_else(|| {
            let message = "the answer holds no trace".to_owned();
            self.http.error(&question, ErrorKind::NotFound { message })
        })
    }

    /// As [`Jaeger::trace`], the API's JSON as it came.
    ///
    /// # Errors
    /// As [`Jaeger::trace`].
    pub async fn trace_json(&self, id: TraceId) -> Result<Value, Error> {
        let text = id.to_string();
        let question =
            Question { asked: format!("trace {id}"), path: &["api", "traces", &text], params: vec![] };
        self.http.get(&question).await
    }

    async fn data<T: DeserializeOwned + Default>(&self, question: &Question<'_>) -> Result<T, Error> {
        let mut value = self.http.get(question).await?;
        let data = value.get_mut("data").map(Value::take);
        let Some(data) = data else {
            let why = "there is no `data`".to_owned();
            return Err(self.http.error(question, ErrorKind::Malformed(why)));
        };
        if data.is_null()
            && let Some(kind) = said(&value, 200)
        {
            return Err(self.http.error(question, kind));
        }
        // An empty list comes as null from some storages.
        let data: Option<T> = serde_json::from_value(data)
            .map_err(|e| self.http.error(question, ErrorKind::Malformed(format!("in `data`: {e}"))))?;
        Ok(data.unwrap_or_default())
    }
}

/// `{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}`
fn said(body: &Value, status: u16) -> Option<ErrorKind> {
    let first = body.get("errors")?.as_array()?.first()?;
    let message = first.get("msg").and_then(Value::as_str).unwrap_or("no message").to_owned();
    let code = first.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = code.filter(|&code| code != 0).unwrap_or(status);
    Some(match status {
        404 => ErrorKind::NotFound { message },
        _ => ErrorKind::Api { status, error_type: None, message },
    })
}

fn explain(status: u16, body: &[u8]) -> ErrorKind {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    json.and_then(|json| said(&json, status)).unwrap_or_else(|| ErrorKind::Api {
        status,
        error_type: None,
        message: excerpt(body),
    })
}
