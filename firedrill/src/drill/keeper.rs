//! The process that keeps a drill: sends its traffic, lets happen what was sealed, tells the page, notices the recovery, and
//! puts everything in order at the end. Ended in any way, it leaves nothing that its leases do not undo.

use std::{
    collections::BTreeSet,
    fs::File,
    pin::pin,
    time::{Duration, SystemTime},
};

use drills::session::{Happened, Phase, Session};
use loadgen::{
    Options,
    client::RunId,
    faults::{self, Hands, Injection},
    plan::Plan,
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    lookout::{Lookout, is_well, since_onset},
    restore::Before,
    sealed::{CLOSING, Sealed, length},
    store::Store,
};
use crate::{
    doses::Doses,
    failure::{Failure, say},
    faulty_run::Ground,
    home::Home,
    profiles,
    run_file::RunFile,
};

/// Between two looks.
const TICK: Duration = Duration::from_millis(500);
/// How long it may take to have the drill for itself.
const TAKING_OVER: Duration = Duration::from_secs(5);
/// What was done is undone within this time, when nobody has to be waited for.
const UNDOING: Duration = Duration::from_secs(2);
/// A shorter time says nothing about a dose.
const SHORTEST: Duration = Duration::from_secs(4);
/// The condition has occurred within this time, or the drill is void.
const PROOF: Duration = Duration::from_secs(90);
/// A customer calls so long after the onset, and so long where an alert may be sooner.
const CALL: (Duration, Duration) = (Duration::from_secs(48), Duration::from_secs(120));
/// The soonest call, at any speed.
const SOONEST: Duration = Duration::from_secs(8);
/// Nobody is well sooner after something was changed.
const CHANGE: Duration = Duration::from_secs(9);
/// So many looks in a row may fail until the stack counts as down.
const FAILURES: u32 = 20;

/// Keeps the session that was begun in this home until it is over and all is undone.
pub async fn keep(home: &Home, asked_to_stop: impl Future<Output = ()>) -> Result<(), Failure> {
    let _alone = alone(home).await?;
    let store = Store::of(home);
    let session = store.last()?;
    let kept = conduct(home, &store, &session, asked_to_stop).await;
    let restored = kept.unwrap_or_else(|failure| {
        say(&failure.to_string());
        // Over already, or over now.
        drop(store.record(Happened::Voided { why: failure.to_string() }));
        None
    });
    store.record(Happened::Closed { restored }).map(drop)
}

/// Whoever began it looks whether this process has, and is in its way for that moment.
async fn alone(home: &Home) -> Result<File, Failure> {
    let until = Instant::now() + TAKING_OVER;
    loop {
        match home.alone("drill") {
            Err(_) if Instant::now() < until => sleep(TICK / 10).await,
            taken => return taken,
        }
    }
}

/// Whether everything is as before, where that could be seen.
async fn conduct(
    home: &Home,
    store: &Store,
    session: &Session,
    asked_to_stop: impl Future<Output = ()>,
) -> Result<Option<bool>, Failure> {
    let Sealed { scenario, schedule, mut ledger } = Sealed::of(home, session)?;
    let run = RunFile::find(home)?;
    let profile = profiles::load(&scenario.traffic.0)?;
    let time = length(session.minutes);
    let plan = Plan::new(&profile, session.seed, Some(time), Some(scenario.traffic.1))
        .map_err(|e| Failure::not_good(e.to_string()))?;
    let id = u64::from_str_radix(&session.run, 16)
        .map_err(|_| Failure::not_good(format!("{:?} is the id of no run", session.run)))?;
    let begun = Ground::of(run).await?.begin().await?;
    let before = Before::take(begun.run()).await?;
    let hands = Hands::default();
    let injections = schedule.injections.clone();
    let drill = begun.drill(plan, Options { run: RunId::new(id), ..Options::default() }, schedule);
    let (end, ended) = oneshot::channel::<()>();
    let ended = async { drop(ended.await) };
    let mut drill = pin!(faults::drill_in_hand(drill, hands.clone(), |_| {}, ended));
    let apis = begun.apis().clone();
    let lookout = Lookout { doses: Doses::new(apis.clone()), stack: apis };
    let mut watch = Watch {
        home,
        store,
        scenario: &scenario,
        injections: &injections,
        hands: &hands,
        lookout,
        earlier: BTreeSet::new(),
    };
    let watched = async {
        tokio::select! {
            () = watch.until_over() => {}
            () = asked_to_stop => drop(store.record(Happened::Stopped)),
        }
        if !home.is_owned() {
            return false;
        }
        hands.stop.send_replace(true);
        sleep(UNDOING).await;
        if let Err(failure) = before.put_back(begun.run()).await {
            say(&failure.to_string());
        }
        sleep(CLOSING).await;
        drop(end);
        true
    };
    let done = tokio::select! {
        done = &mut drill => done,
        stands = watched => match stands {
            true => drill.await,
            // With the stack everything is gone that was done to it.
            false => return Ok(None),
        },
    };
    begun.end().await;
    let (_, measured) = done?;
    ledger.measured(&measured).map_err(|e| Failure::environment(e.to_string()))?;
    let restored: Option<Vec<bool>> = measured.iter().map(|measured| measured.restored).collect();
    Ok(restored.map(|all| all.iter().all(|restored| *restored)))
}

