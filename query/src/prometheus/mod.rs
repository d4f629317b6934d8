//! A client of the Prometheus HTTP API (`/api/v1`).
//!
//! It asks in PromQL and gives typed answers; it neither parses nor changes an expression.

mod answer;
mod value;

pub use answer::{Answer, Data, Exemplar, ExemplarSeries, Point, Sample, Series};
pub use value::{format_value, parse_value};

use crate::{
    Api, Error, ErrorKind, Labels, Limits, UnixNanos, Window,
    http::{Http, Question, excerpt},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// A client of one Prometheus.
#[derive(Debug, Clone)]
pub struct Prometheus {
    http: Http,
}

impl Prometheus {
    /// A client of the API at this base URL.
    ///
    /// # Errors
    /// The URL is malformed, is not `http`, or carries credentials.
    pub fn new(base: &str, limits: Limits) -> Result<Self, Error> {
        Http::new(Api::Prometheus, base, limits, explain).map(|http| Self { http })
    }

    /// The base URL.
    #[must_use]
    pub fn base(&self) -> &str {
        self.http.base()
    }

    /// The value of an expression at one moment; `None` is the server's now.
    ///
    /// # Errors
    /// See [`ErrorKind`]; a bad expression is [`ErrorKind::Api`] with `bad_data`.
    pub async fn instant(&self, expr: &str, time: Option<UnixNanos>) -> Result<Answer, Error> {
        let question = instant(expr, time);
        let value = self.http.get(&question).await?;
        answer::parse(value).map_err(|why| self.http.error(&question, ErrorKind::Malformed(why)))
    }

    /// As [`Prometheus::instant`], the API's JSON as it came.
    ///
    /// # Errors
    /// As [`Prometheus::instant`].
    pub async fn instant_json(&self, expr: &str, time: Option<UnixNanos>) -> Result<Value, Error> {
        self.http.get(&instant(expr, time)).await
    }

    /// The values of an expression over a window, one per step.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn range(&self, expr: &str, window: Window, step: Duration) -> Result<Answer, Error> {
        let question = range(expr, window, step);
        let value = self.http.get(&question).await?;
        answer::parse(value).map_err(|why| self.http.error(&question, ErrorKind::Malformed(why)))
    }

    /// As [`Prometheus::range`], the API's JSON as it came.
    ///
    /// # Errors
    /// As [`Prometheus::range`].
    pub async fn range_json(&self, expr: &str, window: Window, step: Duration) -> Result<Value, Error> {
        self.http.get(&range(expr, window, step)).await
    }

    /// The series that any of these selectors matches.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn series(&self, selectors: &[&str], window: Window) -> Result<Vec<Labels>, Error> {
        let asked = format!("series of {}", selectors.join(", "));
        self.data(asked, &["api", "v1", "series"], matching(selectors, window)).await
    }

    /// The label names of the series that any of these selectors matches (of all series, if there are none).
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn labels(&self, selectors: &[&str], window: Window) -> Result<Vec<String>, Error> {
        self.data("label names".to_owned(), &["api", "v1", "labels"], matching(selectors, window)).await
    }

    /// The values of one label (`__name__` for metric names), restricted as in [`Prometheus::labels`].
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn label_values(
        &self,
        name: &str,
        selectors: &[&str],
        window: Window,
    ) -> Result<Vec<String>, Error> {
        let path = ["api", "v1", "label", name, "values"];
        self.data(format!("values of the label {name}"), &path, matching(selectors, window)).await
    }

    /// The exemplars of the series in an expression: single measurements with the trace they were made in.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn exemplars(&self, expr: &str, window: Window) -> Result<Vec<ExemplarSeries>, Error> {
        let mut params = span(window);
        params.push(("query", expr.to_owned()));
        self.data(format!("exemplars of {expr}"), &["api", "v1", "query_exemplars"], params).await
    }

    async fn data<T: DeserializeOwned>(
        &self,
        asked: String,
        path: &[&str],
        params: Vec<(&'static str, String)>,
    ) -> Result<T, Error> {
        let question = Question { asked, path, params };
        let mut value = self.http.get(&question).await?;
        let data = value.get_mut("data").map(Value::take).unwrap_or_default();
        serde_json::from_value(data)
            .map_err(|e| self.http.error(&question, ErrorKind::Malformed(format!("in `data`: {e}"))))
    }
}

fn instant(expr: &str, time: Option<UnixNanos>) -> Question<'static> {
    let mut params = vec![("query", expr.to_owned())];
    params.extend(time.map(|t| ("time", t.seconds_text())));
    Question { asked: format!("instant query {expr}"), path: &["api", "v1", "query"], params }
}

fn range(expr: &str, window: Window, step: Duration) -> Question<'static> {
    let mut params = span(window);
    params.push(("query", expr.to_owned()));
    params.push(("step", format!("{:.3}", step.as_secs_f64())));
    Question { asked: format!("range query {expr}"), path: &["api", "v1", "query_range"], params }
}

fn span(window: Window) -> Vec<(&'static str, String)> {
    vec![("start", window.start.seconds_text()), ("end", window.end.seconds_text())]
}

fn matching(selectors: &[&str], window: Window) -> Vec<(&'static str, String)> {
    let mut params = span(window);
    params.extend(selectors.iter().map(|&s| ("match[]", s.to_owned())));
    params
}

/// `{"status":"error","errorType":"bad_data","error":"…"}`; a proxy in between may say something else.
fn explain(status: u16, body: &[u8]) -> ErrorKind {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let text = |key: &str| json.as_ref()?.get(key)?.as_str().map(str::to_owned);
    ErrorKind::Api {
        status,
        error_type: text("errorType"),
        message: text("error").unwrap_or_else(|| excerpt(body)),
    }
}

/// The value in an answer of this API's form, which is also Loki's for metric queries.
pub(crate) fn parse_answer(body: Value) -> Result<Data, String> {
    answer::parse(body).map(|answer| answer.data)
}
