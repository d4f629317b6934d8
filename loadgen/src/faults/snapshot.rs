//! What a stack is like, as far as faults could change it: settings, instances, links. Two snapshots tell what was left behind.

use super::stack::Stack;
use http::Method;
use serde_json::Value;
use std::collections::BTreeMap;

/// Facts by name: `order-service db.pool.max_connections` is `8`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    /// Asks all control listeners.
    ///
    /// # Errors
    /// When one does not answer: one line.
    pub async fn take(stack: &Stack) -> Result<Self, String> {
        let mut facts = BTreeMap::new();
        for (service, listener) in &stack.settings {
            let answer = listener.ask(Method::GET, "/settings", None).await.map_err(|e| e.to_string())?;
            for (key, setting) in answer["settings"].as_object().into_iter().flatten() {
                facts.insert(format!("{service} {key}"), setting["value"].to_string());
            }
        }
        if let Some(control) = &stack.control {
            let answer = control.ask(Method::GET, "/services", None).await.map_err(|e| e.to_string())?;
            for service in list(&answer["services"]) {
                let name = service["service"].as_str().unwrap_or_default();
                for (nth, instance) in list(&service["instances"]).iter().enumerate() {
                    let fact = format!("version {} is {}", instance["version"], instance["state"]);
                    facts.insert(format!("instance {nth} of {name}"), fact);
                }
            }
        }
        if let Some(network) = &stack.network {
            let answer = network.ask(Method::GET, "/links", None).await.map_err(|e| e.to_string())?;
            for link in list(&answer["links"]) {
                let name = link["name"].as_str().unwrap_or_default();
                facts.insert(format!("link {name}"), link["condition"].to_string());
            }
        }
        Ok(Self(facts))
    }

    /// What is different in `later`, one line each.
    #[must_use]
    pub fn differences(&self, later: &Self) -> Vec<String> {
        let none = "absent".to_owned();
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(later.0.keys()).collect();
        let changed = names.into_iter().filter_map(|name| {
            let (was, is) = (self.0.get(name).unwrap_or(&none), later.0.get(name).unwrap_or(&none));
            (was != is).then(|| format!("{name} was {was} and is {is}"))
        });
        changed.collect()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(facts: &[(&str, &str)]) -> Snapshot {
        Snapshot(facts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn what_changed_came_and_went_is_told() {
        let before = snapshot(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let after = snapshot(&[("a", "1"), ("b", "2"), ("d", "1")]);
        assert_eq!(
            before.differences(&after),
            ["b was 1 and is 2", "c was 1 and is absent", "d was absent and is 1"]
        );
        assert!(before.differences(&before).is_empty());
    }
}
