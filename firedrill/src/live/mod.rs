//! `firedrill slo live`: something is really done to the running stack, and what its alerts make of it is written down.
//!
//! The stack's rules are replaced by those of another speed for as long as that takes (`rules`), its Alertmanager tells this
//! process beside nobody else (`listener`), alerts are looked at as they come and go (`watch`), and what is done is undone
//! whatever happens (`fault`). Judging is for [`slo::live`].

mod fault;
mod listener;
mod rules;
mod watch;

use std::time::Duration;

use jiff::Timestamp;
use slo::{
    contract::Routing,
    generate::Speed,
    live::{Case, Scored, Seen, score},
};
use tokio::time::sleep;

pub use fault::can;
use watch::Watch;

use crate::{failure::Failure, home::Home, run_file::RunFile};

/// How long the pages of a case may take to be over after its end, in seconds of speed 1: half an hour is the slow page's short
/// window, and as much again is for notifications.
const OVER: u32 = 3600;
/// The same where the speed makes it less than notifications need.
const LEAST: Duration = Duration::from_secs(20);
/// How often is looked whether all is quiet.
const LOOK: Duration = Duration::from_millis(250);

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Done {
    /// All alerts that began while it was at work or until the next one.
    pub seen: Vec<Seen>,
    /// The verdict.
    pub scored: Scored,
}

/// A running stack whose rules have another speed for a while.
#[derive(Debug)]
pub struct Live {
    home: Home,
    speed: Speed,
    rules: rules::Replaced,
    watch: Watch,
    listener: listener::Listener,
}

impl Live {
    /// Replaces the rules and the routes, and returns when all rules have been evaluated.
    ///
    /// # Errors
    /// The stack does not run, is not ours to change, or does not take the rules.
    pub async fn begin(home: &Home, speed: Speed) -> Result<Self, Failure> {
        let run = RunFile::find(home)?;
        let listener = listener::Listener::start().await?;
        let rules = rules::Replaced::by(home, &run, speed, listener.url()).await?;
        let watch = Watch::start(&run)?;
        Ok(Self { home: home.clone(), speed, rules, watch, listener })
    }

    /// Does it, waits until its pages are over, and judges.
    ///
    /// # Errors
    /// It cannot be done, or the stack no longer answers.
    pub async fn case(&self, case: &Case, routing: &dyn Routing) -> Result<Done, Failure> {
        self.quiet().await;
        let began = Timestamp::now();
        let length = self.real(case.seconds);
        fault::hold(&case.fault, &self.home, length).await?;
        self.quiet().await;
        self.watch.answers()?;
        let told = self.listener.told_since(began);
        let mut seen = self.watch.since(began);
        for alert in &mut seen {
            for note in told.iter().filter(|note| note.labels == alert.labels) {
                let after = note.at.duration_since(began).as_secs_f64();
                alert.told.entry(note.receiver.clone()).or_insert(after);
            }
        }
        let scored = score(case, &seen, self.speed, routing);
        Ok(Done { seen, scored })
    }

    /// Waits until no page fires, as long as that may take.
    async fn quiet(&self) {
        let patience = self.real(OVER).max(LEAST);
        let deadline = tokio::time::Instant::now() + patience;
        // What is over is told a moment later, and whoever only seems quiet fires at the next evaluation.
        let settled = self.real(60).max(Duration::from_secs(1)) * 3;
        let mut quiet_since = tokio::time::Instant::now();
        while quiet_since.elapsed() < settled && tokio::time::Instant::now() < deadline {
            if self.watch.is_paging() {
                quiet_since = tokio::time::Instant::now();
            }
            sleep(LOOK).await;
        }
    }

    /// So many seconds of speed 1 at this speed.
    fn real(&self, seconds: u32) -> Duration {
        Duration::from_secs(u64::from(seconds)) / self.speed.times()
    }

    /// Gives the stack back the rules and the routes that it had.
    ///
    /// # Errors
    /// They cannot be written, or the stack does not take them.
    pub async fn end(self) -> Result<(), Failure> {
        self.rules.back().await
    }
}
