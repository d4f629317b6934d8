//! `firedrill up`: the whole stack, until Ctrl-C or for a given time.

use std::time::Instant;

use tokio::sync::mpsc;

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
    // The owner first: a second `up` in one home is told so, and not that its ports are taken.
    let _owner = home.own()?;
    // A file left by a stack that was killed must not be read as this one while it starts.
    let _ = std::fs::remove_file(home.run_file());
    check_ports(&settings)?;

    let mut stop = signal::StopAsked::listen()?;
    let (events, mut told) = mpsc::unbounded_channel();
    let mut fleet = tokio::select! {
        fleet = Fleet::start(&settings, &events) => fleet?,
        // Dropping the unfinished start kills what it has started.
        () = stop.asked() => return Ok(Code::Good),
    };
    let mut attendant = Attendant::new(&settings, &fleet, started.elapsed())?;
    let attended = tokio::select! {
        never = attendant.attend(&mut fleet, &mut told) => never,
        () = stop.asked() => Ok(()),
        () = signal::after(options.run_for) => Ok(()),
    };
    attendant.end_status_line();
    let summary = attendant.stop_and_sum_up(&mut fleet).await;
    fleet.stop().await;
    let _ = std::fs::remove_file(home.run_file());
    attended?;
    match json {
        true => output::json(&summary),
        false => output::print("Stopped. Nothing is left running."),
    }
    Ok(Code::Good)
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
