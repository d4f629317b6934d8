//! What a facilitator is told when a drill begins, on the terminal of `drill start --facilitator` and nowhere else.

use std::time::Duration;

use drills::scenario::Mitigation;
use serde_json::{Value, json};

use crate::drill::sealed::Sealed;

/// The truth, for people.
pub(super) fn text(sealed: &Sealed) -> String {
    let truth = sealed.truth();
    let place = match truth.operations.as_slice() {
        [] => "the whole service".to_owned(),
        operations => operations.join(" or "),
    };
    let mut lines = vec![
        "For the facilitator alone:".to_owned(),
        row("cause", truth.cause.name()),
        row("service", truth.service.as_deref().unwrap_or("none")),
        row("operation", &place),
        row("begins after", &format!("{:.0} s", onset(sealed).as_secs_f64())),
    ];
    for remedy in sealed.scenario.remedies(&truth) {
        let what = if remedy.works { "helps" } else { "does not help" };
        lines.push(row(what, &ops(&remedy).join(", then ")));
    }
    lines.extend(sealed.scenario.hints.iter().map(|hint| row("hint", hint)));
    lines.join("\n")
}

/// The same as an object.
pub(super) fn object(sealed: &Sealed) -> Value {
    let truth = sealed.truth();
    let remedies = sealed.scenario.remedies(&truth);
    json!({
        "service": truth.service,
        "operations": truth.operations,
        "cause": truth.cause.name(),
        "begins_after_s": onset(sealed).as_secs_f64(),
        "remedies": remedies.map(|remedy| json!({"ops": ops(&remedy), "works": remedy.works})).collect::<Vec<_>>(),
        "hints": sealed.scenario.hints,
    })
}

fn row(name: &str, value: &str) -> String {
    format!("  {name:<14}{value}")
}

fn ops(remedy: &Mitigation) -> Vec<String> {
    remedy.ops.iter().map(|words| format!("ops {words}")).collect()
}

/// From the drill's begin.
fn onset(sealed: &Sealed) -> Duration {
    sealed.schedule.injections.iter().map(|injection| injection.onset).min().unwrap_or_default()
}
