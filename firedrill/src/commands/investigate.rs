//! `firedrill investigate`: what is wrong with the running stack, told from its telemetry.

use investigator::{Answer, collect::collect, periods::Periods};
use query::UnixNanos;

use super::output;
use crate::{
    called,
    cli::Investigate,
    failure::{Code, Failure, Outcome},
    home::Home,
    run_file::RunFile,
    stack,
};

/// Compares the time in question with the one before it, and prints the reasoning and the answer.
pub(super) async fn run(home: &Home, options: &Investigate, json: bool) -> Outcome {
    let stack = stack::of(&RunFile::find(home)?)?;
    let periods = Periods::until(UnixNanos::now(), options.baseline, options.since);
    let facts = collect(&stack, periods).await.map_err(|e| stack::failed(&e))?;
    let report = investigator::analyse(&facts).map_err(|e| {
        Failure::environment(format!(
            "{e}; send traffic, wait, or name a longer or earlier time with --baseline and --since"
        ))
    })?;
    let typed = |words: &[String]| called::command(home, words);
    if let Some(strategy) = options.by.simple() {
        let answer = strategy.answer(&facts);
        match json {
            true => output::json(&serde_json::json!(answer)),
            false => output::print(&answer.text(&typed)),
        }
        return Ok(code(&answer));
    }
    output::print(&report.text(&typed));
    if json {
        output::json(&report.json());
    }
    Ok(code(&report.verdict.answer))
}

/// Something wrong is no good end.
fn code(answer: &Answer) -> Code {
    match answer.is_trouble() {
        true => Code::NotGood,
        false => Code::Good,
    }
}
