//! `/api/v1/rules`, `alerts`, `alertmanagers`, and `/-/reload`: the groups that are evaluated, how each rule fared, and its
//! alerts.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{ApiError, success};
use super::series::selectors;
use super::times::rfc3339;
use crate::Backend;
use crate::api::params::{self, Params};
use crate::matcher::Matcher;
use crate::rules::alert::Active;
use crate::rules::definition::{Rule, Text};
use crate::rules::live::{Health, Running, Shown, ShownRule};

/// Texts that Go reads as a truth value, in small letters.
const BOOLEANS: [&str; 6] = ["1", "t", "true", "0", "f", "false"];
/// What Prometheus says of a time that has not come: the zero of its clock.
const NEVER: &str = "0001-01-01T00:00:00Z";

pub(super) async fn rules(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let asked = Asked::read(&params)?;
        asked.answer(&backend.rules.groups())
    };
    answer.await.map_or_else(|e: ApiError| e.answer(&backend), success)
}

/// What is asked for.
struct Asked<'p> {
    alerting: bool,
    recording: bool,
    exclude_alerts: bool,
    names: HashSet<&'p str>,
    groups: HashSet<&'p str>,
    files: HashSet<&'p str>,
    labels: Vec<Vec<Matcher>>,
    /// Most groups, and the token of the first.
    page: Option<(usize, Option<&'p str>)>,
}

impl<'p> Asked<'p> {
    fn read(params: &'p Params) -> Result<Self, ApiError> {
        let labels = selectors(params).map_err(ApiError::bad_data)?;
        let kind = params.get("type").unwrap_or_default().to_lowercase();
        if !matches!(kind.as_str(), "" | "alert" | "record") {
            return Err(ApiError::parameter("type", format!("not supported value {kind:?}")));
        }
        let exclude = params.get("exclude_alerts").map(str::to_lowercase);
        if let Some(text) = exclude.as_ref().filter(|t| !BOOLEANS.contains(&t.as_str())) {
            let what = format!(
                "error converting exclude_alerts: strconv.ParseBool: parsing {text:?}: invalid syntax"
            );
            return Err(ApiError::parameter("exclude_alerts", what));
        }
        Ok(Self {
            alerting: kind != "record",
            recording: kind != "alert",
            exclude_alerts: exclude.is_some_and(|text| matches!(text.as_str(), "1" | "t" | "true")),
            names: params.all("rule_name[]").collect(),
            groups: params.all("rule_group[]").collect(),
            files: params.all("file[]").collect(),
            labels,
            page: page(params)?,
        })
    }

    fn answer(&self, groups: &[Arc<Running>]) -> Result<Value, ApiError> {
        let mut groups = groups.iter();
        if let Some((_, Some(asked))) = self.page {
            let first = groups.as_slice().iter().position(|group| token(group) == asked);
            let first = first.ok_or_else(|| {
                let what = format!("invalid group_next_token '{asked}'. were rule groups changed?");
                ApiError::parameter("group_next_token", what)
            })?;
            groups = groups.as_slice()[first..].iter();
        }
        let mut found = Vec::new();
        for group in groups {
            let (name, file) = (&*group.definition.name, &*group.definition.file);
            let left_out = |set: &HashSet<&str>, what: &str| !set.is_empty() && !set.contains(what);
            if left_out(&self.groups, name) || left_out(&self.files, file) {
                continue;
            }
            let shown = group.shown();
            let rules = self.rules(group, &shown);
            if rules.is_empty() {
                continue;
            }
            if self.page.is_some_and(|(most, _)| found.len() == most) {
                return Ok(json!({"groups": found, "groupNextToken": token(group)}));
            }
            found.push(json!({
                "name": name, "file": file, "rules": rules,
                "interval": seconds(group.interval), "limit": group.definition.limit,
                "evaluationTime": seconds(shown.took),
                "lastEvaluation": time(shown.evaluated_at_ms),
            }));
        }
        Ok(json!({"groups": found}))
    }

    fn rules(&self, group: &Running, shown: &Shown) -> Vec<Value> {
        let pairs = group.definition.rules.iter().zip(&shown.rules);
        let wanted = pairs.filter(|(rule, _)| {
            let kind = if rule.alert().is_some() { self.alerting } else { self.recording };
            let named = self.names.is_empty() || self.names.contains(&*rule.name);
            kind && named && self.has_labels(rule)
        });
        wanted.map(|(rule, shown)| self.rule(rule, shown)).collect()
    }

    /// Whether the labels, as they are written, satisfy any of the sets.
    fn has_labels(&self, rule: &Rule) -> bool {
        let value = |name: &str| rule.written_labels().find(|(n, _)| *n == name).map_or("", |(_, v)| v);
        self.labels.is_empty() || self.labels.iter().any(|set| set.iter().all(|m| m.matches(value(&m.name))))
    }

