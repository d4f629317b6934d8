//! Puts a stack back to what it was before a drill: what participants set, deployed and scaled is theirs, and ends with the drill.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    failure::Failure, run_file::RunFile, settings_control::SettingsControl, stack_control::StackControl,
};

/// What participants can change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// Settings by service.
    settings: BTreeMap<String, BTreeMap<String, Value>>,
    /// Instances by service.
    instances: BTreeMap<String, Instances>,
}

/// The instances of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Instances {
    /// Without one that is deployed beside them.
    count: usize,
    deployed: bool,
}

impl Before {
    /// As it is now.
    pub(super) async fn take(run: &RunFile) -> Result<Self, Failure> {
        let mut settings = BTreeMap::new();
        for service in run.admin_urls.keys() {
            let shown = SettingsControl::of(run, service)?.get().await?.settings;
            let values = shown.into_iter().map(|(key, setting)| (key, setting.value)).collect();
            settings.insert(service.clone(), values);
        }
        let services = StackControl::of(run)?.ask(Method::GET, "/services", None).await?;
        Ok(Self { settings, instances: instances(&services) })
    }

    /// Makes it so again.
    pub(super) async fn put_back(&self, run: &RunFile) -> Result<(), Failure> {
        let now = Self::take(run).await?;
        let control = StackControl::of(run)?;
        for (service, was) in &self.instances {
            let is = now.instances.get(service).copied().unwrap_or_default();
            if is.deployed && !was.deployed {
                control.ask(Method::DELETE, &format!("/services/{service}/deploy"), None).await?;
            }
            if is.count != was.count {
                let body = json!({ "instances": was.count });
                control.ask(Method::POST, &format!("/services/{service}/scale"), Some(&body)).await?;
            }
        }
        for (service, was) in &self.settings {
            let changed = changed(was, now.settings.get(service));
            if !changed.is_empty() {
                SettingsControl::of(run, service)?.set(&changed).await?;
            }
        }
        Ok(())
    }
}

/// The values that are other ones now.
fn changed(was: &BTreeMap<String, Value>, is: Option<&BTreeMap<String, Value>>) -> BTreeMap<String, Value> {
    let other = |(key, _): &(&String, &Value)| is.is_some_and(|is| is.get(*key) != was.get(*key));
    was.iter().filter(other).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn instances(services: &Value) -> BTreeMap<String, Instances> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let counted = list(&services["services"]).into_iter().map(|service| {
        let name = service["service"].as_str().unwrap_or_default().to_owned();
        let (deployed, own): (Vec<Value>, Vec<Value>) =
            list(&service["instances"]).into_iter().partition(|instance| instance["deployed"] == true);
        (name, Instances { count: own.len(), deployed: !deployed.is_empty() })
    });
    counted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_another_one_now_is_set() {
        let was = BTreeMap::from([("a".to_owned(), json!(1)), ("b".to_owned(), json!("x"))]);
        let is = BTreeMap::from([("a".to_owned(), json!(2)), ("b".to_owned(), json!("x"))]);
        assert_eq!(changed(&was, Some(&is)), BTreeMap::from([("a".to_owned(), json!(1))]));
        assert!(changed(&was, Some(&was)).is_empty());
    }

    #[test]
    fn who_is_deployed_beside_a_service_is_none_of_its_own_instances() {
        let services = json!({"services": [{"service": "shop", "instances": [
            {"instance": "shop", "deployed": false}, {"instance": "shop-2", "deployed": true}]}]});
        let counted = instances(&services);
        assert_eq!(counted["shop"], Instances { count: 1, deployed: true });
    }
}
