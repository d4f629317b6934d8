//! What a reader of the Site Reliability Workbook would compute by hand: which tier fires when, when it is over, and how much
//! of the budget is gone.
//!
//! No engine is asked and no PromQL is read. Counters are prefix sums already, so what a window holds is a subtraction, and a
//! month of minutes takes milliseconds. What is *not* known twice: tiers, thresholds, evidence and windows are those that
//! [`crate::generate`] writes into the rules, samples are those of a [`Contract`], and the arithmetic of `increase` is
//! Prometheus' own, down to the first sample that is lost.

mod incident;
mod recorded;
mod track;

pub use incident::{Impossible, Incident, LONGEST, Part, Slowness, part, slowness};

use recorded::Recorded;

use crate::{
    contract::{Contract, labels},
    engine::{Answer, Firing},
    generate::{INTERVAL, MEAN, SILENCE, TIERS, Tier, due, evidence_of, threshold},
};

/// Two ways of adding up the same differ by a hair; what is at a bound is not above it.
const HAIR: f64 = 1e-9;

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Every tier from the fastest on, and the alert for silence where the objective has one.
    pub alerts: Vec<Alert>,
    /// The share of the objective's budget that is gone when it is worst, from the start of the trouble on; above 1 the
    /// objective is missed.
    pub budget_spent: f64,
}

/// An alert, and whether it fires.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Which tier; none for the alert about silence.
    pub tier: Option<&'static Tier>,
    /// When, where it fires.
    pub fired: Option<Fired>,
}

/// When an alert fires, in seconds after the first sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fired {
    /// At first.
    pub first: u32,
    /// The first evaluation after the last; none while it fires to the end.
    pub over: Option<u32>,
    /// How many times it begins.
    pub times: u32,
    /// The share of the budget that is gone when it fires first.
    pub budget_spent: f64,
}

/// What the rules of a contract's objective make of its incident.
pub fn simulate(contract: &Contract) -> Simulation {
    let slo = &contract.slo;
    let recorded = Recorded::of(contract);
    let silent = slo.silence.is_some().then_some(None);
    let watched: Vec<Option<&'static Tier>> = TIERS.iter().map(Some).chain(silent).collect();
    let mut watches = vec![Watch::default(); watched.len()];
    let mut budget_spent: f64 = 0.0;
    let trouble = contract.trouble().0 / INTERVAL;
    for moment in 0..recorded.moments() {
        for (tier, watch) in watched.iter().zip(&mut watches) {
            let fires = match tier {
                Some(tier) => burns(&recorded, contract, tier, moment),
                None => is_silent(&recorded, contract, moment),
            };
            watch.see(moment, fires, || recorded.spent(contract, moment));
        }
        if moment >= trouble {
            budget_spent = budget_spent.max(recorded.spent(contract, moment));
        }
    }
    let end = recorded.moments() - 1;
    let alerts = watched.into_iter().zip(watches);
    Simulation {
        alerts: alerts.map(|(tier, watch)| Alert { tier, fired: watch.fired(end) }).collect(),
        budget_spent,
    }
}

impl Simulation {
    /// The same as an engine would say it, labels and all, so that a contract can be scored by it.
    pub fn answer(&self, contract: &Contract) -> Answer {
        let firing = |alert: &Alert| {
            let Fired { first, over, times, .. } = alert.fired?;
            Some(Firing {
                labels: labels(&contract.slo, alert.tier.map(|tier| tier.name)),
                first,
                over,
                times,
            })
        };
        let mut firings: Vec<Firing> = self.alerts.iter().filter_map(firing).collect();
        firings.sort_by(|a, b| a.labels.cmp(&b.labels));
        Answer { firings, values: Vec::new() }
    }
}

/// The condition of a tier: the bad share is above its threshold in both windows, and it is not by chance.
fn burns(recorded: &Recorded, contract: &Contract, tier: &Tier, moment: u32) -> bool {
    let above = threshold(&contract.slo, tier).0 * (1.0 + HAIR);
    let ratio = |window| {
        let requests = recorded.requests(moment, window).filter(|requests| *requests > 0.0)?;
        Some(recorded.errors(moment, window)? / requests)
    };
    let high = |window| ratio(window).is_some_and(|ratio| ratio > above);
    let (long, short) = (tier.long.1, tier.short.1);
    let evidence = f64::from(evidence_of(&contract.slo, tier));
    high(short)
        && high(long)
        && recorded.errors(moment, long).is_some_and(|errors| errors * (1.0 + HAIR) >= evidence)
}

