//! Traffic with faults. What will happen is decided and sealed first; then the process becomes one whose arguments do not tell it:
//! who watches the machine learns from the telemetry, or not at all.

use std::{io::IsTerminal as _, time::Duration};

use loadgen::{
    client::RunId,
    faults::{self, Ledger, Schedule},
    plan::Plan,
    progress::Printer,
};

use super::super::{output, signal};
use crate::{
    cli::Load,
    failure::{Code, Failure, Outcome},
    faulty_run::Ground,
    home::Home,
    run_file::{self, RunFile},
};

/// Lists the faults for people who may know.
pub(super) fn list(json: bool) -> Outcome {
    let all = faults::all().map_err(|e| Failure::not_good(e.to_string()))?;
    if json {
        let listed = all.iter().map(|fault| serde_json::json!({"name": fault.name, "about": fault.about}));
        output::json(&serde_json::json!({"faults": listed.collect::<Vec<_>>()}));
    } else {
        let lines: Vec<_> = all.iter().map(|fault| format!("{:<22}{}", fault.name, fault.about)).collect();
        output::print(&lines.join("\n"));
    }
    Ok(Code::Good)
}

/// How long the run is.
fn length(plan: &Plan) -> Duration {
    plan.duration().unwrap_or_default()
}

/// Decides and checks everything, seals it, and goes on under arguments that do not tell.
pub(super) async fn seal(home: &Home, options: &Load, plan: &Plan, json: bool) -> Outcome {
    let arguments = |e: faults::ScheduleError| Failure::arguments(e.to_string());
    let drawn;
    let requests = match options.faults.chaos {
        true => {
            let all = faults::all().map_err(|e| Failure::not_good(e.to_string()))?;
            drawn = faults::chaos(&all, options.seed, length(plan));
            if drawn.is_empty() {
                return Err(Failure::arguments("the run is too short for a fault: give a longer --for"));
            }
            &drawn
        }
        false => &options.faults.fault,
    };
    let schedule = Schedule::new(requests, options.seed, length(plan)).map_err(arguments)?;
    let run = RunFile::find(home)?;
    // Held until the program is another one.
    let alone = home.alone("drill")?;
    Ground::of(run).await?.check(&schedule).await?;
    let id = RunId::fresh();
    let ledger = Ledger::seal(&home.ledger(), &id.to_string(), &run_file::fresh_token(), &schedule)
        .map_err(|e| Failure::environment(e.to_string()))?;
    eprintln!("run {id}, sealed as {}", ledger.sha256());
    drop(alone);
    become_neutral(home, options, &id.to_string(), json)
}

/// Replaces this process by one that finds in the ledger what it is to do.
#[cfg(unix)]
fn become_neutral(home: &Home, options: &Load, run: &str, json: bool) -> Outcome {
    use std::os::unix::process::CommandExt as _;
    let program = std::env::current_exe()
        .map_err(|e| Failure::environment(format!("cannot find the program that runs: {e}")))?;
    let mut command = std::process::Command::new(program);
    command.arg("load").arg("--home").arg(home.path());
    command.arg("--profile").arg(&options.profile).arg("--seed").arg(options.seed.to_string());
    let milliseconds = |time: Duration| format!("{}ms", time.as_millis());
    command.arg("--lag-budget").arg(format!("{}ns", options.lag_budget.as_nanos()));
    if let Some(time) = options.run_for {
        command.arg("--for").arg(milliseconds(time));
    }
    if let Some(rps) = options.rps {
        command.arg("--rps").arg(rps.to_string());
    }
    for (name, path) in [("--html", &options.html), ("--csv", &options.csv)] {
        if let Some(path) = path {
            command.arg(name).arg(path);
        }
    }
    if json {
        command.arg("--json");
    }
    let failed = command.arg("--sealed").arg(run).exec();
    Err(Failure::environment(format!("cannot start the program anew: {failed}")))
}

#[cfg(not(unix))]
fn become_neutral(_: &Home, _: &Load, _: &str, _: bool) -> Outcome {
    Err(Failure::environment("faults need a Unix system"))
}

/// Sends the traffic and carries out what the ledger of that run holds.
pub(super) async fn carry_out(home: &Home, options: &Load, plan: Plan, sealed: &str, json: bool) -> Outcome {
    let unreadable = |e: faults::LedgerError| Failure::environment(e.to_string());
    let mut ledger = Ledger::take_up(&home.ledger(), sealed).map_err(unreadable)?;
    let (requests, seed) = ledger.asked().map_err(unreadable)?;
    let schedule =
        Schedule::new(&requests, seed, length(&plan)).map_err(|e| Failure::arguments(e.to_string()))?;
    let run = RunFile::find(home)?;
    let _alone = home.alone("drill")?;
    let id = u64::from_str_radix(sealed, 16)
        .map_err(|_| Failure::arguments(format!("{sealed:?} is the id of no run")))?;
    let mut settings = super::settings(options, &run);
    settings.run = RunId::new(id);
    let begun = Ground::of(run).await?.begin().await?;
    let mut printer = Printer::new(std::io::stderr(), std::io::stderr().is_terminal());
    let mut stop = signal::StopAsked::listen()?;
    let drill = begun.drill(plan, settings, schedule);
    // Nobody to read the progress is no reason to stop.
    let show = |snapshot: &_| drop(printer.show(snapshot));
    let done = faults::drill(drill, show, stop.asked()).await;
    drop(printer.finish());
    begun.end().await;
    let (report, measured) = done?;
    let written = ledger.measured(&measured).map_err(unreadable);
    let code = super::tell(&report, options, json)?;
    written?;
    eprintln!("`firedrill load --reveal {sealed}` tells what it was");
    Ok(code)
}
