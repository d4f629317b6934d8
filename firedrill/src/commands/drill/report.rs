//! `firedrill drill report`.

use std::path::Path;

use drills::{
    debrief::{html, markdown, terminal},
    session::Phase,
};
use serde_json::json;

use super::output;
use crate::{
    called,
    cli::DrillReport,
    drill::{store::Store, told::told},
    failure::{Code, Failure, Outcome},
    home::Home,
};

/// Tells how the last drill went, when it is over.
pub(super) async fn run(home: &Home, options: &DrillReport, json: bool) -> Outcome {
    let session = Store::of(home).last()?;
    if !matches!(session.phase, Phase::Over(_)) {
        let stop = called::command(home, &["drill", "stop"]);
        return Err(Failure::not_good(format!("the drill goes on; `{stop}` ends it without an answer")));
    }
    let debrief = told(home, &session).await?;
    for (path, text) in [(&options.markdown, markdown(&debrief)), (&options.html, html(&debrief))] {
        if let Some(path) = path {
            write(path, &text)?;
        }
    }
    match json {
        true => output::json(&json!({
            "drill": debrief.scenario,
            "seed": debrief.seed,
            "sealed": debrief.ledger,
            "outcome": debrief.outcome,
            "truth": debrief.truth,
            "cause": debrief.cause,
            "score": debrief.grade.as_ref().map(|grade| grade.score),
            "ttd_s": debrief.measures.ttd_s,
            "ttl_s": debrief.measures.ttl_s,
            "ttm_s": debrief.measures.ttm_s,
            "commands": debrief.shown.iter().map(|shown| &shown.command).collect::<Vec<_>>(),
        })),
        false => output::print(&terminal(&debrief)),
    }
    Ok(Code::Good)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|e| {
        Failure::environment(format!("cannot write {}: {e}; name a file that can be written", path.display()))
    })
}
