//! What a service would expose while a contract's incident happens: the series that the objective counts, and beside them
//! series that it must not count, of a neighbour that fails all the time.

use super::{
    Contract, Phase,
    noise::Noise,
    samples::{Counter, Series},
    selector::{LabelSet, Selector, alternatives, with},
};
use crate::{
    generate::INTERVAL,
    spec::{Indicator, Side},
};

/// All series of a contract.
pub(super) fn series(contract: &Contract) -> Vec<Series> {
    match &contract.slo.indicator {
        Indicator::Bad { bad, total } => {
            let (bad, total) = (Selector::read(bad), Selector::read(total));
            match bad.metric == total.metric {
                true => parts(contract, &bad, &total),
                false => apart(contract, &bad, &total),
            }
        }
        Indicator::Good { good, total } => {
            apart_good(contract, &Selector::read(good), &Selector::read(total))
        }
        Indicator::Threshold { gauge, good, bound } => {
            gauges(contract, &Selector::read(gauge), *good, *bound)
        }
    }
}

/// Bad and good events are told apart by a label of one metric.
fn parts(contract: &Contract, bad: &Selector, total: &Selector) -> Vec<Series> {
    // What the bad ones need beyond what all have.
    let of_bad = Selector {
        metric: bad.metric.clone(),
        matchers: total
            .matchers
            .iter()
            .filter(|m| bad.asks_for(&m.name).is_none())
            .chain(&bad.matchers)
            .cloned()
            .collect(),
    };
    let bad_sets = of_bad.fitting();
    let good_set = good_beside(&of_bad, total, &bad_sets[0]);
    let flow = Flow::of(contract);
    let mut all =
        vec![flow.counter(false, 1.0, |events, errors| events - errors).end(total.named(&good_set))];
    let share = 1.0 / bad_sets.len() as f64;
    for set in &bad_sets {
        all.push(flow.counter(contract.unborn, share, |_, errors| errors).end(bad.named(set)));
    }
    // A neighbour: all of its events are bad, and none are ours.
    for neighbour in total.neighbours() {
        let mut set = bad_sets[0].clone();
        for matcher in &total.matchers {
            if let Some((name, value)) = neighbour.iter().find(|(name, _)| *name == matcher.name) {
                set = with(&set, name, value.clone());
            }
        }
        if !total.fits(&set) {
            all.push(flow.steady(contract).end(bad.named(&set)));
        }
    }
    unique(all)
}

/// The labels of a good event: those of a bad one, but for what makes it bad.
fn good_beside(bad: &Selector, total: &Selector, bad_set: &LabelSet) -> LabelSet {
    for matcher in bad.matchers.iter().rev() {
        let known = total.asks_for(&matcher.name).map(|m| alternatives(&m.value)).unwrap_or_default();
        let values = known.into_iter().chain(["200", "201", "ok"].map(str::to_owned));
        for value in values {
            let set = with(bad_set, &matcher.name, value);
            if total.fits(&set) && !bad.fits(&set) {
                return set;
            }
        }
    }
    bad_set.clone()
}

/// Bad events have a metric of their own.
fn apart(contract: &Contract, bad: &Selector, total: &Selector) -> Vec<Series> {
    let flow = Flow::of(contract);
    let mut all = Vec::new();
    spread(&mut all, total, |share| flow.counter(false, share, |events, _| events));
    spread(&mut all, bad, |share| flow.counter(contract.unborn, share, |_, errors| errors));
    for selector in [bad, total] {
        for set in selector.neighbours() {
            all.push(flow.steady(contract).end(selector.named(&set)));
        }
    }
    unique(all)
}

/// Good events have a metric of their own.
fn apart_good(contract: &Contract, good: &Selector, total: &Selector) -> Vec<Series> {
    let flow = Flow::of(contract);
    let mut all = Vec::new();
    spread(&mut all, total, |share| flow.counter(false, share, |events, _| events));
    spread(&mut all, good, |share| flow.counter(contract.unborn, share, |events, errors| events - errors));
    for selector in [good, total] {
        for set in selector.neighbours() {
            all.push(flow.steady(contract).end(selector.named(&set)));
        }
    }
    unique(all)
}

/// One counter for each set of labels that a selector fits, each with its share.
fn spread(all: &mut Vec<Series>, selector: &Selector, counter: impl Fn(f64) -> Counter) {
    let sets = selector.fitting();
    for set in &sets {
        all.push(counter(1.0 / sets.len() as f64).end(selector.named(set)));
    }
}

/// A gauge: on the good side, on the bad side, or at a given value.
fn gauges(contract: &Contract, gauge: &Selector, good: Side, bound: f64) -> Vec<Series> {
    let (healthy, sick) = match good {
        Side::AtMost => (bound / 10.0, bound * 2.0 + 1.0),
        Side::AtLeast => (bound, bound - 1.0),
    };
    let mut sets = gauge.fitting();
    // Another instance shows the same gauge.
    if let Some(set) = sets.first() {
        sets.insert(0, with(set, "instance", "other".to_owned()));
    }
    let mut all = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        // One of several is sick, the others are well: the worst counts.
        let mine = index + 1 == sets.len();
        let mut levels = Levels::new(healthy);
        levels.hold(healthy, contract.history / INTERVAL);
        for phase in &contract.phases {
            let count = phase.seconds / INTERVAL;
            match (phase.absent, phase.gauge) {
                (true, _) => levels.gap(count),
                (false, Some(value)) if mine => levels.hold(value, count),
                (false, None) if mine => levels.mixed(healthy, sick, phase.errors, count),
                _ => levels.hold(healthy, count),
            }
        }
        levels.hold(healthy, contract.tail / INTERVAL);
        all.push(Series { name: gauge.named(set), stretches: levels.0.end(String::new()).stretches });
    }
    for set in gauge.neighbours() {
        let mut levels = Levels::new(sick);
        levels.hold(sick, contract.length() / INTERVAL);
        all.push(Series { name: gauge.named(&set), stretches: levels.0.end(String::new()).stretches });
    }
    unique(all)
}

