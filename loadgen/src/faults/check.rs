//! Whether a schedule can be carried out on this stack, asked before anything is done: nothing is half applied.

use super::act::Act;
use super::listener::Unanswered;
use super::requests::call;
use super::schedule::Schedule;
use super::stack::Stack;
use crate::nearest::suggestion;
use http::Method;
use serde_json::Value;

/// Why a fault cannot be had here. One line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} cannot be had: {reason}")]
pub struct Refused {
    fault: String,
    reason: String,
}

/// Asks every listener that the schedule will need whether it has what will be asked of it.
///
/// # Errors
/// For the first step that could not begin.
pub async fn check(stack: &Stack, schedule: &Schedule) -> Result<(), Refused> {
    for injection in &schedule.injections {
        for step in &injection.steps {
            act(stack, &step.act)
                .await
                .map_err(|reason| Refused { fault: injection.fault.clone(), reason })?;
        }
    }
    Ok(())
}

async fn act(stack: &Stack, act: &Act) -> Result<(), String> {
    let Some(listener) = stack.listener(act)? else {
        let Act::Requests { service, method, path, body, rate, .. } = act else { return Ok(()) };
        let call = call(service, method, path, body.as_deref());
        call.ok_or_else(|| format!("{service} has no {method} {path}"))?;
        return rate.as_f64().map(drop).ok_or_else(|| format!("{rate} is no rate"));
    };
    let get =
        async |path: &str| listener.ask(Method::GET, path, None).await.map_err(|e: Unanswered| e.to_string());
    match act {
        Act::Settings { service, set } => {
            let answer = get("/settings").await?;
            set.iter().try_for_each(|(key, value)| setting(service, &answer["settings"], key, value))
        }
        Act::Deploy { service, .. } | Act::Signal { service, .. } => {
            known("service", service, &get("/services").await?["services"], "service")
        }
        Act::Network { link, .. } => known("link", link, &get("/links").await?["links"], "name"),
        Act::Requests { .. } => Ok(()),
    }
}

/// Whether a list of objects has one of that name.
fn known(what: &str, name: &str, list: &Value, field: &str) -> Result<(), String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = list.iter().filter_map(|item| item[field].as_str()).collect();
    match names.contains(&name) {
        true => Ok(()),
        false => Err(format!("there is no {what} {name}; {}", suggestion(name, &names))),
    }
}

/// Whether a service has a setting and would take that value. What it says of its range is believed; it decides itself.
fn setting(service: &str, settings: &Value, key: &str, value: &Value) -> Result<(), String> {
    let Some(setting) = settings.get(key) else {
        let names: Vec<&str> =
            settings.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        return Err(format!("{service} has no setting {key}; {}", suggestion(key, &names)));
    };
    let (min, max) = (setting["min"].as_f64(), setting["max"].as_f64());
    if let (Some(value), Some(min), Some(max)) = (value.as_f64(), min, max)
        && !(min..=max).contains(&value)
    {
        return Err(format!("{key} of {service} is {min} to {max}, not {value}"));
    }
    let allowed = setting["allowed"].as_array();
    if allowed.is_some_and(|allowed| !allowed.contains(value)) {
        return Err(format!("{key} of {service} is one of {}, not {value}", setting["allowed"]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_setting_that_is_not_there_names_the_nearest() {
        let settings = json!({ "db.pool.max_connections": { "min": 1, "max": 64 } });
        let error = setting("x", &settings, "db.pool.max_connection", &json!(4)).expect_err("mistyped");
        assert!(error.contains("did you mean `db.pool.max_connections`?"), "{error}");
    }

    #[test]
    fn a_value_that_would_be_refused_is_found_before() {
        let settings = json!({ "n": { "min": 1, "max": 64 }, "c": { "allowed": ["a", "b"] } });
        assert_eq!(setting("x", &settings, "n", &json!(64)), Ok(()));
        assert!(setting("x", &settings, "n", &json!(0)).is_err());
        assert_eq!(setting("x", &settings, "c", &json!("b")), Ok(()));
        assert!(setting("x", &settings, "c", &json!("d")).is_err());
    }
}
