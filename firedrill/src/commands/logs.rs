//! `firedrill logs`: the newest lines that match a LogQL query, the oldest of them first.

use query::{Window, loki::Direction};

use super::output;
use crate::{
    cli::Logs,
    failure::{Code, Outcome},
    home::Home,
    run_file::RunFile,
    stack, view,
};

/// Asks the Loki API and prints one line per entry, or the API's own JSON.
pub(super) async fn run(home: &Home, options: &Logs, json: bool) -> Outcome {
    let loki = stack::of(&RunFile::find(home)?)?.loki;
    let (window, limit) = (Window::last(options.since), options.limit as usize);
    if json {
        let answer = loki.query_range_json(&options.query, window, limit, Direction::Backward).await;
        output::json(&answer.map_err(|e| stack::failed(&e))?);
        return Ok(Code::Good);
    }
    let answer = loki.query_range(&options.query, window, limit, Direction::Backward).await;
    let mut entries = answer.map_err(|e| stack::failed(&e))?;
    // The newest are what was asked for; people read them downwards.
    entries.reverse();
    if entries.is_empty() {
        eprintln!("no line matches in the last {:?}", options.since);
    } else {
        output::print(&view::logs::render(&entries, output::look()));
    }
    Ok(Code::Good)
}