    fn rule(&self, rule: &Rule, shown: &ShownRule) -> Value {
        let labels: BTreeMap<&str, &str> = rule.written_labels().collect();
        let mut answer = json!({
            "name": &*rule.name, "query": rule.shown, "health": shown.health.name(), "labels": labels,
            "evaluationTime": seconds(shown.took), "lastEvaluation": time(shown.evaluated_at_ms),
            "type": if rule.alert().is_some() { "alerting" } else { "recording" },
        });
        if let Health::Bad(error) = &shown.health {
            answer["lastError"] = json!(error);
        }
        if let Some(alert) = rule.alert() {
            let written = |texts: &[(Arc<str>, Text)]| -> BTreeMap<String, String> {
                texts.iter().map(|(name, text)| (name.to_string(), text.source().to_owned())).collect()
            };
            let alerts: Vec<Value> = shown.alerts.iter().map(describe).collect();
            answer["state"] = json!(shown.state.map_or("unknown", |state| state.name()));
            answer["duration"] = number(alert.hold_ms as f64 / 1000.0);
            answer["keepFiringFor"] = number(alert.keep_firing_ms as f64 / 1000.0);
            answer["annotations"] = json!(written(&alert.annotations));
            answer["alerts"] = if self.exclude_alerts { Value::Null } else { json!(alerts) };
        }
        answer
    }
}

fn page(params: &Params) -> Result<Option<(usize, Option<&str>)>, ApiError> {
    let (limit, token) = (params.get("group_limit"), params.get("group_next_token"));
    match (limit.map(str::parse::<i32>), token) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(ApiError::parameter(
            "group_next_token",
            "group_limit needs to be present in order to paginate over the groups",
        )),
        (Some(Err(error)), _) => {
            let what = format!("group_limit needs to be a valid number: {error}");
            Err(ApiError::parameter("group_limit", what))
        }
        (Some(Ok(n)), _) if n <= 0 => {
            Err(ApiError::parameter("group_limit", "group_limit needs to be greater than 0"))
        }
        (Some(Ok(n)), token) => Ok(Some((usize::try_from(n).unwrap_or(usize::MAX), token))),
    }
}

/// What names a group in the next request. It is nothing that anybody reads.
fn token(group: &Running) -> String {
    let name = group.key.bytes();
    format!(
        "{:016x}",
        name.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    )
}

/// A number as Go writes it: without a point where it is whole.
fn number(v: f64) -> Value {
    if v.fract() == 0.0 && v.abs() < 1e15 { json!(v as i64) } else { json!(v) }
}

fn seconds(duration: Duration) -> Value {
    number(duration.as_secs_f64())
}

fn time(ms: Option<i64>) -> String {
    ms.map_or_else(|| NEVER.to_owned(), rfc3339)
}

fn describe(alert: &Active) -> Value {
    let annotations = alert.found.annotations.iter().flat_map(|a| a.iter());
    let annotations: BTreeMap<&str, &str> = annotations.map(|(n, text)| (&**n, text.as_str())).collect();
    let mut answer = json!({
        "labels": alert.labels, "annotations": annotations, "state": alert.state.name(),
        "activeAt": rfc3339(alert.active_at_ms), "value": scientific(alert.found.value),
    });
    if let Some(since) = alert.keep_firing_since_ms {
        answer["keepFiringSince"] = json!(rfc3339(since));
    }
    answer
}

/// A value as Go's `%e` prints it with as few digits as tell it from others.
fn scientific(v: f64) -> String {
    if !v.is_finite() {
        return super::answer::number(v);
    }
    let text = format!("{v:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
    format!("{mantissa}e{sign}{digits:0>2}")
}

pub(super) async fn alerts(State(backend): State<Arc<Backend>>) -> Response {
    let mut found = Vec::new();
    for group in backend.rules.groups() {
        found.extend(group.shown().rules.iter().flat_map(|rule| rule.alerts.iter().map(describe)));
    }
    success(json!({"alerts": found}))
}

pub(super) async fn alertmanagers(State(backend): State<Arc<Backend>>) -> Response {
    let active: Vec<Value> = backend.rules.alertmanagers().map(|url| json!({"url": url})).collect();
    success(json!({"activeAlertmanagers": active, "droppedAlertmanagers": []}))
}

/// Reads the rules again. They are read again by themselves, too, when a file changes.
pub(super) async fn reload(State(backend): State<Arc<Backend>>) -> Response {
    match backend.rules.reload().await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => {
            let text = format!("failed to reload config: {error}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_go_writes_them() {
        let all = [1.0, 0.05, 1234.5, -0.0, 1e-7, f64::NAN, f64::INFINITY].map(scientific);
        assert_eq!(all, ["1e+00", "5e-02", "1.2345e+03", "-0e+00", "1e-07", "NaN", "+Inf"]);
    }
}
