//! Begins a drill: everything is decided, checked and sealed before anything is done, and a process of its own keeps it.

use std::{
    fs::File,
    process::{Command, Stdio},
    time::Duration,
};

use drills::{
    scenario::{self, Scenario},
    session::{Happened, Phase, Session},
};
use loadgen::{
    client::RunId,
    faults::{Ledger, Schedule},
};
use rand::RngExt as _;
use tokio::time::{Instant, sleep};

use super::{
    sealed::{CLOSING, length},
    store::Store,
};
use crate::{
    called,
    failure::Failure,
    faulty_run::Ground,
    home::Home,
    run_file::{self, RunFile},
};

/// How long the last drill may take to be put in order.
const PATIENCE: Duration = CLOSING.saturating_mul(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// Seeds that nobody names have few digits, so that people can tell them to each other.
const SEEDS: u64 = 1_000_000;

/// What a person asks for.
pub struct Asked {
    /// The scenario; none: drawn.
    pub id: Option<String>,
    /// The seed; none: anything.
    pub seed: Option<u64>,
    /// How long it lasts at most.
    pub minutes: u32,
    /// What the times before the page are divided by.
    pub speed: f64,
    /// Who takes part.
    pub participants: Vec<String>,
}

/// Begins it, and returns when it is kept.
pub async fn begin(home: &Home, asked: Asked) -> Result<(Scenario, Session), Failure> {
    let seed = asked.seed.unwrap_or_else(|| rand::rng().random_range(0..SEEDS));
    let ids = scenario::ids();
    let drawn = scenario::draw(seed, &ids).unwrap_or_default();
    let scenario = scenario::find(asked.id.as_deref().unwrap_or(drawn)).map_err(Failure::arguments)?;
    let time = Duration::from_secs(60 * u64::from(asked.minutes));
    let requests = scenario::requests(&scenario, seed, asked.speed, time);
    let schedule = Schedule::new(&requests, seed, length(asked.minutes)).map_err(|e| {
        Failure::arguments(format!("{} minutes are too short for this drill: {e}", asked.minutes))
    })?;
    let run = RunFile::find(home)?;
    let store = Store::of(home);
    let alone = alone(home, &store).await?;
    Ground::of(run).await?.check(&schedule).await.map_err(|_| {
        // Which one it is must not be told.
        Failure::environment(format!(
            "this stack cannot have that drill: it lacks something that it needs; see `{}`",
            called::command(home, &["doctor"])
        ))
    })?;
    let id = RunId::fresh().to_string();
    let ledger = Ledger::seal(&home.ledger(), &id, &run_file::fresh_token(), &schedule)
        .map_err(|e| Failure::environment(e.to_string()))?;
    let session = store.begin(Happened::Started {
        run: id,
        scenario: scenario.id.clone(),
        seed,
        ledger: ledger.sha256().to_owned(),
        participants: asked.participants,
        minutes: asked.minutes,
        speed: asked.speed,
    })?;
    drop(alone);
    keep(home, &store).await?;
    Ok((scenario, session))
}

/// The right to begin: no drill goes on, and the last one is put in order.
async fn alone(home: &Home, store: &Store) -> Result<File, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let session = store.session()?;
        if session.is_some_and(|session| !matches!(session.phase, Phase::Over(_))) {
            return Err(Failure::not_good(format!(
                "a drill is going on: `{}` tells how it stands, `{}` ends it",
                called::command(home, &["drill", "status"]),
                called::command(home, &["drill", "stop"])
            )));
        }
        match home.alone("drill") {
            Ok(alone) => return Ok(alone),
            Err(failure) if Instant::now() >= until => return Err(failure),
            Err(_) => sleep(LOOK).await,
        }
    }
}

/// Starts the process that keeps the drill, in a group of its own so that Ctrl-C in this terminal is not for it, and waits until
/// it has taken over.
async fn keep(home: &Home, store: &Store) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::environment(format!("cannot start what keeps the drill: {e}"));
    let log = File::create(store.log()).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(["drill", "keep", "--home"]).arg(home.path());
    command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut keeper = command.spawn().map_err(failed)?;
    while home.alone("drill").is_ok() {
        if let Some(status) = keeper.try_wait().map_err(failed)? {
            let said = std::fs::read_to_string(store.log()).unwrap_or_default();
            return Err(Failure::environment(format!("the drill could not begin ({status}): {said}")));
        }
        sleep(LOOK).await;
    }
    Ok(())
}
