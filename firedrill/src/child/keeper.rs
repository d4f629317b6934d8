//! Keeps a program that is not ours: starts it, ends it when the parent is gone, and ends as it ended.
//!
//! Our own roles end when the pipe from their parent closes. Other programs do not, and on most systems nothing
//! else ties them to a parent that was killed; so each of them has a keeper, which does.

use std::{
    os::{fd::AsFd as _, unix::process::ExitStatusExt as _},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::{lifeline, listening::Listening, priority};
use crate::{
    cli::Keep,
    failure::{Failure, Outcome},
    runtime,
};

/// How long a program may take to end after SIGTERM; less than the keeper itself is given.
const GRACE: Duration = Duration::from_secs(lifeline::DRAIN.as_secs() - 1);

/// Starts the program, says where it listens and which process it is, and stays until its end.
pub fn run(options: &Keep) -> Outcome {
    priority::behind_the_services();
    let runtime = runtime::start()?;
    let status = runtime.block_on(keep(options));
    // The thread that reads the lifeline must not hold the exit.
    runtime.shutdown_background();
    std::process::exit(code(status?));
}

async fn keep(options: &Keep) -> Result<ExitStatus, Failure> {
    let stop = lifeline::watch();
    let (program, arguments) = options
        .program
        .split_first()
        .ok_or_else(|| Failure::arguments("no program is named after --".to_owned()))?;
    let failed = |error| {
        Failure::environment(format!("cannot start {}: {error}", std::path::Path::new(program).display()))
    };
    // Standard output carries the one line for the parent; what the program prints goes the other way.
    let output = std::io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let listening = options.listen.iter().cloned().collect();
    Listening { listening, pid: child.id() }.announce();

    let lost = |error| Failure::environment(format!("lost the program it keeps: {error}"));
    tokio::select! {
        ended = child.wait() => return ended.map_err(lost),
        () = stop.cancelled() => {}
    }
    terminate(child.id());
    match timeout(GRACE, child.wait()).await {
        Ok(ended) => ended.map_err(lost),
        Err(_) => {
            child.kill().await.map_err(lost)?;
            child.wait().await.map_err(lost)
        }
    }
}

fn terminate(pid: Option<u32>) {
    let pid = pid.and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?));
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// The code of a shell: the program's own, or 128 and the signal.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
