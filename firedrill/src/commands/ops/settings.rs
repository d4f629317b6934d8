//! `firedrill ops get|set|rollback|history`: the settings of a service.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::output;
use crate::{
    cli::{OpsHistory, OpsRollback, OpsSet, OpsShow},
    failure::{Code, Failure, Outcome},
    run_file::RunFile,
    settings_control::{Revision, Setting, SettingsControl, Shown},
};

/// Shows settings.
pub(super) async fn get(run: &RunFile, OpsShow { service, keys }: &OpsShow, json: bool) -> Outcome {
    let shown = SettingsControl::of(run, service)?.get().await?;
    told(&only(shown, keys)?, json)
}

/// Changes settings.
pub(super) async fn set(run: &RunFile, OpsSet { service, changes }: &OpsSet, json: bool) -> Outcome {
    let changes = values(changes);
    let shown = SettingsControl::of(run, service)?.set(&changes).await?;
    let keys: Vec<String> = changes.into_keys().collect();
    if json { told(&shown, json) } else { told(&only(shown, &keys)?, json) }
}

/// Goes back to earlier settings.
pub(super) async fn roll_back(
    run: &RunFile,
    OpsRollback { service, to }: &OpsRollback,
    json: bool,
) -> Outcome {
    let control = SettingsControl::of(run, service)?;
    let shown = control.roll_back(*to).await?;
    if json {
        return told(&shown, json);
    }
    let last = control.history().await?.pop();
    output::print(&format!("{} is at revision {}", shown.service, shown.revision));
    if let Some(last) = last {
        output::print(&line(&last));
    }
    Ok(Code::Good)
}

/// Lists what was changed.
pub(super) async fn history(run: &RunFile, OpsHistory { service }: &OpsHistory, json: bool) -> Outcome {
    let control = SettingsControl::of(run, service)?;
    let (shown, history) = tokio::try_join!(control.get(), control.history())?;
    if json {
        let mut object = object(&shown)?;
        object["history"] = serde_json::to_value(&history).map_err(anyhow::Error::from)?;
        output::json(&object);
    } else if history.is_empty() {
        output::print(&format!("{}: nothing was changed", shown.service));
    } else {
        output::print(&history.iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    Ok(Code::Good)
}

/// Changes as people type them.
pub(super) fn values(changes: &[(String, String)]) -> BTreeMap<String, Value> {
    changes.iter().map(|(key, text)| (key.clone(), value(text))).collect()
}

/// A value as people type it: a number, true, false, or a word.
fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => text.into(),
    }
}

/// Those settings whose key is one of these or below it; all where none is named.
fn only(mut shown: Shown, keys: &[String]) -> Result<Shown, Failure> {
    let named = |key: &str, wanted: &String| {
        key.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    for wanted in keys {
        if !shown.settings.keys().any(|key| named(key, wanted)) {
            let known: Vec<&str> = shown.settings.keys().map(String::as_str).collect();
            return Err(Failure::arguments(format!(
                "{}: there is no setting {wanted:?}; {}",
                shown.service,
                loadgen::nearest::suggestion(wanted, &known)
            )));
        }
    }
    shown.settings.retain(|key, _| keys.is_empty() || keys.iter().any(|wanted| named(key, wanted)));
    Ok(shown)
}

fn told(shown: &Shown, json: bool) -> Outcome {
    if json {
        output::json(&object(shown)?);
    } else {
        output::print(&text(shown));
    }
    Ok(Code::Good)
}

pub(super) fn object(shown: &Shown) -> Result<Value, Failure> {
    Ok(serde_json::to_value(shown).map_err(anyhow::Error::from)?)
}

/// Two lines for each: the value with what it takes, and what it does.
fn text(shown: &Shown) -> String {
    let width = shown.settings.keys().map(String::len).max().unwrap_or(0);
    let mut lines = vec![format!("{} {}, revision {}", shown.service, shown.version, shown.revision)];
    for (key, setting) in &shown.settings {
        let Setting { value, default, unit, description, .. } = setting;
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let changed = if value == default { String::new() } else { format!(", default {}", plain(default)) };
        let taken = taken(setting);
        lines.push(format!("{key:<width$}  {}{unit}  ({taken}{changed})", plain(value)));
        lines.push(format!("{:width$}  {description}", ""));
    }
    lines.join("\n")
}

fn taken(setting: &Setting) -> String {
    match (&setting.min, &setting.max, &setting.allowed) {
        (_, _, Some(allowed)) => allowed.iter().map(plain).collect::<Vec<_>>().join(" | "),
        (Some(min), Some(max), None) => format!("{} to {}", plain(min), plain(max)),
        _ => "anything".to_owned(),
    }
}

/// `7  2026-01-02T03:04:05.678Z  db.pool.max_connections 8 -> 4`
fn line(revision: &Revision) -> String {
    let changes: Vec<String> = revision
        .changes
        .iter()
        .map(|(key, change)| format!("{key} {} -> {}", plain(&change.from), plain(&change.to)))
        .collect();
    format!("{:>4}  {}  {}", revision.revision, revision.at, changes.join(", "))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown() -> Shown {
        serde_json::from_value(json!({
            "service": "order-service", "version": "0.1.0", "instance": "x", "revision": 3,
            "settings": {
                "db.pool.max_connections": {"value": 4, "default": 8, "unit": "connections", "min": 1, "max": 64, "description": "The most"},
                "orders.lookup": {"value": "batch", "default": "batch", "unit": "", "allowed": ["batch", "each"], "description": "How"},
            },
        }))
        .expect("settings")
    }

    #[test]
    fn a_person_sees_the_value_what_it_takes_and_what_it_was() {
        assert_eq!(
            text(&shown()),
            "order-service 0.1.0, revision 3\n\
             db.pool.max_connections  4 connections  (1 to 64, default 8)\n\
             \x20                        The most\n\
             orders.lookup            batch  (batch | each)\n\
             \x20                        How"
        );
    }

    #[test]
    fn one_key_or_an_area_can_be_asked_for_and_a_mistyped_one_is_named() {
        let keys = |wanted: &str| {
            let shown = only(shown(), &[wanted.to_owned()]);
            shown.map(|shown| shown.settings.into_keys().collect::<Vec<_>>())
        };
        assert_eq!(keys("db").expect("an area"), ["db.pool.max_connections"]);
        assert_eq!(keys("orders.lookup").expect("a key"), ["orders.lookup"]);
        let failure = keys("orders.lokup").expect_err("a typo");
        assert_eq!(failure.code, Code::BadArguments);
        assert!(failure.message.contains("did you mean `orders.lookup`?"), "{failure}");
    }

    #[test]
    fn values_are_read_as_they_are_typed() {
        assert_eq!(value("4"), json!(4));
        assert_eq!(value("0.5"), json!(0.5));
        assert_eq!(value("true"), json!(true));
        assert_eq!(value("scan"), json!("scan"));
        assert_eq!(value("[1]"), json!("[1]"), "nothing takes a list");
    }
}
