//! `firedrill ops`: what an operator does with the services of the running stack.

mod deploy;
mod restart;
mod rollback;
mod scale;
mod settings;
mod table;

use crate::{cli::Ops, failure::Outcome, home::Home, run_file::RunFile};

/// Dispatches.
pub(super) async fn run(home: &Home, command: &Ops, json: bool) -> Outcome {
    let run = RunFile::find(home)?;
    match command {
        Ops::Get(options) => settings::get(&run, options, json).await,
        Ops::Set(options) => settings::set(&run, options, json).await,
        Ops::Rollback(options) => rollback::run(&run, options, json).await,
        Ops::History(options) => settings::history(&run, options, json).await,
        Ops::Restart(options) => restart::run(&run, options, json).await,
        Ops::Deploy(options) => deploy::run(&run, options, json).await,
        Ops::Scale(options) => scale::run(&run, options, json).await,
    }
}
