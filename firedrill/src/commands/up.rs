//! `firedrill up`: the whole stack, until Ctrl-C or for a given time.

use std::time::Instant;

use slo::generate::Speed;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{output, signal};
use crate::{
    child::role::Role,
    cli::{Stack, Up},
    failure::{Code, Failure, Outcome},
    home::Home,
    native,
    ports::Ports,
    profiles, run_file,
    up::{Attendant, Backends, Fleet, LoadSettings, Settings, external},
};

/// Starts everything, tells what is going on, and stops everything again.
pub(super) async fn run(home: &Home, options: &Up, json: bool, started: Instant) -> Outcome {
    let settings = settings(home, options).await?;
    // A second `up` in one home is told so, and not that its ports are taken; and a start that is refused for its ports makes
    // no home.
    if !home.is_owned() {
        check_ports(&settings)?;
    }
    let _owner = home.own()?;
    // A file left by a stack that was killed must not be read as this one while it starts.
    let _ = std::fs::remove_file(home.run_file());

    let mut stop = signal::StopAsked::listen()?;
    let (events, mut told) = mpsc::unbounded_channel();
    let at_once = CancellationToken::new();
    let start = Fleet::start(&settings, &events, at_once.clone());
    tokio::pin!(start);
    let mut fleet = tokio::select! {
        fleet = &mut start => fleet?,
        () = stop.asked() => {
            // What has started is killed, and its end is waited for; the start may just have been over.
            at_once.cancel();
            if let Ok(fleet) = start.await {
                fleet.stop().await;
            }
            return Err(Failure::not_good(
                "asked to stop before everything was ready; nothing is left running, start it again",
            ));
        }
    };
    let mut attendant = Attendant::new(&settings, &fleet, started.elapsed())?;
    let attended = tokio::select! {
        never = attendant.attend(&mut fleet, &mut told) => never,
        () = stop.asked() => {
            attendant.end_status_line();
            attendant.tell_stopping();
            Ok(())
        }
        () = signal::after(options.run_for) => Ok(()),
    };
    attendant.end_status_line();
    let stopped = stop_all(&attendant, fleet, stop).await;
    let _ = std::fs::remove_file(home.run_file());
    attended?;
    let summary = stopped?;
    match json {
        true => output::json(&summary),
        false => output::print("Stopped. Nothing is left running."),
    }
    Ok(Code::Good)
}

/// Stops everything in order and sums up; asked once more, ends what is left at once.
async fn stop_all(
    attendant: &Attendant<'_>,
    mut fleet: Fleet,
    mut stop: signal::StopAsked,
) -> Result<serde_json::Value, Failure> {
    let at_once = fleet.at_once();
    let in_order = async {
        let summary = attendant.stop_and_sum_up(&mut fleet).await;
        fleet.stop().await;
        summary
    };
    tokio::pin!(in_order);
    tokio::select! {
        summary = &mut in_order => return Ok(summary),
        () = stop.asked_again() => at_once.cancel(),
    }
    in_order.await;
    Err(Failure::not_good(
        "asked twice to stop: what was left was killed, its last telemetry may be lost; nothing is left running",
    ))
}

async fn settings(home: &Home, options: &Up) -> Result<Settings, Failure> {
    let load = match options.no_load {
        true => None,
        false => {
            // Read here, before anything starts: a child could only say so when half the stack is up.
            profiles::load(&options.profile)?;
            Some(LoadSettings { profile: options.profile.clone(), rps: options.rps, seed: options.seed })
        }
    };
    Ok(Settings {
        home: home.clone(),
        backends: backends(options).await?,
        ports: options.ports,
        admin_token: run_file::fresh_token(),
        retention: options.retention,
        load,
        speed: options.speed,
    })
}

/// Finds what the backends need before anything starts.
async fn backends(options: &Up) -> Result<Backends, Failure> {
    if options.stack != Stack::External
        && let Some(option) = external::first_given(&options.external)
    {
        return Err(Failure::arguments(format!("{option} goes with --stack external")));
    }
    if options.stack != Stack::Native && options.tail_sampling {
        return Err(Failure::arguments("--tail-sampling goes with --stack native"));
    }
    if options.stack == Stack::External && options.speed != Speed::REAL {
        return Err(Failure::arguments(
            "--speed goes with the stacks that are started here: embedded and native",
        ));
    }
    match options.stack {
        Stack::Embedded => Ok(Backends::Embedded),
        Stack::Native => {
            Ok(Backends::Native { programs: native::find().await?, tail_sampling: options.tail_sampling })
        }
        Stack::External => {
            let urls = external::addresses(&options.external)?;
            external::check(&urls).await?;
            Ok(Backends::External(urls))
        }
    }
}

fn check_ports(settings: &Settings) -> Result<(), Failure> {
    let roles = Role::ALL.into_iter().filter(|role| match role {
        Role::Loadgen => settings.load.is_some(),
        // The real stack's ports are checked when they are chosen.
        Role::Backend => settings.backends == Backends::Embedded,
        _ => true,
    });
    let listeners: Vec<&str> = roles.flat_map(Role::listeners).copied().collect();
    Ports::check(settings.ports, &listeners)
}
