//! `firedrill load`: seeded traffic against the running services, and a report on it.

mod faulty;
mod reveal;
mod verify;

use std::{io::IsTerminal as _, path::Path, sync::Arc};

use loadgen::{EXIT_OVERLOAD, EXIT_THRESHOLD, Options, Report, plan::Plan, progress::Printer, report};

use super::{output, signal};
use crate::{
    cli::Load,
    failure::{Code, Failure, Outcome},
    home::Home,
    profiles,
    run_file::RunFile,
    sender::Sender,
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
    if options.faults.list_faults {
        return faulty::list(json);
    }
    if let Some(run) = &options.faults.reveal {
        return reveal::run(home, run, json);
    }
    if options.faults.verify_faults {
        return verify::run(home, &options, json).await;
    }
    let plan = plan(&options)?;
    for path in [&options.html, &options.csv].into_iter().flatten() {
        check(path)?;
    }
    if !options.faults.fault.is_empty() || options.faults.chaos {
        return faulty::seal(home, &options, &plan, json).await;
    }
    if let Some(sealed) = &options.faults.sealed {
        return faulty::carry_out(home, &options, plan, sealed, json).await;
    }
    let run = RunFile::find(home)?;
    let sender = Sender::start(&run).await?;
    let settings = Options { meter: Some(Arc::clone(&sender.meter)), ..settings(&options, &run) };
    let mut printer = Printer::new(std::io::stderr(), std::io::stderr().is_terminal());
    let mut stop = signal::StopAsked::listen()?;
    // Nobody to read the progress is no reason to stop.
    let show = |snapshot: &_| drop(printer.show(snapshot));
    let sent = loadgen::run(Arc::new(plan), sender.targets(), settings, show, stop.asked()).await;
    drop(printer.finish());
    sender.end().await;
    let report = sent?;

    tell(&report, &options, json)
}

/// The plan that the options ask for.
fn plan(options: &Load) -> Result<Plan, Failure> {
    let profile = profiles::load(&options.profile)?;
    Plan::new(&profile, options.seed, options.run_for, options.rps)
        .map_err(|e| Failure::arguments(e.to_string()))
}

/// How it is sent.
fn settings(options: &Load, run: &RunFile) -> Options {
    Options {
        closed: options.closed.map(usize::from),
        console: run.url("console").ok().map(str::to_owned),
        lag_budget: options.lag_budget,
        ..Options::default()
    }
}

/// Prints the report, writes it where it was asked for, and says how the run ends.
fn tell(report: &Report, options: &Load, json: bool) -> Outcome {
    // Told before it is written: a full disk must not cost the figures.
    output::print(&if json { report.json() } else { report::text(report) });
    if let Some(path) = &options.html {
        write(path, &report::html(report))?;
    }
    if let Some(path) = &options.csv {
        write(path, &report::csv(report))?;
    }
    Ok(match report.exit {
        EXIT_OVERLOAD => Code::Overloaded,
        EXIT_THRESHOLD => Code::Threshold,
        _ => Code::Good,
    })
}

/// Fails before anything is sent when a report could not be written afterwards.
fn check(path: &Path) -> Result<(), Failure> {
    // A pipe or a device is for whoever named it.
    if path.exists() && !path.is_file() && !path.is_dir() {
        return Ok(());
    }
    let is_new = !path.exists();
    // Opened as it will be, but what is there stays: the run may not come to a report.
    std::fs::File::options().create(true).append(true).open(path).map_err(|error| {
        let path = path.display();
        Failure::arguments(format!(
            "{path} cannot be written ({error}): name a file in a folder that exists and can be written"
        ))
    })?;
    if is_new {
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|e| Failure::environment(format!("cannot write the report to {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_could_not_be_written_is_refused_before_the_run_and_nothing_is_left_of_trying() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for path in [dir.path(), &dir.path().join("none/report.csv"), "/proc/report.csv".as_ref()] {
            let failure = check(path).expect_err("it cannot be written");
            assert!(failure.message.contains(&path.display().to_string()), "{failure}");
        }
        let (new, old) = (dir.path().join("new.csv"), dir.path().join("old.csv"));
        std::fs::write(&old, "kept").expect("written");
        assert!(check(&new).is_ok() && check(&old).is_ok() && check("/dev/stdout".as_ref()).is_ok());
        assert!(!new.exists());
        assert_eq!(std::fs::read_to_string(&old).expect("there"), "kept");
    }
}
