//! Whom the alerts of a contract reach, and which of them are held back because another explains them.

use std::collections::BTreeMap;

use super::{
    Contract,
    score::{labels, relative, told},
};
use crate::{engine::Answer, generate::TIERS};

/// Who decides what becomes of alerts that fire: an Alertmanager's configuration.
pub trait Routing: Sync {
    /// The receivers that an alert with these labels is for.
    fn receivers(&self, labels: &BTreeMap<String, String>) -> Vec<String>;
    /// Of alerts that fire together, by their labels: the place of the one that holds each back, where one does.
    fn held_back(&self, firing: &[BTreeMap<String, String>]) -> Vec<Option<usize>>;
}

/// An alert that fires, and the labels of those that it may hold back.
struct Active<'c> {
    name: String,
    labels: BTreeMap<String, String>,
    from: u32,
    over: Option<u32>,
    inhibits: &'c [Option<String>],
}

impl Active<'_> {
    fn fires_at(&self, moment: u32) -> bool {
        self.from <= moment && self.over.is_none_or(|over| moment < over)
    }
}

/// Each promise about receivers and inhibition that is not kept, in a line. A contract that names neither is about neither.
pub fn routed(contract: &Contract, answer: &Answer, routing: &dyn Routing) -> Vec<String> {
    let mut broken = receivers(contract, routing);
    let named = contract.expect.iter().any(|e| e.receiver.is_some() || !e.inhibits.is_empty());
    if !named && contract.beside.is_empty() {
        return broken;
    }
    let active = active(contract, answer);
    let (start, _) = contract.trouble();
    // Who holds back whom changes only where an alert begins or ends.
    let mut moments: Vec<u32> =
        active.iter().flat_map(|alert| [Some(alert.from), alert.over]).flatten().collect();
    moments.sort_unstable();
    moments.dedup();
    let mut met = vec![Vec::new(); active.len()];
    for moment in moments {
        let firing: Vec<usize> = (0..active.len()).filter(|n| active[*n].fires_at(moment)).collect();
        let labels: Vec<_> = firing.iter().map(|n| active[*n].labels.clone()).collect();
        for (held, holder) in firing.iter().zip(routing.held_back(&labels)) {
            let holder = holder.map(|place| firing[place]);
            let holders: Vec<usize> =
                firing.iter().copied().filter(|n| holds(contract, &active[*n], &active[*held])).collect();
            holders.iter().for_each(|n| met[*n].push(*held));
            let at = || relative(moment, start);
            let name = &active[*held].name;
            match holder {
                Some(holder) if !holders.contains(&holder) => broken.push(format!(
                    "{name} is held back by {} {} after the start, which no promise says",
                    active[holder].name,
                    at()
                )),
                None if !holders.is_empty() => {
                    let by = &active[holders[0]].name;
                    broken.push(format!("{name} is not held back by {by} {} after the start", at()));
                }
                _ => {}
            }
        }
    }
    for (alert, met) in active.iter().zip(met) {
        for tier in alert.inhibits {
            let wanted = labels(&contract.slo, tier.as_deref());
            let may = contract.may.iter().any(|may| tier.as_deref().unwrap_or_default() == may);
            if !may && !met.iter().any(|held| active[*held].labels == wanted) {
                let tier = told(tier.as_deref());
                broken.push(format!("{} holds nothing back: {tier} never fires beside it", alert.name));
            }
        }
    }
    broken
}

/// Whether the contract says that one holds back the other.
fn holds(contract: &Contract, one: &Active<'_>, other: &Active<'_>) -> bool {
    one.inhibits.iter().any(|tier| labels(&contract.slo, tier.as_deref()) == other.labels)
}

fn receivers(contract: &Contract, routing: &dyn Routing) -> Vec<String> {
    let wrong = contract.expect.iter().filter_map(|expect| {
        let wanted = expect.receiver.as_ref()?;
        let tier = expect.tier.as_deref();
        let reached = routing.receivers(&labels(&contract.slo, tier));
        let right = reached.len() == 1 && reached[0] == *wanted;
        (!right).then(|| format!("{} reaches {} and not {wanted}", told(tier), reached.join(" and ")))
    });
    wrong.collect()
}

