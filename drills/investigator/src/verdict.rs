//! From signs to an answer: every cause that has its sign is weighed, and the heaviest is it, if it is heavy enough.

use crate::{
    finding::{Evidence, Finding, Place, Sign},
    knowledge::{RULES, Rule, Where, is_harm, is_silent_trouble},
};
use causes::Cause;
use serde::Serialize;

/// What is lighter than this is no answer.
const ENOUGH: f64 = 1.2;
/// The most pieces of evidence of an answer.
const PIECES: usize = 6;
/// How many other causes are told that were weighed.
const CONSIDERED: usize = 4;

/// Which service, which operation, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The service; none if nothing is wrong.
    pub service: Option<String>,
    /// The operation, as its spans are named; none if the whole service is concerned.
    pub operation: Option<String>,
    /// The cause; none if something is wrong and no cause fits.
    pub cause: Option<Cause>,
    /// What shows it.
    pub evidence: Vec<Evidence>,
}

impl Answer {
    pub(crate) fn nothing() -> Self {
        Self { service: None, operation: None, cause: Some(Cause::Nothing), evidence: Vec::new() }
    }

    /// Whether it says that something is wrong.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        self.cause != Some(Cause::Nothing)
    }
}

/// A cause at a place, weighed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hypothesis {
    /// The cause.
    pub cause: Cause,
    /// Where.
    pub place: Place,
    /// What speaks for it less what speaks against it.
    pub weight: f64,
    /// What speaks for it.
    pub supported_by: Vec<Sign>,
    /// What speaks against it.
    pub contradicted_by: Vec<Sign>,
}

/// An answer and how it was come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The answer.
    pub answer: Answer,
    /// What was weighed, the heaviest first.
    pub considered: Vec<Hypothesis>,
    /// What was seen.
    pub findings: Vec<Finding>,
}

/// Weighs.
#[must_use]
pub fn weigh(mut findings: Vec<Finding>) -> Verdict {
    explain_away(&mut findings);
    let harm = findings.iter().any(|finding| is_harm(finding.sign));
    let mut considered: Vec<Hypothesis> = Vec::new();
    for rule in RULES {
        for anchor in findings.iter().filter(|finding| finding.sign == rule.anchor) {
            // What hurts nobody and is no trouble by itself is none.
            if harm || is_silent_trouble(anchor.sign) {
                considered.push(hypothesis(rule, anchor, &findings));
            }
        }
    }
    considered.sort_by(|a, b| {
        b.weight.total_cmp(&a.weight).then(a.cause.cmp(&b.cause)).then_with(|| a.place.cmp(&b.place))
    });
    let mut seen = std::collections::BTreeSet::new();
    considered.retain(|h| h.weight > 0.0 && seen.insert((h.cause, h.place.service.clone())));
    let answer = match considered.first().filter(|best| best.weight >= ENOUGH) {
        Some(best) => answer(best, &findings),
        None => unexplained(&findings),
    };
    considered.truncate(CONSIDERED + 1);
    Verdict { answer, considered, findings }
}

/// Takes weight from what something deeper explains.
fn explain_away(findings: &mut [Finding]) {
    // Behind an open breaker a caller fails by itself: its errors begin where the breaker looks.
    let breakers: Vec<String> = callers(findings, Sign::BreakerOpened);
    for finding in findings.iter_mut() {
        if finding.sign == Sign::ErrorsBegin && breakers.contains(&finding.place.service) {
            finding.strength *= 0.1;
        }
    }
    // Spans of requests that take longer come later, from processes that have more to do: missing ones say little then.
    let waiting = |sign: Sign| matches!(sign, Sign::UsersWait | Sign::ServerSlow);
    if findings.iter().any(|finding| waiting(finding.sign)) {
        let missing = findings.iter_mut().filter(|finding| finding.sign == Sign::SpansMissing);
        missing.for_each(|finding| finding.strength *= 0.1);
    }
}

fn callers(findings: &[Finding], sign: Sign) -> Vec<String> {
    findings.iter().filter(|f| f.sign == sign).filter_map(|f| f.place.caller.clone()).collect()
}

