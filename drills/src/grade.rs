//! What an answer is worth: facts compared with facts, line by line, without judgement.
//!
//! The cause weighs most, since it is what has to be understood; where it lies weighs less, since one of three services is
//! soon guessed. A guess of everything at random is worth under a tenth on the mean.

use crate::scenario::Truth;
use causes::Cause;
use serde::{Deserialize, Serialize};

/// Points for each part; together a hundred.
pub const SERVICE: u32 = 15;
/// For the operation.
pub const OPERATION: u32 = 20;
/// For the cause.
pub const CAUSE: u32 = 40;
/// For evidence.
pub const EVIDENCE: u32 = 25;
/// What a hint costs.
pub const HINT: u32 = 8;
/// What a wrong answer costs that came before.
pub const WRONG_TRY: u32 = 12;

/// What somebody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Answer {
    /// The service; none says that none is concerned.
    pub service: Option<String>,
    /// The operation; none says that the whole service is.
    pub operation: Option<String>,
    /// The cause.
    pub cause: Option<Cause>,
    /// A trace id or a correlation id.
    pub evidence: Option<String>,
}

/// One line of a grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What is graded.
    pub what: String,
    /// What it brings; below zero for what it costs.
    pub points: i32,
    /// What it could have brought.
    pub of: u32,
    /// Why.
    pub why: String,
}

/// A grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grade {
    /// From 0 to 100.
    pub score: u32,
    /// How it came about.
    pub lines: Vec<Line>,
    /// Which parts are right.
    pub correct: Correct,
}

/// Which parts of an answer are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correct {
    /// The service.
    pub service: bool,
    /// The operation.
    pub operation: bool,
    /// The cause.
    pub cause: bool,
    /// The evidence.
    pub evidence: bool,
}

impl Correct {
    /// Whether service, operation and cause are.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.service && self.operation && self.cause
    }
}

/// What came before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Before {
    /// Hints that were taken.
    pub hints: u32,
    /// Wrong answers.
    pub wrong_tries: u32,
}

/// Grades an answer. `accepted`: whether the evidence that it names was looked up and shows the cause.
#[must_use]
pub fn grade(truth: &Truth, answer: &Answer, accepted: bool, before: Before) -> Grade {
    let correct = correct(truth, answer, accepted);
    let mut lines = match truth.cause {
        // Who sees that nothing is wrong has nothing to show and no place to name.
        Cause::Nothing => vec![line("cause", correct.cause, 100, answer.cause, "nothing is wrong")],
        cause => {
            let place = match truth.operations.as_slice() {
                [] => "the whole service".to_owned(),
                operations => operations.join(" or "),
            };
            let service = truth.service.as_deref().unwrap_or("none");
            let said = answer.operation.as_deref().unwrap_or("the whole service");
            vec![
                line("service", correct.service, SERVICE, answer.service.as_deref(), service),
                line("operation", correct.operation, OPERATION, Some(said), &place),
                line("cause", correct.cause, CAUSE, answer.cause, cause.name()),
                evidence(correct.evidence, answer),
            ]
        }
    };
    lines.extend(cost("hints", before.hints, HINT));
    lines.extend(cost("wrong answers before", before.wrong_tries, WRONG_TRY));
    let sum: i32 = lines.iter().map(|line| line.points).sum();
    Grade { score: u32::try_from(sum.clamp(0, 100)).unwrap_or(0), lines, correct }
}

fn correct(truth: &Truth, answer: &Answer, accepted: bool) -> Correct {
    let service = answer.service == truth.service;
    let named = answer.operation.as_ref();
    let operation = match truth.operations.as_slice() {
        [] => named.is_none(),
        operations => named.is_some_and(|named| operations.contains(named)),
    };
    let cause = answer.cause == Some(truth.cause);
    let nothing = truth.cause == Cause::Nothing;
    Correct {
        service,
        // An operation's name says nothing without its service: several have the same routes.
        operation: operation && service,
        cause,
        evidence: if nothing { cause } else { accepted },
    }
}

fn line(what: &str, right: bool, of: u32, said: Option<impl ToString>, truth: &str) -> Line {
    let said = said.map_or_else(|| "nothing".to_owned(), |said| said.to_string());
    let why = if right { format!("{truth}, as you said") } else { format!("{truth}; you said {said}") };
    Line { what: what.to_owned(), points: if right { points(of) } else { 0 }, of, why }
}

fn evidence(right: bool, answer: &Answer) -> Line {
    let why = match (&answer.evidence, right) {
        (None, _) => "you named none".to_owned(),
        (Some(id), true) => format!("{id} shows it"),
        (Some(id), false) => format!("{id} does not show it"),
    };
    Line { what: "evidence".to_owned(), points: if right { points(EVIDENCE) } else { 0 }, of: EVIDENCE, why }
}

