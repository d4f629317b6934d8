//! `firedrill drill status`.

use drills::session::{Session, TRIES};

use super::{output, words};
use crate::{
    drill::store::Store,
    failure::{Code, Outcome},
    home::Home,
};

/// Tells how the last drill stands.
pub(super) fn run(home: &Home, json: bool) -> Outcome {
    tell(home, &Store::of(home).last()?, json);
    Ok(Code::Good)
}

/// Tells how a drill stands: nothing of it that participants could not know.
pub(super) fn tell(home: &Home, session: &Session, json: bool) {
    match json {
        true => output::json(&object(session)),
        false => output::print(&text(home, session)),
    }
}

/// The same as an object.
pub(super) fn object(session: &Session) -> serde_json::Value {
    serde_json::json!({
        "run": session.run,
        "drill": session.scenario,
        "seed": session.seed,
        "sealed": session.ledger,
        "phase": words::phase(&session.phase),
        "page": session.paged.as_ref().map(|told| &told.text),
        "hints": session.hints,
        "tries": session.tries.len(),
        "closed": session.closed.is_some(),
    })
}

fn text(home: &Home, session: &Session) -> String {
    let mut lines = vec![format!("Drill {} (sealed as {})", session.scenario, session.ledger)];
    lines.extend(session.paged.as_ref().map(|told| format!("Page: {}", told.text)));
    if !session.tries.is_empty() {
        lines.push(format!("{} of {TRIES} tries are used.", session.tries.len()));
    }
    lines.push(words::standing(home, session));
    lines.join("\n")
}
