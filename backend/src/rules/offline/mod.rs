//! Rules over virtual time: given rule files and series, says what every alert was and when, and answers queries. What
//! `promtool test rules` would see, without a process, a disk or a clock.
//!
//! ```
//! use backend::rules::offline::{Replay, Rules, Series, Setup, State};
//!
//! let text = "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 2m}]}]";
//! let rules = Rules::read(&[("rules.yaml", text)])?;
//! let up = Series { labels: [("__name__".into(), "up".into())].into(), samples: vec![(0, 1.0), (60_000, 0.0)] };
//! let replay = Replay::run(&rules, vec![up], &Setup { end_ms: 300_000, ..Setup::default() });
//! let firing = replay.stretches().iter().find(|s| s.state == State::Firing);
//! assert_eq!(firing.map(|s| (s.from_ms, s.until_ms)), Some((180_000, None)));
//! # Ok::<(), backend::rules::offline::Problem>(())
//! ```

mod answer;
mod observer;
mod replay;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use answer::{Answer, metric};
pub use replay::Replay;
/// What is wrong with a file of rules, in Prometheus' words where it has some: `file:line: key: what`.
pub use yaml::Error as Problem;

use super::definition::Group;
use super::file;
use crate::store::samples::stale;

/// Names and values, of labels or annotations.
pub type Pairs = BTreeMap<String, String>;

/// Rules that were read. Read once, they may be replayed any number of times, also from several threads.
#[derive(Debug, Clone)]
pub struct Rules {
    groups: Vec<Arc<Group>>,
}

impl Rules {
    /// Reads files: each its name and its text. Groups are evaluated in the order in which they stand.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place: what Prometheus refuses, and what it takes and this has not.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, Problem> {
        let mut groups = Vec::new();
        for (name, text) in files {
            let found = file::read(name, text).map_err(|problem| problem.in_file(name))?;
            groups.extend(found.into_iter().map(Arc::new));
        }
        Ok(Self { groups })
    }

    /// Puts the groups of these names first, in this order, as `group_eval_order` of promtool's files does.
    pub fn order(&mut self, names: &[String]) {
        let place = |group: &Arc<Group>| names.iter().position(|name| **name == *group.name);
        self.groups.sort_by_key(|group| place(group).unwrap_or(usize::MAX));
    }

    /// The rules in the order of their evaluation: the names of the group and of the rule, and whether it is an alert.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        self.groups.iter().flat_map(|group| {
            group.rules.iter().map(move |rule| (&*group.name, &*rule.name, rule.alert().is_some()))
        })
    }
}

/// A series that is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels, the name among them as `__name__`.
    pub labels: Pairs,
    /// Milliseconds and values in rising order of time. [`end_marker`] says that the series ends.
    pub samples: Vec<(i64, f64)>,
}

/// The value that marks the end of a series, which promtool writes as `stale`.
#[must_use]
pub fn end_marker() -> f64 {
    stale()
}

/// How often groups are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// All of them every so many milliseconds, whatever interval they ask for: as promtool does.
    Every(i64),
    /// Each in its own interval, or in this one where it has none.
    Own(i64),
}

/// The stretch of time, and what is known beside rules and series.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The first evaluation, in milliseconds.
    pub start_ms: i64,
    /// No evaluation is later than this, and no sample that is given is seen that is.
    pub end_ms: i64,
    /// How often groups are evaluated; promtool's `evaluation_interval`.
    pub step: Step,
    /// The step of subqueries that name none. In promtool it is the `evaluation_interval`.
    pub subquery_step_ms: i64,
    /// `$externalLabels` of templates.
    pub external_labels: Pairs,
    /// `$externalURL` of templates.
    pub external_url: String,
    /// The moments that [`Replay::alerts_at`] will be asked about.
    pub moments: Vec<i64>,
}

impl Default for Setup {
    /// An hour, a minute at a time.
    fn default() -> Self {
        Self {
            start_ms: 0,
            end_ms: 3_600_000,
            step: Step::Every(60_000),
            subquery_step_ms: 60_000,
            external_labels: Pairs::new(),
            external_url: String::new(),
            moments: Vec::new(),
        }
    }
}

/// What an alert is while it is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Its query holds, and not yet for as long as the rule asks.
    Pending,
    /// It fires.
    Firing,
}

/// A stretch of time in which one alert was one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The alert's name.
    pub name: String,
    /// Its labels, `alertname` among them.
    pub labels: Pairs,
    /// What it was.
    pub state: State,
    /// The first evaluation that found it so, in milliseconds.
    pub from_ms: i64,
    /// The first evaluation that found it otherwise; none when it was so to the end.
    pub until_ms: Option<i64>,
}

/// An alert at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// Its labels, `alertname` among them.
    pub labels: Pairs,
    /// Its annotations, filled in.
    pub annotations: Pairs,
    /// What it is.
    pub state: State,
    /// What its query answered last.
    pub value: f64,
    /// Since when it is active, in milliseconds.
    pub active_at_ms: i64,
}

/// An evaluation that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The group's name.
    pub group: String,
    /// The rule's name.
    pub rule: String,
    /// When, in milliseconds.
    pub at_ms: i64,
    /// Why, in Prometheus' words where it has some.
    pub what: String,
}
