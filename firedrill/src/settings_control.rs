//! Speaks to the settings of the running services.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{failure::Failure, run_file::RunFile};

/// The longest wait for an answer: a service that is busy takes its time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client of one service's settings.
#[derive(Clone, Debug)]
pub struct SettingsControl {
    http: reqwest::Client,
    service: String,
    base: String,
    token: String,
}

/// A service's settings, as it shows them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Shown {
    /// The service.
    pub service: String,
    /// `service.version`.
    pub version: String,
    /// `service.instance.id`.
    pub instance: String,
    /// Counts the changes.
    pub revision: u64,
    /// By key.
    pub settings: BTreeMap<String, Setting>,
    /// Of a change on lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
}

/// One setting.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Setting {
    /// The value in force.
    pub value: Value,
    /// What it is when nobody changes it.
    pub default: Value,
    /// Of the value; empty for those without one.
    pub unit: String,
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Value>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Value>,
    /// All values, where there are few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<Value>>,
    /// What it does.
    pub description: String,
}

/// One change.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Revision {
    /// Its number.
    pub revision: u64,
    /// When, RFC 3339.
    pub at: String,
    /// By key.
    pub changes: BTreeMap<String, Change>,
}

/// What became of one setting.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Change {
    /// The value before.
    pub from: Value,
    /// The value after.
    pub to: Value,
}

#[derive(Deserialize)]
struct History {
    history: Vec<Revision>,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    errors: Vec<Wrong>,
    #[serde(default)]
    known: Vec<String>,
}

#[derive(Deserialize)]
struct Wrong {
    key: String,
    problem: String,
    setting: Option<Value>,
}

impl SettingsControl {
    /// For a service of the running stack; names the nearest one where there is none of this name.
    pub fn of(run: &RunFile, service: &str) -> Result<Self, Failure> {
        let services: Vec<&str> = run.admin_urls.keys().map(String::as_str).collect();
        if services.is_empty() {
            return Err(Failure::environment(
                "the running stack has no services; start the whole one with `firedrill up`",
            ));
        }
        let Some(base) = run.admin_urls.get(service) else {
            let suggestion = loadgen::nearest::suggestion(service, &services);
            return Err(Failure::arguments(format!("there is no service {service:?}; {suggestion}")));
        };
        Self::at(service, base.clone(), run.admin_token.clone())
    }

    /// Of the instance of a service whose settings are at `base`.
    pub fn at(service: &str, base: String, token: String) -> Result<Self, Failure> {
        let http =
            reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(anyhow::Error::from)?;
        Ok(Self { http, service: service.into(), base, token })
    }

    /// All settings.
    pub async fn get(&self) -> Result<Shown, Failure> {
        self.ask(Method::GET, "/settings", None).await
    }

    /// Changes settings, all or none.
    pub async fn set(&self, settings: &BTreeMap<String, Value>) -> Result<Shown, Failure> {
        self.ask(Method::PATCH, "/settings", Some(json!({ "settings": settings }))).await
    }

    /// Goes back to a revision; without one, to the state before the last change.
    pub async fn roll_back(&self, revision: Option<u64>) -> Result<Shown, Failure> {
        self.ask(Method::POST, "/rollback", Some(json!({ "revision": revision }))).await
    }

    /// What was changed, oldest first.
    pub async fn history(&self) -> Result<Vec<Revision>, Failure> {
        self.ask::<History>(Method::GET, "/history", None).await.map(|history| history.history)
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Failure> {
        let silent = |error: reqwest::Error| {
            let why = if error.is_timeout() { "does not answer in time" } else { "does not answer" };
            Failure::environment(format!(
                "{} at {} {why}; look at its log, or restart the stack",
                self.service, self.base
            ))
        };
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(silent)?;
        let status = answer.status();
        let text = answer.text().await.map_err(silent)?;
        if status.is_success() {
            return Ok(serde_json::from_str(&text).map_err(anyhow::Error::from)?);
        }
        let problem: Option<Problem> = serde_json::from_str(&text).ok();
        let told = problem.map_or_else(|| format!("status {status}"), |problem| problem.told());
        let message = format!("{}: {told}", self.service);
        Err(match status {
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => Failure::arguments(message),
            StatusCode::UNAUTHORIZED | StatusCode::INSUFFICIENT_STORAGE => Failure::environment(message),
            _ => Failure::not_good(message),
        })
    }
}

impl Problem {
    /// In one line, with the nearest right key for each that there is not.
    fn told(&self) -> String {
        if self.errors.is_empty() {
            return self.detail.clone();
        }
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        let told = self.errors.iter().map(|Wrong { key, problem, setting }| match setting {
            Some(_) => format!("{key}: {problem}"),
            None => format!("there is no setting {key:?}; {}", loadgen::nearest::suggestion(key, &known)),
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_told_with_the_nearest_one_and_a_bad_value_with_what_is_taken() {
        let problem: Problem = serde_json::from_value(json!({
            "detail": "two",
            "errors": [
                {"key": "db.pool.max_conections", "problem": "there is no such setting", "setting": null},
                {"key": "http.request_timeout_ms", "problem": "0 is not a whole number from 1 to 9 (ms)", "setting": {}},
            ],
            "known": ["db.pool.max_connections", "http.request_timeout_ms"],
        }))
        .expect("a problem");
        assert_eq!(
            problem.told(),
            "there is no setting \"db.pool.max_conections\"; did you mean `db.pool.max_connections`?; \
             http.request_timeout_ms: 0 is not a whole number from 1 to 9 (ms)"
        );
    }
}