/// Levels, written as a counter that jumps.
struct Levels(Counter, f64);

impl Levels {
    fn new(first: f64) -> Self {
        Self(Counter::level(first), first)
    }

    fn hold(&mut self, value: f64, count: u32) {
        if count > 0 {
            self.0.grow(value - self.1, 1);
            self.0.grow(0.0, count - 1);
            self.1 = value;
        }
    }

    /// A share of the moments is sick, evenly spread.
    fn mixed(&mut self, healthy: f64, sick: f64, share: f64, count: u32) {
        let sick_until = |n: u32| (f64::from(n) * share + 1e-9).floor();
        for n in 0..count {
            self.hold(if sick_until(n + 1) > sick_until(n) { sick } else { healthy }, 1);
        }
    }

    fn gap(&mut self, count: u32) {
        self.0.gap(count);
    }
}

/// The same neighbour may come from two selectors.
fn unique(mut all: Vec<Series>) -> Vec<Series> {
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|series| seen.insert(series.name.clone()));
    all
}

/// What happens at each moment, in stretches of the same.
struct Flow {
    stretches: Vec<(u32, What)>,
}

enum What {
    /// Events and bad ones among them, at each moment.
    Events(f64, f64),
    Gap,
    Restart,
}

impl Flow {
    fn of(contract: &Contract) -> Self {
        let mut flow = Self { stretches: Vec::new() };
        let healthy = contract.traffic * f64::from(INTERVAL);
        flow.during(contract, contract.history / INTERVAL, healthy, healthy * contract.background);
        for phase in &contract.phases {
            let count = phase.seconds / INTERVAL;
            if phase.restart {
                flow.stretches.push((0, What::Restart));
            }
            if phase.absent {
                flow.stretches.push((count, What::Gap));
                continue;
            }
            let (events, errors) = per_moment(contract, phase, count);
            flow.during(contract, count, events, errors);
        }
        flow.during(contract, contract.tail / INTERVAL, healthy, healthy * contract.background);
        flow
    }

    fn during(&mut self, contract: &Contract, count: u32, events: f64, errors: f64) {
        let Some(seed) = contract.noise else {
            return self.stretches.push((count, What::Events(events, errors)));
        };
        let noise = Noise(seed);
        let begun: u32 = self.stretches.iter().map(|(n, _)| n).sum();
        for moment in begun..begun + count {
            let good = noise.events(0, moment.into(), events - errors);
            let bad = noise.events(1, moment.into(), errors);
            self.stretches.push((1, What::Events(good + bad, bad)));
        }
    }

    /// A counter of a share of something that happens.
    fn counter(&self, unborn: bool, share: f64, of: impl Fn(f64, f64) -> f64) -> Counter {
        let mut counter = if unborn { Counter::unborn() } else { Counter::new() };
        let mut born = !unborn;
        for (count, what) in &self.stretches {
            match what {
                What::Events(events, errors) => {
                    let by = of(*events, *errors) * share;
                    // A while without a moment, such as a history of nothing, has no events either.
                    born |= by > 0.0 && *count > 0;
                    if born { counter.grow(by, *count) } else { counter.gap(*count) }
                }
                What::Gap => counter.gap(*count),
                What::Restart => counter.restart(),
            }
        }
        counter
    }

    /// A counter that grows three times as fast as the healthy traffic, whatever happens: in nobody's place unnoticed.
    fn steady(&self, contract: &Contract) -> Counter {
        let mut counter = Counter::new();
        let moments = self.stretches.iter().map(|(count, _)| count).sum();
        counter.grow(3.0 * contract.traffic * f64::from(INTERVAL), moments);
        counter
    }
}

/// Events and bad events at each moment of a phase.
fn per_moment(contract: &Contract, phase: &Phase, count: u32) -> (f64, f64) {
    // A healthy while has the background's failures, unless it says otherwise.
    let errors_of = if phase.healthy && phase.errors == 0.0 { contract.background } else { phase.errors };
    let events = phase.traffic.unwrap_or(contract.traffic) * f64::from(INTERVAL);
    match phase.failures {
        Some(failures) => {
            let errors = failures / f64::from(count.max(1));
            (events.max(errors), errors)
        }
        None => (events, events * errors_of),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{
        contract::{self, Stretch},
        files,
    };

    #[test]
    fn what_nobody_has_counted_yet_is_not_there() {
        let text = "slos = [\"order-placement-latency\"]\n[[contract]]\nname = \"n\"\nunborn = true\nphases = [{ for = \"20m\", errors = 1.0 }]\n";
        let slos = files::specs(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).expect("good specs");
        let series = contract::read("a.toml", text, &slos).expect("good").remove(0).series();
        let good = series.iter().find(|s| s.name.contains("_bucket{") && s.name.contains("le=\"0.5\""));
        let good = good.expect("quick answers are counted by a series");
        assert_eq!(good.stretches[0], Stretch::Gap(21), "{good:?}");
        let all = series.iter().find(|s| s.name.contains("_count{")).expect("all answers are counted");
        assert!(matches!(all.stretches[0], Stretch::Ramp { count, .. } if count > 20), "{all:?}");
    }
}
