//! What a session's ledger holds: what is done, to whom, and so what is true.

use std::time::Duration;

use drills::{
    scenario::{Scenario, Truth, find},
    session::Session,
};
use loadgen::faults::{Ledger, LedgerError, Schedule};

use crate::{failure::Failure, home::Home};

/// How long a session's traffic goes on when it has ended: services recover, and it is seen that they do.
pub const CLOSING: Duration = Duration::from_secs(12);

/// What was sealed when the session began.
pub struct Sealed {
    /// The scenario.
    pub scenario: Scenario,
    /// What is done.
    pub schedule: Schedule,
    /// Where it is written down, and where it is added what was measured.
    pub ledger: Ledger,
}

impl Sealed {
    /// Opens a session's ledger.
    ///
    /// Fails when it is not what was sealed at the start.
    pub fn of(home: &Home, session: &Session) -> Result<Self, Failure> {
        let unreadable = |e: LedgerError| Failure::not_good(e.to_string());
        let ledger = Ledger::take_up(&home.ledger(), &session.run).map_err(unreadable)?;
        let (requests, seed) = ledger.asked().map_err(unreadable)?;
        if ledger.sha256() != session.ledger {
            let path = ledger.path().display();
            return Err(Failure::not_good(format!("{path} is not what was sealed when the drill began")));
        }
        let schedule = Schedule::new(&requests, seed, length(session.minutes))
            .map_err(|e| Failure::not_good(e.to_string()))?;
        Ok(Self { scenario: find(&session.scenario).map_err(Failure::not_good)?, schedule, ledger })
    }

    /// What is true.
    pub fn truth(&self) -> Truth {
        truth(&self.scenario, &self.schedule)
    }
}

/// What is true of a scenario when this is done.
pub fn truth(scenario: &Scenario, schedule: &Schedule) -> Truth {
    let victims = schedule.injections.iter().flat_map(|injection| injection.victims.values());
    scenario.truth(victims.map(String::as_str))
}

/// How long the traffic of a session is at most.
pub fn length(minutes: u32) -> Duration {
    Duration::from_secs(60 * u64::from(minutes)) + 2 * CLOSING
}
