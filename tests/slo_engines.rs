//! The built-in rule engine and Prometheus' own agree: every alert of every contract fires at the same minutes.

use firedrill::objectives::builtin::Builtin;
use slo::{
    contract::Contract,
    engine::{Answer, Case, Engine, Promtool},
};

use crate::{
    harness::{checkout, native},
    slo_simulate,
};

fn contracts() -> Vec<Contract> {
    let slos = slo::files::specs(Some(&checkout().join("slo"))).expect("good specs");
    slo::files::contracts(Some(&checkout().join("slo")), &slos).expect("good contracts")
}

/// The case with questions that tell at which minutes each alert fires: how many, and the sum of their times. Beside when it
/// first fires, when it is over and how often it begins, that leaves no room for other minutes by mistake.
fn examined(contract: &Contract) -> Case {
    let mut case = contract.case(contract.rules());
    let fires = "ALERTS{alertstate=\"firing\"}";
    let window = format!("{}s:{}s", case.length + case.step, case.step);
    // No more than this: promtool holds 10,000 samples, those in between among them.
    for sum in [
        format!("sum by (tier) (count_over_time({fires}[{window}]))"),
        format!("sum by (tier) (sum_over_time(timestamp({fires})[{window}]))"),
    ] {
        case.questions.push((sum, case.length));
    }
    case
}

/// Sorted, for a result has no order.
fn values(answer: &Answer) -> Vec<Vec<f64>> {
    let mut values = answer.values.clone();
    values.iter_mut().for_each(|values| values.sort_by(f64::total_cmp));
    values
}

fn agree(contracts: &[Contract], promtool: &dyn Engine) {
    for contract in contracts {
        let case = examined(contract);
        let what = format!("{}: {}", contract.slo.name, contract.name);
        let run = |engine: &dyn Engine| engine.run(&case).unwrap_or_else(|e| panic!("{what}: {e}"));
        let (ours, theirs) = (run(&Builtin), run(promtool));
        assert_eq!(ours.firings, theirs.firings, "{what}");
        for ((expr, _), (ours, theirs)) in
            case.questions.iter().zip(values(&ours).iter().zip(values(&theirs)))
        {
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
            let same = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(near);
            assert!(same, "{what}: {expr}: {ours:?} and {theirs:?}");
        }
    }
}

fn promtool() -> Option<Promtool> {
    native::program("promtool").map(|program| Promtool { program })
}

/// The shorter ones; that all of them agree takes minutes and is the test below.
#[test]
fn both_engines_see_every_alert_of_short_contracts_at_the_same_minutes() {
    let Some(promtool) = promtool() else { return };
    let mut short = contracts();
    // What is promised of several objectives is taken for one of them.
    let mut seen = std::collections::BTreeSet::new();
    short.retain(|contract| contract.length() <= 9 * 3600 && seen.insert(contract.name.clone()));
    assert!(short.len() >= 15, "{}", short.len());
    agree(&short, &promtool);
}

#[test]
#[ignore = "takes minutes: cargo test -p firedrill --test promises -- --ignored engines"]
fn both_engines_see_every_alert_of_every_contract_at_the_same_minutes() {
    let Some(promtool) = promtool() else { return };
    let all = contracts();
    assert!(all.len() > 110, "{}", all.len());
    agree(&all, &promtool);
}

/// What the simulator computes is what an engine sees, whatever happens.
#[test]
fn the_built_in_engine_sees_what_is_computed() {
    let fired: usize = (1..=40).map(|seed| slo_simulate::agrees(&Builtin, seed)).sum();
    assert!(fired >= 40, "{fired}");
}
