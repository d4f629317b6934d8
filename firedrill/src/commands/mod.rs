//! One file per command. A command reads its options, calls the crate that does the work, and prints.

mod audit;
mod backend;
mod dashboards;
mod doctor;
mod drill;
mod follow;
mod investigate;
mod load;
mod logs;
mod ops;
mod output;
mod probe;
mod query;
mod range;
mod runbook;
mod signal;
mod slo;
mod trace;
mod up;

use std::time::Instant;

use crate::{
    child::role,
    cli::{Cli, Command},
    drill::overhear,
    failure::Outcome,
    home::Home,
    runtime,
};

/// Runs the command. `started` is when the process began: what "ready in" is measured from.
pub fn dispatch(cli: Cli, started: Instant) -> Outcome {
    let home = Home::new(cli.global.home);
    let json = cli.global.json;
    let heard = overhear::heard(&cli.command);
    let outcome = run(&home, cli.command, json, started);
    if let Some(heard) = heard {
        overhear::note(&home, heard, &overhear::words(std::env::args()), &outcome);
    }
    outcome
}

fn run(home: &Home, command: Command, json: bool, started: Instant) -> Outcome {
    match command {
        // A child ends its runtime in its own way: nothing may hold its exit.
        Command::Run(options) => role::run(&options),
        #[cfg(unix)]
        Command::Keep(options) => crate::child::keeper::run(&options),
        #[cfg(not(unix))]
        Command::Keep(_) => {
            Err(crate::failure::Failure::environment("the native stack needs a Unix system".into()))
        }
        Command::Up(options) => block_on(up::run(home, &options, json, started)),
        Command::Backend(options) => block_on(backend::run(home, &options, json)),
        Command::Load(options) => block_on(load::run(home, options, json)),
        Command::Audit(options) => block_on(audit::run(home, &options, json)),
        Command::Trace(options) => block_on(trace::run(home, &options, json)),
        Command::Logs(options) => block_on(logs::run(home, &options, json)),
        Command::Query(options) => block_on(query::run(home, &options, json)),
        Command::Investigate(options) => block_on(investigate::run(home, &options, json)),
        Command::Probe(options) => block_on(probe::run(&options)),
        Command::Dashboards(command) => block_on(dashboards::run(home, &command, json)),
        Command::Slo(command) => block_on(slo::run(home, &command, json)),
        Command::Ops(command) => block_on(ops::run(home, &command, json)),
        Command::Runbook(command) => block_on(runbook::run(home, &command, json)),
        Command::Drill(command) => block_on(drill::run(home, &command, json)),
        Command::Doctor => block_on(doctor::run(home, json)),
    }
}

fn block_on(command: impl Future<Output = Outcome>) -> Outcome {
    runtime::start()?.block_on(command)
}
