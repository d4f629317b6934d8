//! Looks at the alerts of a running stack as they come and go: Prometheus' API says which fire, Alertmanager's which are held back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use slo::live::Seen;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use crate::{failure::Failure, run_file::RunFile};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(250);
/// The most that one look may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// So many looks in a row may fail: a backend that is slow for a moment is no reason to give up.
const PATIENCE: u32 = 40;

type Labels = BTreeMap<String, String>;

/// One time that an alert fired.
#[derive(Clone, Debug, PartialEq)]
struct Fired {
    labels: Labels,
    since: Timestamp,
    over: Option<Timestamp>,
    held_back: bool,
}

/// Everything that has been seen.
#[derive(Debug, Default)]
struct Log {
    fired: Vec<Fired>,
    failed: u32,
}

impl Log {
    /// Takes note of what fires at a moment, each with since when, and of what of it is held back.
    fn note(&mut self, firing: &[(Labels, Timestamp)], held_back: &BTreeSet<Labels>, now: Timestamp) {
        for known in self.fired.iter_mut().filter(|known| known.over.is_none()) {
            match firing.iter().any(|(labels, since)| *labels == known.labels && *since == known.since) {
                true => known.held_back |= held_back.contains(&known.labels),
                false => known.over = Some(now),
            }
        }
        for (labels, since) in firing {
            if !self.fired.iter().any(|known| known.labels == *labels && known.since == *since) {
                let held_back = held_back.contains(labels);
                self.fired.push(Fired { labels: labels.clone(), since: *since, over: None, held_back });
            }
        }
    }
}

/// Looks until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    log: Arc<Mutex<Log>>,
    _looking: AbortOnDropHandle<()>,
}

impl Watch {
    pub(super) fn start(run: &RunFile) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
        let http = http.map_err(anyhow::Error::from)?;
        let firing = format!("{}/api/v1/alerts", run.url("prometheus")?);
        let held_back = format!("{}/api/v2/alerts?active=false&silenced=false", run.url("alertmanager")?);
        let log = Arc::new(Mutex::new(Log::default()));
        let noting = Arc::clone(&log);
        let looking = tokio::spawn(async move {
            let mut tick = interval(LOOK);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let looks = tokio::join!(look(&http, &firing), look(&http, &held_back));
                let mut log = lock(&noting);
                match looks {
                    (Some(firing), Some(held_back)) => {
                        log.failed = 0;
                        log.note(&fire(&firing), &hold_back(&held_back), Timestamp::now());
                    }
                    _ => log.failed += 1,
                }
            }
        });
        Ok(Self { log, _looking: AbortOnDropHandle::new(looking) })
    }

    /// Fails when nobody has answered for a while: what was not seen cannot be judged.
    pub(super) fn answers(&self) -> Result<(), Failure> {
        match lock(&self.log).failed >= PATIENCE {
            true => Err(Failure::environment("the stack no longer says which alerts fire; is it still up?")),
            false => Ok(()),
        }
    }

    /// Whether somebody is paged now.
    pub(super) fn is_paging(&self) -> bool {
        let pages = |fired: &Fired| fired.labels.get("severity").is_some_and(|severity| severity == "page");
        lock(&self.log).fired.iter().any(|fired| fired.over.is_none() && pages(fired))
    }

    /// All that began to fire from a moment on.
    pub(super) fn since(&self, moment: Timestamp) -> Vec<Seen> {
        let log = lock(&self.log);
        let begun = log.fired.iter().filter(|fired| fired.since >= moment);
        let after = |then: Timestamp| then.duration_since(moment).as_secs_f64();
        let seen = |fired: &Fired| Seen {
            labels: fired.labels.clone(),
            fires: after(fired.since),
            over: fired.over.map(after),
            told: BTreeMap::new(),
            held_back: fired.held_back,
        };
        begun.map(seen).collect()
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look(http: &reqwest::Client, url: &str) -> Option<Value> {
    http.get(url).send().await.ok()?.error_for_status().ok()?.json().await.ok()
}

fn labels(alert: &Value) -> Option<Labels> {
    let labels = alert["labels"].as_object()?.iter();
    Some(labels.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect())
}

/// What fires by Prometheus' API, and since when.
fn fire(answer: &Value) -> Vec<(Labels, Timestamp)> {
    let alerts = answer["data"]["alerts"].as_array().into_iter().flatten();
    let firing = alerts.filter(|alert| alert["state"] == "firing");
    firing.filter_map(|alert| Some((labels(alert)?, alert["activeAt"].as_str()?.parse().ok()?))).collect()
}

/// What is held back by Alertmanager's API.
fn hold_back(answer: &Value) -> BTreeSet<Labels> {
    let alerts = answer.as_array().into_iter().flatten();
    let inhibited =
        |alert: &&Value| alert["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty());
    alerts.filter(inhibited).filter_map(labels).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("within range")
    }

    fn alert(name: &str) -> Labels {
        Labels::from([("alertname".into(), name.into()), ("severity".into(), "page".into())])
    }

    #[test]
    fn an_alert_that_comes_back_is_seen_twice() {
        let mut log = Log::default();
        let none = BTreeSet::new();
        log.note(&[(alert("A"), at(1))], &none, at(2));
        log.note(&[(alert("A"), at(1)), (alert("B"), at(3))], &BTreeSet::from([alert("B")]), at(3));
        log.note(&[], &none, at(5));
        log.note(&[(alert("A"), at(7))], &none, at(8));
        let told: Vec<_> = log.fired.iter().map(|f| (f.since, f.over, f.held_back)).collect();
        assert_eq!(
            told,
            [(at(1), Some(at(5)), false), (at(3), Some(at(5)), true), (at(7), None, false)],
            "{:?}",
            log.fired
        );
    }

    #[test]
    fn the_two_apis_are_understood() {
        let prometheus = json!({"data": {"alerts": [
            {"labels": {"alertname": "A"}, "state": "firing", "activeAt": "2027-01-15T08:00:01.5Z"},
            {"labels": {"alertname": "B"}, "state": "pending", "activeAt": "2027-01-15T08:00:01Z"}]}});
        let firing = fire(&prometheus);
        assert!(matches!(&firing[..], [(labels, _)] if labels["alertname"] == "A"), "{firing:?}");
        let alertmanager = json!([
            {"labels": {"alertname": "A"}, "status": {"state": "suppressed", "inhibitedBy": ["1"]}},
            {"labels": {"alertname": "B"}, "status": {"state": "suppressed", "inhibitedBy": [], "silencedBy": ["2"]}}]);
        assert_eq!(
            hold_back(&alertmanager),
            BTreeSet::from([Labels::from([("alertname".into(), "A".into())])])
        );
    }
}