fn cost(what: &str, count: u32, each: u32) -> Option<Line> {
    let points = points(count.saturating_mul(each).min(100));
    let why = format!("{count}, {each} points each");
    (count > 0).then(|| Line { what: what.to_owned(), points: -points, of: 0, why })
}

fn points(points: u32) -> i32 {
    i32::try_from(points).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SERVICES: [&str; 4] = ["loadgen", "order-service", "product-service", "user-service"];
    const OPERATIONS: [&str; 8] = [
        "POST /orders",
        "GET /orders/{id}",
        "GET /products/{id}",
        "GET /products",
        "POST /products/batch",
        "POST /products/{id}/reserve",
        "GET /users/{id}",
        "POST /sessions",
    ];

    fn truth() -> Truth {
        Truth {
            service: Some("order-service".to_owned()),
            operations: vec!["POST /orders".to_owned()],
            cause: Cause::PoolExhaustion,
        }
    }

    fn right() -> Answer {
        Answer {
            service: Some("order-service".to_owned()),
            operation: Some("POST /orders".to_owned()),
            cause: Some(Cause::PoolExhaustion),
            evidence: Some("7".to_owned()),
        }
    }

    #[test]
    fn a_right_answer_with_evidence_is_worth_all_and_costs_are_taken_off() {
        let whole = grade(&truth(), &right(), true, Before::default());
        assert_eq!((whole.score, whole.correct.is_whole()), (100, true));
        let helped = grade(&truth(), &right(), true, Before { hints: 2, wrong_tries: 1 });
        assert_eq!(helped.score, 100 - 2 * HINT - WRONG_TRY);
        assert_eq!(helped.lines.iter().map(|line| line.points).sum::<i32>(), 72);
        let lost = grade(&truth(), &right(), false, Before { hints: 40, wrong_tries: 40 });
        assert_eq!(lost.score, 0, "never below nothing");
    }

    #[test]
    fn every_part_is_graded_by_itself_and_says_why() {
        let answer = Answer { cause: Some(Cause::MissingIndex), ..right() };
        let grade = grade(&truth(), &answer, false, Before::default());
        assert_eq!(grade.score, SERVICE + OPERATION);
        assert!(grade.lines[2].why.contains("pool-exhaustion; you said missing-index"), "{:?}", grade.lines);
        assert!(grade.lines[3].why.contains("7 does not show it"));
    }

    #[test]
    fn of_a_whole_service_no_operation_is_right() {
        let truth = Truth { operations: Vec::new(), ..truth() };
        let said = |operation: Option<&str>| {
            let answer = Answer { operation: operation.map(str::to_owned), ..right() };
            grade(&truth, &answer, true, Before::default()).correct.operation
        };
        assert!(said(None));
        assert!(!said(Some("POST /orders")));
    }

    #[test]
    fn to_see_that_nothing_is_wrong_is_worth_all() {
        let truth = Truth { service: None, operations: Vec::new(), cause: Cause::Nothing };
        let nothing = Answer { cause: Some(Cause::Nothing), ..Answer::default() };
        assert_eq!(grade(&truth, &nothing, false, Before::default()).score, 100);
        assert_eq!(grade(&truth, &right(), false, Before::default()).score, 0);
    }

    /// Whatever the truth, the mean over all answers.
    fn mean_of_all_answers(truth: &Truth) -> f64 {
        let services = SERVICES.iter().map(|name| Some((*name).to_owned())).chain([None]);
        let operations: Vec<_> =
            OPERATIONS.iter().map(|name| Some((*name).to_owned())).chain([None]).collect();
        let (mut sum, mut count) = (0u64, 0u64);
        for service in services {
            for operation in &operations {
                for cause in Cause::ALL {
                    let (service, operation) = (service.clone(), operation.clone());
                    // An id that was guessed is that of no trace.
                    let answer =
                        Answer { service, operation, cause: Some(*cause), evidence: Some("1".into()) };
                    sum += u64::from(grade(truth, &answer, false, Before::default()).score);
                    count += 1;
                }
            }
        }
        sum as f64 / count as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_guess_is_worth_less_than_a_tenth(
            service in 0usize..4,
            operation in proptest::option::of(0usize..8),
            cause in 0usize..Cause::ALL.len(),
        ) {
            let cause = Cause::ALL[cause];
            let truth = match cause {
                Cause::Nothing => Truth { service: None, operations: Vec::new(), cause },
                _ => Truth {
                    service: Some(SERVICES[service].to_owned()),
                    operations: operation.map(|at| OPERATIONS[at].to_owned()).into_iter().collect(),
                    cause,
                },
            };
            let mean = mean_of_all_answers(&truth);
            prop_assert!(mean < 10.0, "{mean}");
        }
    }
}