/// All alerts that fire: the objective's own, and those beside it from the first moment on.
fn active<'c>(contract: &'c Contract, answer: &Answer) -> Vec<Active<'c>> {
    let own = answer.firings.iter().map(|firing| {
        let tier = firing.labels.get("tier");
        let expect = contract.expect.iter().find(|expect| expect.tier.as_ref() == tier);
        Active {
            name: told(tier.map(String::as_str)).to_owned(),
            labels: firing.labels.clone(),
            from: firing.first,
            over: firing.over,
            inhibits: expect.map(|expect| expect.inhibits.as_slice()).unwrap_or_default(),
        }
    });
    let beside = contract.beside.iter().map(|beside| Active {
        name: beside.slo.alert.clone(),
        labels: labels(&beside.slo, Some(TIERS[0].name)),
        from: 0,
        over: None,
        inhibits: &beside.inhibits,
    });
    own.chain(beside).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{contract, engine::Firing, files};

    /// Pages reach the pager and hold back tickets of the same objective; nobody else is told of anything.
    struct Pages;
    impl Routing for Pages {
        fn receivers(&self, labels: &BTreeMap<String, String>) -> Vec<String> {
            vec![if labels["severity"] == "page" { "pager".into() } else { "rest".into() }]
        }
        fn held_back(&self, firing: &[BTreeMap<String, String>]) -> Vec<Option<usize>> {
            let held = |labels: &BTreeMap<String, String>| {
                let page = |other: &BTreeMap<String, String>| {
                    other["severity"] == "page" && other["slo"] == labels["slo"]
                };
                (labels["severity"] == "ticket").then(|| firing.iter().position(page)).flatten()
            };
            firing.iter().map(held).collect()
        }
    }

    fn broken(change: (&str, &str), firings: &[(&str, u32, Option<u32>)]) -> Vec<String> {
        let text = "slos = [\"order-placement-availability\"]\n[[contract]]\nname = \"n\"\nhistory = \"1h\"\nphases = [{ for = \"10m\", errors = 1 }]\nexpect = [{ tier = \"page-1h\", receiver = \"pager\", inhibits = [\"ticket-1d\"] }, { tier = \"ticket-1d\", receiver = \"rest\" }]\n";
        let slos = files::specs(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).expect("good specs");
        let contract =
            contract::read("a.toml", &text.replacen(change.0, change.1, 1), &slos).expect("good").remove(0);
        let firing = |(tier, first, over): &(&str, u32, Option<u32>)| Firing {
            labels: labels(&contract.slo, Some(tier)),
            first: *first,
            over: *over,
            times: 1,
        };
        let answer = Answer { firings: firings.iter().map(firing).collect(), values: vec![] };
        routed(&contract, &answer, &Pages)
    }

    const BOTH: [(&str, u32, Option<u32>); 2] = [("page-1h", 60, Some(600)), ("ticket-1d", 120, None)];

    #[test]
    fn what_reaches_whom_it_should_and_is_held_back_as_promised_passes() {
        assert_eq!(broken(("", ""), &BOTH), [""; 0]);
    }

    #[test]
    fn each_way_to_break_a_promise_is_told() {
        for (change, firings, words) in [
            (("\"rest\"", "\"pager\""), &BOTH[..], "ticket-1d reaches rest and not pager"),
            ((", inhibits = [\"ticket-1d\"]", ""), &BOTH[..], "held back by page-1h"),
            (("", ""), &BOTH[..1], "ticket-1d never fires beside it"),
            (("[\"ticket-1d\"]", "[\"ticket-1d\", \"silence\"]"), &BOTH[..], "silence never fires"),
            (
                ("inhibits = [\"ticket-1d\"]", "inhibits = [\"ticket-1d\", \"page-6h\"]"),
                &[("page-1h", 60, None), ("page-6h", 60, None), ("ticket-1d", 60, None)][..],
                "page-6h is not held back by page-1h",
            ),
            (
                (
                    "expect = ",
                    "beside = [{ slo = \"edge-to-order-availability\", inhibits = [\"ticket-1d\"] }]\nexpect = ",
                ),
                &BOTH[..],
                "not held back by OrderServiceUnavailable",
            ),
        ] {
            let broken = broken(change, firings);
            assert!(broken.iter().any(|line| line.contains(words)), "{words}: {broken:?}");
        }
    }
}
