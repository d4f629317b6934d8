//! Compares what an engine saw with what a contract promises.

use std::collections::BTreeMap;

use super::{Bound, Contract, Expect};
use crate::{
    engine::{Answer, Firing},
    generate::{INTERVAL, SILENT, TIERS},
    spec::Slo,
};

/// What became of a contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Each promise that was not kept, in a line; none when all were.
    pub broken: Vec<String>,
    /// When each alert fired and was over, for a person.
    pub seen: Vec<String>,
}

impl Verdict {
    /// Whether all promises were kept.
    pub fn passed(&self) -> bool {
        self.broken.is_empty()
    }
}

/// The verdict over an answer.
pub fn score(contract: &Contract, answer: &Answer) -> Verdict {
    let (start, end) = contract.trouble();
    let mut broken = Vec::new();
    let mut matched = vec![false; answer.firings.len()];
    for expect in &contract.expect {
        let wanted = labels(&contract.slo, expect.tier.as_deref());
        let found = answer.firings.iter().position(|firing| firing.labels == wanted);
        match found {
            Some(index) => {
                matched[index] = true;
                broken.extend(judge(expect, &answer.firings[index], start, end));
            }
            None => broken.push(format!("{} does not fire", told(expect.tier.as_deref()))),
        }
    }
    for (firing, matched) in answer.firings.iter().zip(matched) {
        let tier = firing.labels.get("tier");
        let may = contract.may.iter().any(|may| tier.map_or(may.is_empty(), |tier| tier == may));
        if !matched && !may {
            broken.push(format!(
                "{:?} fires and must not, from {}",
                firing.labels,
                relative(firing.first, start)
            ));
        }
    }
    for (value, got) in contract.values.iter().zip(&answer.values) {
        let right = match (value.is, got.as_slice()) {
            (None, []) => true,
            (Some(is), [got]) => (is - got).abs() <= 1e-6 * is.abs().max(1.0),
            _ => false,
        };
        if !right {
            broken.push(format!("{} gives {got:?} and not {:?}", value.expr, value.is));
        }
    }
    let seen = answer.firings.iter().map(|firing| seen(firing, start, end)).collect();
    Verdict { broken, seen }
}

/// The labels that the alert of a tier must have, or without one that about silence: by what is known of tiers and not by what
/// the rules say.
pub fn labels(slo: &Slo, tier: Option<&str>) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<&str, &str> =
        BTreeMap::from([("slo", slo.name.as_str()), ("service", slo.service.as_str())]);
    match TIERS.iter().find(|known| Some(known.name) == tier) {
        Some(tier) => labels.extend([
            ("alertname", slo.alert.as_str()),
            ("severity", tier.severity.word()),
            ("tier", tier.name),
            ("long", tier.long.0),
            ("short", tier.short.0),
        ]),
        None => labels.extend([
            ("alertname", SILENT),
            ("severity", slo.silence.map_or("", crate::spec::Severity::word)),
        ]),
    }
    labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn judge(expect: &Expect, firing: &Firing, start: u32, end: u32) -> Vec<String> {
    let name = told(expect.tier.as_deref());
    let mut broken = Vec::new();
    if firing.times != 1 && !expect.repeats {
        broken.push(format!("{name} fires {} times and not once", firing.times));
    }
    if let Some(wrong) = missed(expect.fires, Some(firing.first), start) {
        broken.push(format!("{name} fires {wrong} after the start"));
    }
    if let Some(wrong) = missed(expect.clears, firing.over, end) {
        broken.push(format!("{name} is over {wrong} after the end"));
    }
    broken
}