fn hypothesis(rule: &Rule, anchor: &Finding, findings: &[Finding]) -> Hypothesis {
    let strongest = |sign: Sign| {
        let here = |finding: &&Finding| finding.sign == sign && is_related(finding, &anchor.place);
        findings.iter().filter(here).map(|finding| finding.strength).reduce(f64::max)
    };
    let full = |strength: f64| 0.5 + 0.5 * strength;
    let mut weight = rule.weight * full(anchor.strength);
    let (mut supported_by, mut contradicted_by) = (vec![anchor.sign], Vec::new());
    for (sign, with) in rule.with {
        if let Some(strength) = strongest(*sign) {
            weight += with * full(strength);
            supported_by.push(*sign);
        }
    }
    for (sign, without) in rule.without {
        if let Some(strength) = strongest(*sign) {
            weight -= without * full(strength);
            contradicted_by.push(*sign);
        }
    }
    Hypothesis {
        cause: rule.cause,
        place: place(rule, anchor, findings),
        weight,
        supported_by,
        contradicted_by,
    }
}

/// At the same service; what is about an operation alone, at the same operation.
fn is_related(finding: &Finding, place: &Place) -> bool {
    let about_an_operation = matches!(
        finding.sign,
        Sign::Authenticates | Sign::SelfTime | Sign::OneRecordFails | Sign::OneTenantSlow
    );
    let same = !about_an_operation || place.operation.is_none() || finding.place.operation == place.operation;
    finding.place.service == place.service && same
}

fn place(rule: &Rule, anchor: &Finding, findings: &[Finding]) -> Place {
    let place = &anchor.place;
    match rule.place {
        Where::Service => Place::service(&place.service),
        Where::Operation => {
            let operation = place.operation.clone().filter(|name| is_request(name));
            let operation =
                operation.or_else(|| suffering(&place.service, findings)).or(place.operation.clone());
            Place { operation, ..place.clone() }
        }
        Where::Caller => {
            let caller = place.caller.clone().unwrap_or_else(|| place.service.clone());
            let operation = suffering(&caller, findings);
            Place { operation, ..Place::service(&caller) }
        }
    }
}

/// Whether a name is that of a request and not of a statement or a queue: a method and a path.
fn is_request(operation: &str) -> bool {
    operation.split_once(' ').is_some_and(|(_, route)| route.starts_with('/'))
}

/// The operation of a service that suffers most.
fn suffering(service: &str, findings: &[Finding]) -> Option<String> {
    let hurt = findings.iter().filter(|f| is_harm(f.sign) && f.place.service == service);
    hurt.max_by(|a, b| a.strength.total_cmp(&b.strength)).and_then(|f| f.place.operation.clone())
}

fn answer(best: &Hypothesis, findings: &[Finding]) -> Answer {
    let mut evidence: Vec<Evidence> = Vec::new();
    let relevant = |finding: &&Finding| {
        finding.place.service == best.place.service
            || finding.place.caller.as_ref() == Some(&best.place.service)
    };
    for sign in &best.supported_by {
        let of_sign = findings.iter().filter(relevant).filter(|finding| finding.sign == *sign);
        for piece in of_sign.flat_map(|finding| &finding.evidence) {
            if !evidence.contains(piece) {
                evidence.push(piece.clone());
            }
        }
    }
    // A trace of somebody who was hurt says more than another query.
    let has_trace = evidence.iter().take(PIECES).any(|piece| matches!(piece, Evidence::Trace(_)));
    let traces = |finding: &Finding| {
        finding.evidence.iter().find(|piece| matches!(piece, Evidence::Trace(_))).cloned()
    };
    evidence.truncate(PIECES);
    if !has_trace {
        let near = findings.iter().filter(relevant).find_map(traces);
        evidence.extend(near.or_else(|| findings.iter().find_map(traces)));
    }
    Answer {
        service: Some(best.place.service.clone()),
        operation: best.place.operation.clone(),
        cause: Some(best.cause),
        evidence,
    }
}