/// The condition of the alert for silence: by the day's mean something was due, and nothing came.
fn is_silent(recorded: &Recorded, contract: &Contract, moment: u32) -> bool {
    let expected = recorded.mean_rate(moment, MEAN).map(|mean| mean * f64::from(SILENCE));
    expected.is_some_and(|expected| expected * (1.0 + HAIR) >= f64::from(due(&contract.slo)))
        && !recorded.is_counting(moment, SILENCE)
}

/// An alert, minute by minute.
#[derive(Clone, Copy, Default)]
struct Watch {
    first: Option<(u32, f64)>,
    last: u32,
    times: u32,
    fires: bool,
}

impl Watch {
    fn see(&mut self, moment: u32, fires: bool, spent: impl Fn() -> f64) {
        if fires {
            self.times += u32::from(!self.fires);
            self.last = moment;
            self.first.get_or_insert_with(|| (moment, spent()));
        }
        self.fires = fires;
    }

    fn fired(self, end: u32) -> Option<Fired> {
        let (first, budget_spent) = self.first?;
        let over = (self.last < end).then_some((self.last + 1) * INTERVAL);
        Some(Fired { first: first * INTERVAL, over, times: self.times, budget_spent })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{contract::score, files};

    /// The contracts are what the project knows of its alerts: the well-known table among them, both sides of every
    /// threshold, the blind spots, and a hundred days of noise.
    #[test]
    fn every_contract_is_kept_by_what_is_computed_by_hand() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let slos = files::specs(Some(dir)).expect("good specs");
        let contracts = files::contracts(Some(dir), &slos).expect("good contracts");
        assert!(contracts.len() > 100, "{}", contracts.len());
        for mut contract in contracts {
            contract.values.clear();
            let verdict = score(&contract, &simulate(&contract).answer(&contract));
            assert!(verdict.passed(), "{}: {}: {verdict:#?}", contract.slo.name, contract.name);
        }
    }

    fn table(share: f64, minutes: u32) -> Vec<Option<(u32, Option<u32>)>> {
        let slos = files::specs(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).expect("good specs");
        let slo = slos.iter().find(|slo| slo.name == "order-placement-availability").expect("the example");
        let parts = [Part { share, seconds: Some(minutes * 60) }];
        let contract = Incident::of(slo, &parts, 60).contract().expect("possible");
        let (start, end) = contract.trouble();
        let simulation = simulate(&contract);
        let tiers = simulation.alerts.iter().filter(|alert| alert.tier.is_some());
        let minutes = |fired: Fired| ((fired.first - start) / 60, fired.over.map(|over| (over - end) / 60));
        tiers.map(|alert| alert.fired.map(minutes)).collect()
    }

    #[test]
    fn the_table_of_an_objective_of_three_nines_comes_out() {
        let near = |got: Option<(u32, Option<u32>)>, want: Option<(u32, u32)>| match (got, want) {
            (None, None) => true,
            (Some((fires, Some(clears))), Some(want)) => {
                fires.abs_diff(want.0) <= 1 && clears.abs_diff(want.1) <= 1
            }
            _ => false,
        };
        for (share, minutes, rows) in [
            (1.0, 10, [Some((1, 5)), Some((3, 30)), Some((5, 120)), Some((5, 360))]),
            (0.15, 10, [Some((6, 5)), None, None, None]),
            (0.05, 60, [Some((18, 4)), Some((44, 27)), None, None]),
            (0.01, 8 * 60, [None, Some((217, 12)), Some((433, 84)), Some((433, 324))]),
            (0.002, 72 * 60, [None, None, None, Some((36 * 60, 180))]),
        ] {
            let got = table(share, minutes);
            assert!(got.iter().zip(rows).all(|(got, want)| near(*got, want)), "{share}: {got:?} {rows:?}");
        }
    }

    #[test]
    fn the_budget_is_what_the_workbook_says() {
        let slos = files::specs(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).expect("good specs");
        let slo = slos.iter().find(|slo| slo.name == "order-placement-availability").expect("the example");
        // 14.4 times what is allowed, for an hour of a month: 2%.
        let parts = [Part { share: 0.0144, seconds: Some(3600) }];
        let spent = simulate(&Incident::of(slo, &parts, 60).contract().expect("possible")).budget_spent;
        assert!((spent - 0.02).abs() < 1e-6, "{spent}");
        // A month at what is allowed is the whole of it.
        let parts = [Part { share: 0.001, seconds: Some(30 * 86_400) }];
        let spent = simulate(&Incident::of(slo, &parts, 60).contract().expect("possible")).budget_spent;
        assert!((spent - 1.0).abs() < 1e-6, "{spent}");
    }
}
