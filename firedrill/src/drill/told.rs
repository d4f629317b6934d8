//! The debrief of a session: what was sealed, what happened, and where it can be seen.

use drills::{
    debrief::{Debrief, Shown, debrief},
    scenario::{At, Look, Scenario},
    session::Session,
};

use super::{charts::charts, sealed::Sealed, store::now_ms};
use crate::{called, failure::Failure, home::Home, run_file::RunFile, stack};

/// Puts it together. A stack that is down has no charts any more; everything else is in the home.
pub async fn told(home: &Home, session: &Session) -> Result<Debrief, Failure> {
    let sealed = Sealed::of(home, session)?;
    let charts = match RunFile::find(home).and_then(|run| stack::of(&run)) {
        Ok(stack) => charts(&stack, session).await,
        Err(_) => Vec::new(),
    };
    Ok(debrief(&sealed.scenario, &sealed.truth(), session, shown(home, &sealed.scenario, session), charts))
}

/// A look on the shortest way.
pub struct Step {
    /// At which signal.
    pub signal: &'static str,
    /// What is to be seen there.
    pub what: String,
    /// The command, without the program.
    pub words: Vec<String>,
}

/// The shortest way to the answer.
pub fn way(scenario: &Scenario, session: &Session) -> Vec<Step> {
    let trace = session.paged.as_ref().and_then(|told| told.trace.as_deref());
    // From the begin of the session on, whenever it is looked at.
    let minutes = now_ms().saturating_sub(session.started_ms).div_ceil(60_000).max(1);
    let since = format!("{minutes}m");
    let step = |look: &Look| {
        let (signal, words) = match &look.at {
            At::Promql(text) => ("metrics", vec!["query", text, "--since", &since]),
            At::Logql(text) => ("logs", vec!["logs", text, "--since", &since]),
            At::Trace => ("traces", vec!["trace", trace?]),
        };
        let words = words.into_iter().map(str::to_owned).collect();
        Some(Step { signal, what: look.what.clone(), words })
    };
    scenario.way.iter().filter_map(step).collect()
}

/// The same, as command lines.
fn shown(home: &Home, scenario: &Scenario, session: &Session) -> Vec<Shown> {
    let shown = |Step { signal, what, words }: Step| Shown {
        signal: signal.to_owned(),
        what,
        command: called::command(home, &words),
    };
    way(scenario, session).into_iter().map(shown).collect()
}
