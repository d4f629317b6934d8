//! `firedrill drill run --auto`.

use drills::session::Measures;
use serde_json::{Value, json};

use super::{output, words};
use crate::{
    cli::DrillRun,
    drill::auto::{self, Done, Remedies},
    failure::{Code, Failure, Outcome},
    home::Home,
};

/// Lets the investigator do one drill; good when service, operation and cause are right.
pub(super) async fn run(home: &Home, options: &DrillRun, json: bool) -> Outcome {
    let done =
        auto::run(home, options.which.id.as_deref(), options.which.seed, options.speed, Remedies::Right)
            .await?;
    let Some(answered) = &done.answered else {
        return Err(Failure::not_good(words::standing(home, &done.session)));
    };
    match json {
        true => output::json(&object(&done)),
        false => {
            let (grade, standing) = (words::grade(&answered.grade), words::standing(home, &done.session));
            output::print(&format!("{}\n\n{grade}\n{standing}", answered.reasoning.trim_end()));
        }
    }
    Ok(if answered.grade.correct.is_whole() { Code::Good } else { Code::NotGood })
}

/// All that is known of it afterwards.
pub(super) fn object(done: &Done) -> Value {
    let Done { scenario, session, answered, intact, measured } = done;
    let measures = Measures::of(session);
    let answered = answered.as_ref();
    let fired = scenario.alerts.forbidden.iter().filter(|name| session.alerts.contains(name)).count();
    json!({
        "drill": scenario.id,
        "seed": session.seed,
        "sealed": session.ledger,
        "intact": intact,
        "phase": words::phase(&session.phase),
        "answer": answered.map(|answered| &answered.answer),
        "correct": answered.map(|answered| answered.grade.correct),
        "score": answered.map(|answered| answered.grade.score),
        "simple_ways_right": answered.map(|answered| &answered.simple),
        "dose_proven": session.proven.is_some(),
        "effect_proven": measured["effect_proven"],
        "restored": session.closed.flatten(),
        "alerts_expected": scenario.alerts.expected,
        "alerts_fired": session.alerts,
        "false_alerts": fired,
        "wrong_remedies": answered.map(|answered| {
            let tried = answered.wrong.iter();
            tried.map(|(ops, helped)| json!({"ops": ops, "helped": helped})).collect::<Vec<_>>()
        }),
        "ttd_s": measures.ttd_s,
        "ttl_s": measures.ttl_s,
        "ttm_s": measures.ttm_s,
    })
}
