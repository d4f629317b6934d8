//! The tree of routes as alerts take it: every route with all that it has from those above it.

use std::time::Duration;

use super::config::{self, GroupBy};
use super::labels::Labels;
use super::matchers::Matchers;

/// What holds of a route unless it or one above it says otherwise.
const GROUP_WAIT: Duration = Duration::from_secs(30);
const GROUP_INTERVAL: Duration = Duration::from_secs(5 * 60);
const REPEAT_INTERVAL: Duration = Duration::from_secs(4 * 3600);

/// A route, by its place in the tree.
pub(crate) type RouteId = usize;

/// What is done with the alerts of a route.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) receiver: String,
    pub(crate) group_by: GroupBy,
    pub(crate) group_wait: Duration,
    pub(crate) group_interval: Duration,
    pub(crate) repeat_interval: Duration,
}

impl Options {
    /// The labels that tell this alert's group from others.
    pub(crate) fn group_labels(&self, labels: &Labels) -> Labels {
        let kept = |name: &String| match &self.group_by {
            GroupBy::All => true,
            GroupBy::Labels(names) => names.contains(name),
        };
        labels
            .iter()
            .filter(|(name, _)| kept(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

#[derive(Debug)]
struct Node {
    options: Options,
    matchers: Matchers,
    goes_on: bool,
    /// The matchers of the way to here, as the key of a group has them.
    key: String,
    below: Vec<RouteId>,
}

/// All routes; the first one takes every alert.
#[derive(Debug)]
pub(crate) struct Routes(Vec<Node>);

impl Routes {
    /// Lays the tree out.
    pub(crate) fn new(root: &config::Route) -> Self {
        let above = Options {
            receiver: String::new(),
            group_by: GroupBy::Labels(Default::default()),
            group_wait: GROUP_WAIT,
            group_interval: GROUP_INTERVAL,
            repeat_interval: REPEAT_INTERVAL,
        };
        let mut routes = Self(Vec::new());
        routes.add(root, &above, None);
        routes
    }

    fn add(&mut self, route: &config::Route, above: &Options, key: Option<&str>) -> RouteId {
        let options = Options {
            receiver: route.receiver.clone().unwrap_or_else(|| above.receiver.clone()),
            group_by: route.group_by.clone().unwrap_or_else(|| above.group_by.clone()),
            group_wait: route.group_wait.unwrap_or(above.group_wait),
            group_interval: route.group_interval.unwrap_or(above.group_interval),
            repeat_interval: route.repeat_interval.unwrap_or(above.repeat_interval),
        };
        let key =
            key.map_or_else(|| route.matchers.to_string(), |above| format!("{above}/{}", route.matchers));
        let id = self.0.len();
        self.0.push(Node {
            options: options.clone(),
            matchers: route.matchers.clone(),
            goes_on: route.goes_on,
            key: key.clone(),
            below: Vec::new(),
        });
        let below = route.routes.iter().map(|route| self.add(route, &options, Some(&key))).collect();
        self.0[id].below = below;
        id
    }

    pub(crate) fn options(&self, id: RouteId) -> &Options {
        &self.0[id].options
    }

    /// The key of a group of this route.
    pub(crate) fn group_key(&self, id: RouteId, labels: &Labels) -> String {
        format!("{}:{}", self.0[id].key, super::labels::print(labels))
    }

    /// The routes that an alert takes, deepest first in each branch.
    pub(crate) fn of(&self, labels: &Labels) -> Vec<RouteId> {
        let mut found = Vec::new();
        self.follow(0, labels, &mut found);
        found
    }

    /// Whether the alert went this way.
    fn follow(&self, id: RouteId, labels: &Labels, found: &mut Vec<RouteId>) -> bool {
        let node = &self.0[id];
        if !node.matchers.match_all(labels) {
            return false;
        }
        let before = found.len();
        for below in &node.below {
            if self.follow(*below, labels, found) && !self.0[*below].goes_on {
                break;
            }
        }
        if found.len() == before {
            found.push(id);
        }
        true
    }

    /// The receivers that any route leads to.
    pub(crate) fn receivers(&self) -> std::collections::BTreeSet<&str> {
        self.0.iter().map(|node| node.options.receiver.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::config::Config;
    use crate::alertmanager::labels;

    fn routes() -> Routes {
        let config = Config::parse(
            "
route:
  receiver: all
  group_by: [a]
  routes:
    - {matchers: [team=x], receiver: x, group_wait: 1s, continue: true, routes: [{matchers: [s=page], group_by: ['...']}]}
    - {matchers: ['team=~\"x|y\"'], receiver: xy, group_by: []}
    - {matchers: [team=x], receiver: never}
receivers: [{name: all}, {name: x}, {name: xy}, {name: never}]
",
        );
        Routes::new(&config.expect("valid").route)
    }

    fn taken<const N: usize>(pairs: [(&str, &str); N]) -> Vec<String> {
        let (routes, labels) = (routes(), labels::of(pairs));
        routes.of(&labels).into_iter().map(|id| routes.options(id).receiver.clone()).collect()
    }

    #[test]
    fn an_alert_takes_the_first_way_that_fits_and_the_next_ones_where_it_goes_on() {
        assert_eq!(taken([("team", "z")]), ["all"]);
        assert_eq!(taken([("team", "y")]), ["xy"]);
        assert_eq!(taken([("team", "x")]), ["x", "xy"]);
        assert_eq!(taken([("team", "x"), ("s", "page")]), ["x", "xy"]);
    }

    #[test]
    fn what_a_route_does_not_say_is_as_above_it() {
        let routes = routes();
        let labels = labels::of([("team", "x"), ("s", "page"), ("a", "1")]);
        let [deep, flat] = routes.of(&labels)[..] else { panic!("two") };
        let options = routes.options(deep);
        assert_eq!((options.receiver.as_str(), options.group_wait), ("x", Duration::from_secs(1)));
        assert_eq!(options.group_interval, GROUP_INTERVAL);
        assert_eq!(options.group_labels(&labels), labels);
        assert!(routes.options(flat).group_labels(&labels).is_empty());
        assert_eq!(routes.options(0).group_labels(&labels), labels::of([("a", "1")]));
        assert_eq!(routes.group_key(deep, &labels::of([("a", "1")])), r#"{}/{team="x"}/{s="page"}:{a="1"}"#);
    }
}
