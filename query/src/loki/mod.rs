//! A client of the Loki HTTP API (`/loki/api/v1`).
//!
//! It asks in LogQL and gives log lines with their labels; it does not push. New lines are followed by asking again, not
//! through the tailing websocket, which no client of these libraries speaks without a stack of its own.

mod entry;
mod follow;

pub use entry::LogEntry;
pub use follow::Follow;

use crate::{
    Api, Error, ErrorKind, Labels, Limits, UnixNanos, Window,
    http::{Http, Question, excerpt},
    prometheus::{self, Data, Series},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// Which lines come first, and which are kept when there are more than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The newest first.
    #[default]
    Backward,
    /// The oldest first.
    Forward,
}

/// What a query of either kind gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Log lines, of a log query.
    Lines(Vec<LogEntry>),
    /// Numbers, of a metric query (or of a log query counted by the server, which none here asks for).
    Numbers(Data),
}

/// A client of one Loki.
#[derive(Debug, Clone)]
pub struct Loki {
    http: Http,
}

impl Loki {
    /// A client of the API at this base URL.
    ///
    /// # Errors
    /// The URL is malformed, is not `http`, or carries credentials.
    pub fn new(base: &str, limits: Limits) -> Result<Self, Error> {
        Http::new(Api::Loki, base, limits, explain).map(|http| Self { http })
    }

    /// The base URL.
    #[must_use]
    pub fn base(&self) -> &str {
        self.http.base()
    }

    /// At most `limit` lines that a log query finds in a window, of all streams together, in the order of `direction`.
    ///
    /// # Errors
    /// See [`ErrorKind`]; [`ErrorKind::BadRequest`] if the query is one of numbers ([`Loki::metric_range`]).
    pub async fn query_range(
        &self,
        logql: &str,
        window: Window,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<LogEntry>, Error> {
        let question = range(logql, window, limit, direction);
        let value = self.http.get(&question).await?;
        let kind = value.pointer("/data/resultType").and_then(Value::as_str);
        if matches!(kind, Some("matrix" | "vector" | "scalar")) {
            let why =
                "this query gives numbers, not lines: a metric query was given where a log query belongs";
            return Err(self.http.error(&question, ErrorKind::BadRequest(why.to_owned())));
        }
        let mut entries =
            entry::parse(value).map_err(|why| self.http.error(&question, ErrorKind::Malformed(why)))?;
        match direction {
            Direction::Backward => entries.sort_by_key(|e| std::cmp::Reverse(e.time)),
            Direction::Forward => entries.sort_by_key(|e| e.time),
        }
        Ok(entries)
    }

    /// A query of either kind over a window: at most `limit` lines, the newest first, or a number per step.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn range(
        &self,
        logql: &str,
        window: Window,
        step: Duration,
        limit: usize,
    ) -> Result<Answer, Error> {
        self.answer(&stepped(logql, window, step, limit)).await
    }

    /// As [`Loki::range`], the API's JSON as it came.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn range_json(
        &self,
        logql: &str,
        window: Window,
        step: Duration,
        limit: usize,
    ) -> Result<Value, Error> {
        self.http.get(&stepped(logql, window, step, limit)).await
    }

    /// A query of either kind at one moment.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn instant(&self, logql: &str, time: UnixNanos, limit: usize) -> Result<Answer, Error> {
        let params =
            vec![("query", logql.to_owned()), ("time", time.0.to_string()), ("limit", limit.to_string())];
        let path = &["loki", "api", "v1", "query"];
        self.answer(&Question { asked: format!("instant query {logql}"), path, params }).await
    }

    async fn answer(&self, question: &Question<'_>) -> Result<Answer, Error> {
        let value = self.http.get(question).await?;
        let answer = match value.pointer("/data/resultType").and_then(Value::as_str) {
            Some("streams") => entry::parse(value).map(Answer::Lines),
            _ => prometheus::parse_answer(value).map(Answer::Numbers),
        };
        answer.map_err(|why| self.http.error(question, ErrorKind::Malformed(why)))
    }

    /// The numbers a metric query (`count_over_time(…)`) gives over a window, one per step.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn metric_range(
        &self,
        logql: &str,
        window: Window,
        step: Duration,
    ) -> Result<Vec<Series>, Error> {
        let mut params = span(window);
        params.push(("query", logql.to_owned()));
        params.push(("step", format!("{:.3}", step.as_secs_f64())));
        let path = &["loki", "api", "v1", "query_range"];
        let question = Question { asked: format!("metric query {logql}"), path, params };
        let value = self.http.get(&question).await?;
        match prometheus::parse_answer(value) {
            Ok(Data::Matrix(series)) => Ok(series),
            Ok(_) => Err(self.http.error(&question, ErrorKind::Malformed("not a matrix".to_owned()))),
            Err(why) => Err(self.http.error(&question, ErrorKind::Malformed(why))),
        }
    }

    /// The names of the stream labels in a window.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn labels(&self, window: Window) -> Result<Vec<String>, Error> {
        self.data("label names".to_owned(), &["loki", "api", "v1", "labels"], span(window)).await
    }

    /// The values of one stream label in a window.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn label_values(&self, name: &str, window: Window) -> Result<Vec<String>, Error> {
        let path = ["loki", "api", "v1", "label", name, "values"];
        self.data(format!("values of the label {name}"), &path, span(window)).await
    }

    /// The streams that any of these selectors matches in a window.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn series(&self, selectors: &[&str], window: Window) -> Result<Vec<Labels>, Error> {
        let mut params = span(window);
        params.extend(selectors.iter().map(|&s| ("match[]", s.to_owned())));
        let asked = format!("streams of {}", selectors.join(", "));
        self.data(asked, &["loki", "api", "v1", "series"], params).await
    }

    async fn data<T: DeserializeOwned + Default>(
        &self,
        asked: String,
        path: &[&str],
        params: Vec<(&'static str, String)>,
    ) -> Result<T, Error> {
        let question = Question { asked, path, params };
        let mut value = self.http.get(&question).await?;
        // An empty Loki leaves `data` out.
        let data: Option<T> =
            serde_json::from_value(value.get_mut("data").map(Value::take).unwrap_or_default())
                .map_err(|e| self.http.error(&question, ErrorKind::Malformed(format!("in `data`: {e}"))))?;
        Ok(data.unwrap_or_default())
    }
}

fn range(logql: &str, window: Window, limit: usize, direction: Direction) -> Question<'static> {
    let mut params = span(window);
    params.push(("query", logql.to_owned()));
    params.push(("limit", limit.to_string()));
    let direction = match direction {
        Direction::Backward => "backward",
        Direction::Forward => "forward",
    };
    params.push(("direction", direction.to_owned()));
    Question { asked: format!("log query {logql}"), path: &["loki", "api", "v1", "query_range"], params }
}

fn stepped(logql: &str, window: Window, step: Duration, limit: usize) -> Question<'static> {
    let mut question = range(logql, window, limit, Direction::Backward);
    question.params.push(("step", format!("{:.3}", step.as_secs_f64())));
    question.asked = format!("range query {logql}");
    question
}

fn span(window: Window) -> Vec<(&'static str, String)> {
    // Loki's end is exclusive; the window's is not.
    vec![("start", window.start.0.to_string()), ("end", window.end.0.saturating_add(1).to_string())]
}

/// Loki's errors are a line of plain text.
fn explain(status: u16, body: &[u8]) -> ErrorKind {
    ErrorKind::Api { status, error_type: None, message: excerpt(body) }
}
