//! `firedrill runbook run`.

use std::io::IsTerminal as _;

use super::{ask, mitigate, output};
use crate::{
    called,
    cli::RunbookRun,
    failure::{Code, Failure, Outcome},
    home::Home,
    run_file::RunFile,
    runbook::{library, report::State},
    stack, view,
};

/// Runs the diagnosis; good when nothing is abnormal, or when something was done about it.
pub(super) async fn run(home: &Home, options: &RunbookRun, json: bool) -> Outcome {
    let runbook = library::open(&options.alert)?;
    if options.mitigate && !options.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::arguments(
            "--mitigate asks at a terminal before it changes anything, and here is none; give --yes, too",
        ));
    }
    let stack = stack::of(&RunFile::find(home)?)?;
    let report = ask::all(&stack, runbook, options.since).await?;
    if !json {
        let command = |words: &[String]| called::command(home, words);
        output::print(&view::runbook::render(&report, output::look(), &command));
    }
    let mut done = Vec::new();
    if options.mitigate {
        done = mitigate::mitigate(home, &report.fitting(), options.yes).await?;
    }
    if json {
        let mut object = report.json();
        object["mitigated"] = done.clone().into();
        output::json(&object);
    }
    let well = report.count(State::Normal) == report.answers.len();
    Ok(if well || !done.is_empty() { Code::Good } else { Code::NotGood })
}
