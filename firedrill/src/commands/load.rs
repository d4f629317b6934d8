//! `firedrill load`: seeded traffic against the running services, and a report on it.

use std::{io::IsTerminal as _, path::Path, sync::Arc};

use loadgen::{EXIT_OVERLOAD, EXIT_THRESHOLD, Options, plan::Plan, progress::Printer, report};

use super::{output, signal};
use crate::{
    cli::Load,
    failure::{Code, Failure, Outcome},
    home::Home,
    profiles,
    run_file::RunFile,
    sender_telemetry,
};

/// Sends the plan and reports; the exit code tells a failed threshold from an overloaded generator.
pub(super) async fn run(home: &Home, options: Load, json: bool) -> Outcome {
    if options.list_profiles {
        let about =
            |name: &str| profiles::load(name).map_or_else(|failure| failure.message, |profile| profile.about);
        let listed: Vec<_> = profiles::names().into_iter().map(|name| (about(&name), name)).collect();
        if json {
            let listed = listed.iter().map(|(about, name)| serde_json::json!({"name": name, "about": about}));
            output::json(&serde_json::json!({"profiles": listed.collect::<Vec<_>>()}));
        } else {
            let lines: Vec<_> = listed.iter().map(|(about, name)| format!("{name:<12}{about}")).collect();
            output::print(&lines.join("\n"));
        }
        return Ok(Code::Good);
    }
    let profile = profiles::load(&options.profile)?;
    let plan = Plan::new(&profile, options.seed, options.run_for, options.rps)
        .map_err(|e| Failure::arguments(e.to_string()))?;
    for path in [&options.html, &options.csv].into_iter().flatten() {
        check_folder(path)?;
    }
    let run = RunFile::find(home)?;
    let targets = sender_telemetry::targets(&run)?;
    let telemetry = sender_telemetry::start(&run)?;
    let settings = Options {
        closed: options.closed.map(usize::from),
        console: run.url("console").ok().map(str::to_owned),
        lag_budget: options.lag_budget,
        ..Options::default()
    };
    let mut printer = Printer::new(std::io::stderr(), std::io::stderr().is_terminal());
    let mut stop = signal::StopAsked::listen()?;
    // Nobody to read the progress is no reason to stop.
    let show = |snapshot: &_| drop(printer.show(snapshot));
    let sent = loadgen::run(Arc::new(plan), targets, settings, show, stop.asked()).await;
    drop(printer.finish());
    telemetry.shutdown().await;
    let report = sent?;

    // Told before it is written: a full disk must not cost the figures.
    output::print(&if json { report.json() } else { report::text(&report) });
    if let Some(path) = &options.html {
        write(path, &report::html(&report))?;
    }
    if let Some(path) = &options.csv {
        write(path, &report::csv(&report))?;
    }
    Ok(match report.exit {
        EXIT_OVERLOAD => Code::Overloaded,
        EXIT_THRESHOLD => Code::Threshold,
        _ => Code::Good,
    })
}

/// Fails before anything is sent when a report could not be written afterwards.
fn check_folder(path: &Path) -> Result<(), Failure> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| ".".as_ref());
    match folder.is_dir() && !path.is_dir() {
        true => Ok(()),
        false => {
            let path = path.display();
            Err(Failure::arguments(format!("{path} cannot be written: name a file in a folder that exists")))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|e| Failure::environment(format!("cannot write the report to {}: {e}", path.display())))
}
