//! Judges what was seen while a case was at work.

use std::collections::BTreeMap;

use super::Case;
use crate::{contract::Routing, generate::Speed};

/// An alert that fired. Times are real seconds since the case began.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its labels, its name among them as `alertname`.
    pub labels: BTreeMap<String, String>,
    /// When it fired.
    pub fires: f64,
    /// When it was over; none while it still fires.
    pub over: Option<f64>,
    /// The receivers that were told of it, and when first.
    pub told: BTreeMap<String, f64>,
    /// It was held back, because another one explains it.
    pub held_back: bool,
}

impl Seen {
    fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The alert's name.
    pub fn name(&self) -> &str {
        self.label("alertname")
    }

    /// Name, tier and objective.
    pub fn told_apart(&self) -> String {
        let words = [self.name(), self.label("tier"), self.label("slo")];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn pages(&self) -> bool {
        self.label("severity") == "page"
    }
}

/// The verdict on a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// Each page that did not do what it must, in a line.
    pub broken: Vec<String>,
    /// Alerts that have no business in this case.
    pub false_alerts: Vec<String>,
}

impl Scored {
    /// Whether all pages did what they must.
    pub fn fired_as_expected(&self) -> bool {
        self.broken.is_empty()
    }
}

/// The verdict over what was seen at a speed, by these routes.
pub fn score(case: &Case, seen: &[Seen], speed: Speed, routing: &dyn Routing) -> Scored {
    let broken = case.pages.iter().filter_map(|page| missed(case, page, seen, speed, routing)).collect();
    let foreign = seen.iter().filter(|alert| !case.allows(alert.name()));
    Scored { broken, false_alerts: foreign.map(Seen::told_apart).collect() }
}

/// What is wrong with a page: of its tiers, the first that fires is the one that counts.
fn missed(case: &Case, page: &str, seen: &[Seen], speed: Speed, routing: &dyn Routing) -> Option<String> {
    let fired = seen.iter().filter(|alert| alert.name() == page && alert.pages());
    let Some(first) = fired.clone().min_by(|a, b| a.fires.total_cmp(&b.fires)) else {
        return Some(format!("{page} does not page"));
    };
    let within = f64::from(case.within) / f64::from(speed.times());
    if first.fires > within {
        return Some(format!("{page} fires after {:.1} s and not within {within:.1} s", first.fires));
    }
    if let Some(alert) = fired.clone().find(|alert| alert.over.is_none()) {
        return Some(format!("{} is not over", alert.told_apart()));
    }
    let wanted = routing.receivers(&first.labels);
    let told = fired.clone().flat_map(|alert| alert.told.keys()).collect::<Vec<_>>();
    let lacking = wanted.iter().find(|receiver| !told.contains(receiver));
    lacking.map(|receiver| {
        let held_back = if first.held_back { ", because it was held back" } else { "" };
        format!("{page} does not reach {receiver}{held_back}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Fault;

    struct ToThePager;
    impl Routing for ToThePager {
        fn receivers(&self, _: &BTreeMap<String, String>) -> Vec<String> {
            vec!["pager".into()]
        }
        fn held_back(&self, firing: &[BTreeMap<String, String>]) -> Vec<Option<usize>> {
            vec![None; firing.len()]
        }
    }

    fn case() -> Case {
        Case {
            file: "a.toml".into(),
            line: 2,
            name: "n".into(),
            fault: Fault::Nothing,
            seconds: 1200,
            within: 600,
            pages: vec!["OrdersFail".into()],
            may: vec!["Slow*".into()],
        }
    }

    fn seen(name: &str, severity: &str) -> Seen {
        let labels = [("alertname", name), ("severity", severity), ("tier", "page-1h"), ("slo", "o")];
        Seen {
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            fires: 9.0,
            over: Some(30.0),
            told: BTreeMap::from([("pager".to_owned(), 10.5)]),
            held_back: false,
        }
    }

    fn scored(seen: &[Seen]) -> Scored {
        score(&case(), seen, Speed::new(60).expect("possible"), &ToThePager)
    }

    #[test]
    fn a_page_that_fires_in_time_reaches_somebody_and_ends_is_as_expected() {
        let good = [seen("OrdersFail", "page"), seen("SlowOrders", "ticket")];
        assert_eq!(scored(&good), Scored::default());
        // That a slower tier is held back or told with the first is no matter.
        let slower = Seen { fires: 14.0, told: BTreeMap::new(), ..seen("OrdersFail", "page") };
        assert_eq!(scored(&[slower, good[0].clone()]), Scored::default());
    }

    #[test]
    fn each_way_to_fail_is_told() {
        let good = seen("OrdersFail", "page");
        for (alerts, words) in [
            (vec![], "does not page"),
            (vec![seen("OrdersFail", "ticket")], "does not page"),
            (vec![Seen { fires: 10.5, ..good.clone() }], "after 10.5 s and not within 10.0 s"),
            (vec![Seen { over: None, ..good.clone() }], "OrdersFail page-1h o is not over"),
            (vec![Seen { told: BTreeMap::new(), held_back: true, ..good.clone() }], "reach pager, because"),
        ] {
            let broken = scored(&alerts).broken;
            assert!(matches!(&broken[..], [line] if line.contains(words)), "{words}: {broken:?}");
        }
        let scored = scored(&[good, seen("LoginFails", "ticket")]);
        assert_eq!(scored.false_alerts, ["LoginFails page-1h o"]);
        assert!(scored.fired_as_expected());
    }
}
