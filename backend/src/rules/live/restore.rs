//! Since when alerts are active, taken over from before a restart: from the series that was written for that.

use std::collections::HashMap;

use crate::labels::{Labels, NAME};
use crate::matcher::Matcher;
use crate::promql::Source;
use crate::rules::alert::ALERTS_FOR_STATE;
use crate::rules::definition::{Alert, Rule};
use crate::rules::evaluate::State;
use crate::store::samples::{Sample, is_stale};

/// The longest time away after which it is still taken over.
const OUTAGE_MS: i64 = 3_600_000;
/// The least time that an alert is pending after a restart, and what a rule must hold for at least to be looked at.
const GRACE_MS: i64 = 600_000;

/// Takes over the alerts of one rule, at `now`. From now on they are written down again.
pub(super) fn restore(rule: &Rule, alert: &Alert, state: &mut State, source: &dyn Source, now: i64) {
    state.holds_back = false;
    if alert.hold_ms < GRACE_MS {
        return;
    }
    let fixed = rule.labels.iter().filter_map(|(name, text)| Some((&**name, text.fixed()?)));
    let wanted = [(NAME, ALERTS_FOR_STATE), ("alertname", &rule.name)].into_iter().chain(fixed);
    let Ok(matchers) = wanted.map(|(n, v)| Matcher::new(n, "=", v)).collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let mut last: HashMap<Labels, Sample> = HashMap::new();
    let mut samples = Vec::new();
    for series in source.select(&matchers, now - OUTAGE_MS, now) {
        series.read(now - OUTAGE_MS, now, &mut samples);
        if let Some(sample) = samples.last().filter(|s| !is_stale(s.v)) {
            last.insert(series.labels.without_name(), *sample);
        }
    }
    for active in state.alerts.all_mut() {
        if let Some(sample) = last.get(&active.labels) {
            active.active_at_ms = active_at(alert.hold_ms, *sample, now);
        }
    }
}

/// Since when an alert counts as active that was last seen with this sample: when it was, and since when.
fn active_at(hold_ms: i64, last: Sample, now: i64) -> i64 {
    let since = last.v as i64 * 1000;
    let left = hold_ms - (last.t - since);
    if left <= 0 {
        // It fired, and will again with the next evaluation.
        since
    } else if left < GRACE_MS {
        now + GRACE_MS - hold_ms
    } else {
        // The time away does not count.
        since + (now - last.t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_away_does_not_count_and_a_grace_is_given() {
        let (hold, minute) = (3_600_000, 60_000);
        let at = |pending: i64, away: i64| {
            let start = 100 * hold;
            let seen = start + pending * minute;
            let now = seen + away * minute;
            (active_at(hold, Sample { t: seen, v: (start / 1000) as f64 }, now) - start, now - start)
        };
        assert_eq!(at(60, 5).0, 0, "it fired");
        assert_eq!(at(20, 10).0, 10 * minute, "later by the time away");
        let (since, now) = at(55, 30);
        assert_eq!(since + hold, now + 10 * minute, "five minutes are left, ten are given");
    }
}
