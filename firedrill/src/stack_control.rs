//! Speaks to the control listener of the running stack.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU16, Ordering::Relaxed},
    time::Duration,
};

use balance::Endpoint;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::{failure::Failure, run_file::RunFile};

/// An operation may let several instances drain and start, one after the other.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The instances of the services.
#[derive(Clone, Debug, Deserialize)]
pub struct Endpoints {
    /// Counts the changes.
    pub revision: u64,
    /// By service.
    pub services: BTreeMap<String, Vec<Endpoint>>,
}

/// Who asks again and again where the services are.
#[derive(Debug)]
pub struct Follower {
    /// A name that nobody else has.
    pub name: String,
    /// The port of loopback on which its own metrics are; 0 while it has none.
    pub metrics: AtomicU16,
}

/// A client of the control listener.
#[derive(Clone, Debug)]
pub struct StackControl {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl StackControl {
    /// Of the running stack.
    pub fn of(run: &RunFile) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
        let http = http.map_err(|e| Failure::environment(format!("no HTTP client can be had: {e}")))?;
        Ok(Self { http, base: run.url("control")?.to_owned(), token: run.admin_token.clone() })
    }

    /// Asks once; the failure is what the listener says is wrong.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let gone = |e: reqwest::Error| {
            Failure::environment(format!(
                "the stack does not answer: {e}; is it up? `firedrill doctor` tells"
            ))
        };
        let answer = request.send().await.map_err(gone)?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(gone)?;
        if status.is_success() {
            return Ok(body);
        }
        let detail = body["detail"].as_str().unwrap_or("the control listener refuses").to_owned();
        Err(match status {
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => {
                Failure::arguments(detail)
            }
            StatusCode::UNAUTHORIZED => Failure::environment(detail),
            _ => Failure::not_good(detail),
        })
    }

    /// Where the instances of the services are for those who send as the load generator does. Who follows them
    /// says which revision it holds: an instance goes when all have heard.
    pub async fn endpoints(&self, follower: &Follower, holds: u64) -> Result<Endpoints, Failure> {
        let metrics = match follower.metrics.load(Relaxed) {
            0 => String::new(),
            port => format!("&metrics={port}"),
        };
        let path = format!("/endpoints?follower={}&holds={holds}{metrics}", follower.name);
        let body = self.ask(Method::GET, &path, None).await?;
        serde_json::from_value(body)
            .map_err(|e| Failure::not_good(format!("the endpoints cannot be read: {e}")))
    }

    /// A follower follows no more.
    pub async fn leave(&self, follower: &str) -> Result<(), Failure> {
        self.ask(Method::DELETE, &format!("/endpoints/{follower}"), None).await.map(drop)
    }
}