/// Somebody is hurt and nothing that is known fits: where is said, why is not.
fn unexplained(findings: &[Finding]) -> Answer {
    let hurt = findings.iter().filter(|finding| is_harm(finding.sign));
    let Some(worst) = hurt.max_by(|a, b| a.strength.total_cmp(&b.strength)) else { return Answer::nothing() };
    Answer {
        service: Some(worst.place.service.clone()),
        operation: worst.place.operation.clone(),
        cause: None,
        evidence: worst.evidence.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sign: Sign, place: Place) -> Finding {
        Finding::new(sign, place, 1.0, String::new())
    }

    fn answer(findings: Vec<Finding>) -> (Option<String>, Option<String>, Option<Cause>) {
        let answer = weigh(findings).answer;
        (answer.service, answer.operation, answer.cause)
    }

    fn at(
        service: &str,
        operation: Option<&str>,
        cause: Cause,
    ) -> (Option<String>, Option<String>, Option<Cause>) {
        (Some(service.to_owned()), operation.map(str::to_owned), Some(cause))
    }

    #[test]
    fn without_a_sign_nothing_is_wrong() {
        assert_eq!(answer(vec![]), (None, None, Some(Cause::Nothing)));
        // Neither with one that says nothing by itself.
        assert_eq!(answer(vec![seen(Sign::CpuSteady, Place::service("a"))]).2, Some(Cause::Nothing));
        assert_eq!(answer(vec![seen(Sign::NewLines, Place::service("a"))]).2, Some(Cause::Nothing));
        assert_eq!(
            answer(vec![seen(Sign::PoolWait, Place::service("a"))]).2,
            Some(Cause::Nothing),
            "nobody is hurt"
        );
    }

    #[test]
    fn a_callers_errors_behind_a_breaker_are_not_its_own() {
        let call = Place::call("shop", "stock", "POST /items");
        let findings = vec![
            seen(Sign::UsersFail, Place::operation("shop", "POST /orders")),
            seen(Sign::ErrorsBegin, Place::operation("shop", "POST /orders")),
            seen(Sign::BreakerOpened, call.clone()),
            seen(Sign::CallsTimeOut, call.clone()),
            seen(Sign::CallsUnanswered, call),
            seen(Sign::Unresponsive, Place::service("stock")),
            seen(Sign::TrafficFell, Place::service("stock")),
        ];
        assert_eq!(answer(findings), at("stock", None, Cause::ProcessStopped));
    }

    #[test]
    fn spans_that_come_late_because_all_is_late_are_not_lost() {
        let findings = vec![
            seen(Sign::UsersWait, Place::operation("shop", "POST /orders")),
            seen(Sign::NetworkTime, Place::call("shop", "stock", "POST /items")),
            seen(Sign::SpansMissing, Place::service("stock")),
        ];
        assert_eq!(answer(findings), at("stock", Some("POST /items"), Cause::SlowNetwork));
        let findings = vec![seen(Sign::SpansMissing, Place::service("stock"))];
        assert_eq!(answer(findings), at("stock", None, Cause::TelemetryLoss));
    }

    #[test]
    fn where_the_time_goes_is_where_the_cause_is() {
        let hurt = seen(Sign::UsersWait, Place::operation("shop", "POST /orders"));
        let slow = seen(Sign::ServerSlow, Place::operation("stock", "GET /items"));
        let pool = vec![hurt.clone(), slow.clone(), seen(Sign::PoolWait, Place::service("stock"))];
        assert_eq!(answer(pool), at("stock", Some("GET /items"), Cause::PoolExhaustion));
        let read = vec![
            hurt.clone(),
            slow,
            seen(Sign::ReadsSlow, Place::operation("stock", "SELECT items")),
            seen(Sign::PoolWait, Place::service("stock")),
            seen(Sign::StatementTime, Place::operation("stock", "SELECT items")),
            seen(Sign::CpuRose, Place::service("stock")),
        ];
        assert_eq!(answer(read), at("stock", Some("GET /items"), Cause::MissingIndex));
        let network = vec![hurt, seen(Sign::NetworkTime, Place::call("shop", "stock", "GET /items"))];
        assert_eq!(answer(network), at("stock", Some("GET /items"), Cause::SlowNetwork));
    }

    #[test]
    fn harm_that_nothing_explains_is_told_without_a_cause() {
        let findings = vec![seen(Sign::UsersFail, Place::operation("shop", "POST /orders"))];
        assert_eq!(answer(findings), (Some("shop".to_owned()), Some("POST /orders".to_owned()), None));
    }

    #[test]
    fn trouble_that_nobody_feels_is_told_all_the_same() {
        let findings = vec![seen(Sign::ClockOff, Place::service("stock"))];
        assert_eq!(answer(findings), at("stock", None, Cause::ClockSkew));
        let findings = vec![seen(Sign::OrphanRoots, Place::operation("stock", "GET /items"))];
        assert_eq!(answer(findings), at("stock", Some("GET /items"), Cause::BrokenPropagation));
    }
}
