//! The balancers of one process, by the name of the service: what its operator sees and replaces.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::{Balancer, Endpoint, Shown, Wrong, endpoint};

/// Balancers by name. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Group(BTreeMap<&'static str, Balancer>);

impl Group {
    /// Of these services.
    pub fn new(balancers: impl IntoIterator<Item = (&'static str, Balancer)>) -> Self {
        Self(balancers.into_iter().collect())
    }

    /// The balancer of a service.
    #[must_use]
    pub fn of(&self, service: &str) -> Option<&Balancer> {
        self.0.get(service)
    }

    /// All instances as they are now.
    #[must_use]
    pub fn shown(&self) -> BTreeMap<&'static str, Vec<Shown>> {
        self.0.iter().map(|(name, balancer)| (*name, balancer.shown())).collect()
    }

    /// Replaces the lists of the services that are named: of all of them, or of none.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn replace(&self, lists: &BTreeMap<String, Vec<Endpoint>>) -> Result<(), Wrong> {
        for (name, list) in lists {
            if !self.0.contains_key(name.as_str()) {
                let known: Vec<_> = self.0.keys().copied().collect();
                return Err(Wrong(format!(
                    "nothing is sent to {name:?} here, only to {}",
                    known.join(" and ")
                )));
            }
            endpoint::check(list).map_err(|wrong| Wrong(format!("{name}: {wrong}")))?;
        }
        for (name, list) in lists {
            if let Some(balancer) = self.0.get(name.as_str()) {
                balancer.replace(list)?;
            }
        }
        Ok(())
    }

    /// Probes the instances of all services for as long as it is polled.
    pub async fn watch(&self) {
        join_all(self.0.values().map(Balancer::watch)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_replaced_all_or_none() {
        let single = |url| Balancer::single(url).expect("an address");
        let group = Group::new([("users", single("http://a:1")), ("products", single("http://b:1"))]);
        let lists = |text: &str| serde_json::from_str(text).expect("JSON");
        let good = r#"[{"url":"http://c:1","share":1},{"url":"http://d:1","share":3}]"#;
        for (text, word) in [
            (format!(r#"{{"users":{good},"carts":{good}}}"#), "products and users"),
            (format!(r#"{{"users":{good},"products":[]}}"#), "products: 0 endpoints"),
        ] {
            let wrong = group.replace(&lists(&text)).expect_err("wrong");
            assert!(wrong.to_string().contains(word), "{wrong}");
            assert_eq!(group.shown()["users"].len(), 1, "nothing is half applied");
        }
        group.replace(&lists(&format!(r#"{{"users":{good}}}"#))).expect("replaced");
        assert_eq!(group.shown()["users"].len(), 2);
        assert_eq!(group.shown()["products"][0].url, "http://b:1");
    }
}
