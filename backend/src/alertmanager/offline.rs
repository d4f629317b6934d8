//! What a configuration does with alerts that fire together, without a clock, a disk or a network: for tests of routes.
//!
//! It routes and holds back as the running Alertmanager does, with the same code; it groups nothing and tells nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::alert::Posted;
use super::alerts::Alerts;
use super::config::Config;
use super::inhibit::Inhibitor;
use super::labels::Labels;
use super::routes::Routes;

/// The routes of a configuration, and which alerts hold back which.
#[derive(Debug)]
pub struct Routing {
    config: Config,
    routes: Routes,
}

impl Routing {
    /// Reads the text of the configuration `file`.
    ///
    /// # Errors
    /// One line: the file, the line and the key of the first mistake.
    pub fn read(file: &str, text: &str) -> Result<Self, String> {
        let config = Config::parse(text).map_err(|problem| problem.in_file(file).to_string())?;
        Ok(Self { routes: Routes::new(&config.route), config })
    }

    /// The receivers that an alert with these labels is for, in the order of the routes.
    pub fn receivers(&self, labels: &BTreeMap<String, String>) -> Vec<String> {
        let routes = self.routes.of(labels).into_iter();
        routes.map(|route| self.routes.options(route).receiver.clone()).collect()
    }

    /// Of alerts that fire together, by their labels: the place of the one that holds each back, where one does.
    pub fn held_back(&self, firing: &[BTreeMap<String, String>]) -> Vec<Option<usize>> {
        let now = Timestamp::UNIX_EPOCH;
        let (mut alerts, mut places) = (Alerts::default(), BTreeMap::new());
        for (place, labels) in firing.iter().enumerate() {
            let posted = Posted { labels: labels.clone(), ..Posted::default() };
            let alert = posted.at(now, Duration::from_secs(1)).ok();
            if let Some(alert) = alert.and_then(|alert| alerts.put(alert, now)) {
                places.insert(alert.fingerprint(), place);
            }
        }
        let inhibitor = Inhibitor::new(&self.config.inhibit_rules, &alerts);
        let holder = |labels: &Labels| places.get(&inhibitor.held_back_by(labels, &alerts, now)?).copied();
        firing.iter().map(holder).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::labels::of;

    const FILE: &str = "
route:
  receiver: rest
  routes:
    - {matchers: [severity=page], receiver: pager, continue: true}
    - {matchers: [team=a], receiver: a}
receivers: [{name: rest}, {name: pager}, {name: a}]
inhibit_rules:
  - {source_matchers: [severity=page], target_matchers: [severity=ticket], equal: [slo]}
";

    #[test]
    fn an_alert_goes_where_the_routes_lead() {
        let routing = Routing::read("f", FILE).expect("a configuration");
        assert_eq!(routing.receivers(&of([("severity", "page"), ("team", "a")])), ["pager", "a"]);
        assert_eq!(routing.receivers(&of([("severity", "page")])), ["pager"]);
        assert_eq!(routing.receivers(&of([("severity", "ticket")])), ["rest"]);
    }

    #[test]
    fn what_fires_together_is_held_back_by_what_explains_it() {
        let routing = Routing::read("f", FILE).expect("a configuration");
        let alert = |severity, slo| of([("severity", severity), ("slo", slo)]);
        let firing = [alert("ticket", "x"), alert("page", "y"), alert("page", "x"), alert("ticket", "z")];
        assert_eq!(routing.held_back(&firing), [Some(2), None, None, None]);
        assert_eq!(routing.held_back(&firing[..2]), [None, None]);
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let told = Routing::read("a.yaml", &FILE.replace("receiver: a}", "receiver: b}")).expect_err("wrong");
        assert!(told.starts_with("a.yaml:6: ") && told.contains("no receiver"), "{told}");
    }
}
