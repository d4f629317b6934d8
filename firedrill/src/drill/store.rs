//! The session in the home. Several processes write to its journal, one at a time.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use drills::session::{Event, Happened, Journal, JournalError, Phase, Session};

use crate::{called, failure::Failure, home::Home};

/// A session's keeper needs a moment to begin.
const BEGINNING: Duration = Duration::from_secs(15);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Where the session is kept.
#[derive(Clone, Debug)]
pub struct Store {
    home: Home,
    folder: PathBuf,
}

impl Store {
    /// Of a home.
    pub fn of(home: &Home) -> Self {
        Self { home: home.clone(), folder: home.drill() }
    }

    /// The last session, if there ever was one. One that nobody keeps any more is over.
    pub fn session(&self) -> Result<Option<Session>, Failure> {
        if !self.journal().exists() {
            return Ok(None);
        }
        match self.locked(|journal| Ok(journal.session().cloned()))? {
            Some(session) if self.is_forsaken(&session) => self.forsake(&session).map(Some),
            session => Ok(session),
        }
    }

    /// Ends what nobody keeps any more. What was on has ended with its leases.
    fn forsake(&self, session: &Session) -> Result<Session, Failure> {
        if !matches!(session.phase, Phase::Over(_)) {
            self.record(Happened::Voided { why: "the process that kept it has ended".to_owned() })?;
        }
        self.record(Happened::Closed { restored: None })
    }

    /// The last session; fails when there was none.
    pub fn last(&self) -> Result<Session, Failure> {
        let start = || called::command(&self.home, &["drill", "start"]);
        let none = || Failure::not_good(format!("there was no drill; `{}` begins one", start()));
        self.session()?.ok_or_else(none)
    }

    /// The last session, once it is such.
    pub async fn until(&self, such: impl Fn(&Session) -> bool) -> Result<Session, Failure> {
        loop {
            let session = self.last()?;
            if such(&session) {
                return Ok(session);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Keeps what has happened just now.
    pub fn record(&self, happened: Happened) -> Result<Session, Failure> {
        let event = Event { at_ms: now_ms(), happened };
        self.locked(|journal| journal.record(&event).cloned())
    }

    /// Begins a session; the last one is put aside under the name of its run.
    pub fn begin(&self, happened: Happened) -> Result<Session, Failure> {
        let writable = |e: std::io::Error| {
            Failure::environment(format!("cannot keep the drill in {}: {e}", self.folder.display()))
        };
        fs::create_dir_all(&self.folder).map_err(writable)?;
        if let Some(last) = self.session()? {
            let aside = self.folder.join(format!("{}.jsonl", last.run));
            fs::rename(self.journal(), aside).map_err(writable)?;
        }
        self.record(happened)
    }

    /// Where the keeper says what goes wrong with it.
    pub fn log(&self) -> PathBuf {
        self.folder.join("keeper.log")
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("session.jsonl")
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Journal) -> Result<T, JournalError>) -> Result<T, Failure> {
        let path = self.folder.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(|e| Failure::environment(format!("cannot keep the drill in {}: {e}", path.display())))?;
        let done = Journal::open(&self.journal()).and_then(|mut journal| work(&mut journal));
        drop(lock);
        done.map_err(|error| match error {
            JournalError::Refused(why) => Failure::not_good(why.to_string()),
            other => Failure::environment(other.to_string()),
        })
    }

    /// Whether a session that is not closed has nobody to close it.
    fn is_forsaken(&self, session: &Session) -> bool {
        let age = Duration::from_millis(now_ms().saturating_sub(session.started_ms));
        session.closed.is_none() && age > BEGINNING && self.home.alone("drill").is_ok()
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(run: &str, at_ms: u64) -> Event {
        let happened = Happened::Started {
            run: run.to_owned(),
            scenario: "commons".to_owned(),
            seed: 1,
            ledger: "00".to_owned(),
            participants: vec!["ann".to_owned()],
            minutes: 5,
            speed: 1.0,
        };
        Event { at_ms, happened }
    }

    #[test]
    fn what_one_writes_another_reads_and_a_new_session_puts_the_last_aside() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = Home::new(Some(dir.path().to_owned()));
        let store = Store::of(&home);
        assert_eq!(store.session().expect("readable"), None);
        assert!(store.last().expect_err("none").message.contains("drill start"));
        store.begin(started("00ab", 0).happened).expect("begun");
        Store::of(&home).record(Happened::Stopped).expect("ended");
        store.record(Happened::Closed { restored: Some(true) }).expect("closed");
        assert_eq!(store.last().expect("there").run, "00ab");
        store.begin(started("00cd", 0).happened).expect("begun");
        assert_eq!(store.last().expect("there").run, "00cd");
        assert!(home.drill().join("00ab.jsonl").exists());
    }

    #[test]
    fn a_session_that_nobody_keeps_does_not_count() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = Home::new(Some(dir.path().to_owned()));
        let store = Store::of(&home);
        fs::create_dir_all(home.drill()).expect("a folder");
        let long_ago = started("00ab", now_ms() - 60_000);
        Journal::open(&store.journal()).and_then(|mut j| j.record(&long_ago).map(drop)).expect("written");
        let kept = home.alone("drill").expect("the keeper");
        assert_eq!(store.last().expect("there").phase, Phase::Calm);
        drop(kept);
        let session = store.last().expect("there");
        assert!(matches!(session.phase, Phase::Over(_)) && session.closed.is_some(), "{session:?}");
    }
}