/// Watches a session go on.
struct Watch<'a> {
    home: &'a Home,
    store: &'a Store,
    scenario: &'a drills::Scenario,
    injections: &'a [Injection],
    hands: &'a Hands,
    lookout: Lookout,
    /// Alerts that have fired since before the onset: they tell of something else.
    earlier: BTreeSet<String>,
}

impl Watch<'_> {
    /// Tells the session what happens until it is over.
    async fn until_over(&mut self) {
        let mut failures = 0;
        loop {
            sleep(TICK).await;
            let session = match self.store.last() {
                Ok(session) => session,
                // Neither a stack nor a session: the home is gone.
                Err(_) if !self.home.is_owned() => return,
                // A disk that is full for a moment: what cannot be read now can be read later.
                Err(failure) => {
                    say(&failure.to_string());
                    continue;
                }
            };
            if matches!(session.phase, Phase::Over(_)) {
                return;
            }
            let happened = match self.next(&session).await {
                _ if !self.home.is_owned() => {
                    Some(Happened::Voided { why: "the stack went down".to_owned() })
                }
                Ok(happened) => {
                    failures = 0;
                    happened
                }
                Err(why) => {
                    failures += 1;
                    (failures >= FAILURES).then_some(Happened::Voided { why })
                }
            };
            // What others did in the meantime may have made it impossible: then it did not happen.
            if let Some(happened) = happened
                && let Err(failure) = self.store.record(happened)
            {
                say(&failure.to_string());
            }
        }
    }

    /// What happened since the last look, one thing at a time.
    async fn next(&mut self, session: &Session) -> Result<Option<Happened>, String> {
        let elapsed = self.hands.users.started().elapsed();
        if elapsed >= Duration::from_secs(60 * u64::from(session.minutes)) {
            return Ok(Some(Happened::TimedOut));
        }
        // All of them begin at the same time.
        let Some(injection) = self.injections.first() else { return Ok(None) };
        let firing = self.lookout.alerts().await?;
        if elapsed < injection.onset {
            self.earlier = firing;
            return Ok(None);
        }
        if session.onset_ms.is_none() {
            return Ok(Some(Happened::Onset));
        }
        self.earlier.retain(|name| firing.contains(name));
        let mut new = firing.difference(&self.earlier);
        if let Some(name) = new.find(|name| !session.alerts.contains(name)) {
            return Ok(Some(Happened::Alerted { name: name.clone() }));
        }
        if session.proven.is_none() {
            return self.proof(injection).await;
        }
        if session.paged.is_none() {
            return self.page(session, injection).await;
        }
        self.recovery(session).await
    }

    async fn proof(&self, injection: &Injection) -> Result<Option<Happened>, String> {
        let window = since_onset(injection, &self.hands.users);
        if window < SHORTEST {
            return Ok(None);
        }
        let Some(asked) = &injection.dose else { return Ok(Some(Happened::Proven { dose: None })) };
        let dose = self.lookout.dose(injection, window).await?;
        if dose.is_some_and(|dose| dose >= asked.at_least) {
            return Ok(Some(Happened::Proven { dose }));
        }
        let why = || "what was to happen did not come about".to_owned();
        Ok((window > PROOF).then(|| Happened::Voided { why: why() }))
    }

    async fn page(&self, session: &Session, injection: &Injection) -> Result<Option<Happened>, String> {
        let page = &self.scenario.page;
        let since = since_onset(injection, &self.hands.users);
        let fires = page.alert.as_ref().filter(|alert| session.alerts.contains(alert));
        let call = if page.alert.is_some() { CALL.1 } else { CALL.0 };
        if fires.is_none() && since < call.div_f64(session.speed).max(SOONEST) {
            return Ok(None);
        }
        let onset = SystemTime::UNIX_EPOCH + Duration::from_millis(session.onset_ms.unwrap_or_default());
        let Some(hurt) = self.lookout.first_hurt(self.scenario, onset).await? else {
            let why = "nobody was hurt in a way that a trace shows".to_owned();
            return Ok((since > PROOF + call).then_some(Happened::Voided { why }));
        };
        let clock = query::UnixNanos::from_micros(hurt.at_ms * 1_000).clock();
        let text = match fires {
            Some(alert) => {
                format!("{alert} fires. One of the first requests, at {clock} UTC, was {}.", hurt.correlation)
            }
            None => {
                let words = page.complaint.replace("{correlation}", &hurt.correlation);
                format!("{words} That was at {clock} UTC.")
            }
        };
        Ok(Some(Happened::Paged { text, since_ms: hurt.at_ms, trace: Some(hurt.trace.to_string()) }))
    }

    async fn recovery(&self, session: &Session) -> Result<Option<Happened>, String> {
        let change = u64::try_from(CHANGE.as_millis()).unwrap_or(u64::MAX);
        let settled = session.acts.last().is_some_and(|act| act.at_ms + change <= super::store::now_ms());
        if session.recovered_ms.is_some() || !settled {
            return Ok(None);
        }
        for injection in self.injections {
            if !is_well(&self.lookout, injection, &self.hands.users).await? {
                return Ok(None);
            }
        }
        Ok(Some(Happened::Recovered))
    }
}