/// How a moment misses its bound: `18m and not within 5m`.
fn missed(bound: Bound, moment: Option<u32>, since: u32) -> Option<String> {
    let was = moment.map_or_else(|| "never".to_owned(), |moment| relative(moment, since));
    let moment = moment.map(|moment| i64::from(moment) - i64::from(since));
    let step = i64::from(INTERVAL);
    let kept = match (bound, moment) {
        (Bound::Sometime, _) | (Bound::Never, None) => true,
        (Bound::At(at), Some(moment)) => (moment - i64::from(at)).abs() <= step,
        (Bound::Within(within), Some(moment)) => moment <= i64::from(within) && moment >= 0,
        (Bound::Never | Bound::At(_) | Bound::Within(_), _) => false,
    };
    (!kept).then(|| match bound {
        Bound::At(at) => format!("{was} and not {}", relative(at, 0)),
        Bound::Within(within) => format!("{was} and not within {}", relative(within, 0)),
        Bound::Never | Bound::Sometime => format!("{was} and not never"),
    })
}

pub(super) fn told(tier: Option<&str>) -> &str {
    tier.unwrap_or("the alert about silence")
}

fn seen(firing: &Firing, start: u32, end: u32) -> String {
    let tier = firing.labels.get("tier").map_or("silence", String::as_str);
    let over = firing.over.map_or_else(|| "at no time".to_owned(), |over| relative(over, end));
    let times = if firing.times == 1 { String::new() } else { format!(", {} times", firing.times) };
    format!(
        "{tier}: fires {} after the start, is over {over} after the end{times}",
        relative(firing.first, start)
    )
}

/// Minutes, hours and minutes, with a sign where it is before.
pub fn relative(moment: u32, since: u32) -> String {
    let seconds = i64::from(moment) - i64::from(since);
    let (sign, minutes) = (if seconds < 0 { "-" } else { "" }, seconds.abs() / 60);
    match minutes {
        0..120 => format!("{sign}{minutes}m"),
        _ => format!("{sign}{}h{:02}m", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{contract, files};

    fn contract() -> Contract {
        let text = "slos = [\"order-placement-availability\"]\n[[contract]]\nname = \"n\"\nhistory = \"1h\"\nphases = [{ for = \"10m\", errors = 1 }]\nexpect = [{ tier = \"page-1h\", fires = \"2m\", clears_within = \"5m\" }]\nmay = [\"ticket-3d\"]\n";
        let slos = files::specs(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).expect("good specs");
        contract::read("a.toml", text, &slos).expect("good").remove(0)
    }

    fn firing(tier: &str, first: u32, over: Option<u32>) -> Firing {
        Firing { labels: labels(&contract().slo, Some(tier)), first, over, times: 1 }
    }

    fn broken(firings: Vec<Firing>) -> Vec<String> {
        score(&contract(), &Answer { firings, values: vec![] }).broken
    }

    #[test]
    fn what_is_promised_passes_give_or_take_one_evaluation() {
        for first in [3660, 3720, 3780] {
            assert_eq!(broken(vec![firing("page-1h", first, Some(4500))]), [""; 0]);
        }
        let also = firing("ticket-3d", 3700, None);
        assert_eq!(broken(vec![firing("page-1h", 3720, Some(4200)), also]), [""; 0]);
    }

    #[test]
    fn each_way_to_break_a_promise_is_told() {
        let mut relabelled = firing("page-1h", 3720, Some(4200));
        relabelled.labels.insert("severity".into(), "ticket".into());
        let flapping = Firing { times: 2, ..firing("page-1h", 3720, Some(4200)) };
        for (firings, word) in [
            (vec![], "does not fire"),
            (vec![firing("page-1h", 3900, Some(4200))], "fires 5m and not 2m"),
            (vec![firing("page-1h", 0, Some(4200))], "fires -60m"),
            (vec![firing("page-1h", 3720, Some(4600))], "is over 6m and not within 5m"),
            (vec![firing("page-1h", 3720, None)], "is over never"),
            (vec![flapping], "2 times"),
            (vec![firing("page-1h", 3720, Some(4200)), firing("page-6h", 3720, None)], "must not"),
            (vec![relabelled], "does not fire"),
        ] {
            let broken = broken(firings);
            assert!(broken.iter().any(|line| line.contains(word)), "{word}: {broken:?}");
        }
    }
}
