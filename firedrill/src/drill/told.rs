//! The debrief of a session: what was sealed, what happened, and where it can be seen.

use drills::{
    debrief::{Debrief, Shown, debrief},
    scenario::{At, Look, Scenario},
    session::Session,
};

use super::{charts::charts, sealed::Sealed};
use crate::{failure::Failure, home::Home, run_file::RunFile, stack};

/// Puts it together. A stack that is down has no charts any more; everything else is in the home.
pub async fn told(home: &Home, session: &Session) -> Result<Debrief, Failure> {
    let sealed = Sealed::of(home, session)?;
    let charts = match RunFile::find(home).and_then(|run| stack::of(&run)) {
        Ok(stack) => charts(&stack, session).await,
        Err(_) => Vec::new(),
    };
    Ok(debrief(&sealed.scenario, &sealed.truth(), session, shown(&sealed.scenario, session), charts))
}

/// The shortest way, as commands.
fn shown(scenario: &Scenario, session: &Session) -> Vec<Shown> {
    let trace = session.paged.as_ref().and_then(|told| told.trace.clone());
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let look = |look: &Look| {
        let since = format!("--since {}m", session.minutes);
        let (signal, command) = match &look.at {
            At::Promql(text) => ("metrics", format!("firedrill query {} {since}", quoted(text))),
            At::Logql(text) => ("logs", format!("firedrill logs {} {since}", quoted(text))),
            At::Trace => ("traces", format!("firedrill trace {}", trace.as_ref()?)),
        };
        Some(Shown { signal: signal.to_owned(), what: look.what.clone(), command })
    };
    scenario.way.iter().filter_map(look).collect()
}
