//! `firedrill drill answer`.

use causes::Cause;
use drills::{
    grade::{Answer, Grade},
    session::{Phase, Session, TRIES},
};
use serde_json::{Value, json};

use super::{output, words};
use crate::{
    cli::DrillAnswer,
    drill::answer::give,
    failure::{Code, Outcome},
    home::Home,
};

/// Grades an answer, line by line; good when service, operation and cause are right.
pub(super) async fn run(home: &Home, options: &DrillAnswer, json: bool) -> Outcome {
    if options.causes {
        causes(json);
        return Ok(Code::Good);
    }
    let answer = Answer {
        service: options.service.clone(),
        operation: options.operation.clone(),
        cause: options.cause,
        evidence: options.evidence.clone(),
    };
    let (session, grade) = give(home, &options.by.by, answer).await?;
    match json {
        true => output::json(&object(&session, &grade)),
        false => output::print(&text(home, &session, &grade)),
    }
    Ok(if grade.correct.is_whole() { Code::Good } else { Code::NotGood })
}

/// What an answer was worth: all of it when the drill is over.
pub(super) fn object(session: &Session, grade: &Grade) -> Value {
    // What is right is told when the drill is over; before, the next try would be no answer but a guess.
    let over = matches!(session.phase, Phase::Over(_));
    json!({
        "correct": over.then_some(grade.correct),
        "whole": grade.correct.is_whole(),
        "score": over.then_some(grade.score),
        "lines": over.then_some(&grade.lines),
        "tries_left": tries_left(session),
        "phase": words::phase(&session.phase),
    })
}

fn text(home: &Home, session: &Session, grade: &Grade) -> String {
    if !matches!(session.phase, Phase::Over(_)) {
        return format!("That is not it, or not all of it. Tries left: {}.", tries_left(session));
    }
    format!("{}\n{}", words::grade(grade), words::standing(home, session))
}

fn tries_left(session: &Session) -> usize {
    TRIES.saturating_sub(session.tries.len())
}

/// The causes that can be answered.
pub(super) fn causes_object() -> Value {
    let causes = Cause::ALL.iter().map(|cause| json!({"cause": cause.name(), "plain": cause.plain()}));
    json!({"causes": causes.collect::<Vec<_>>()})
}

fn causes(json: bool) {
    if json {
        output::json(&causes_object());
    } else {
        let lines = Cause::ALL.iter().map(|cause| format!("{:<24}{}", cause.name(), cause.plain()));
        output::print(&lines.collect::<Vec<_>>().join("\n"));
    }
}
