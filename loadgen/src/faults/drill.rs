//! Traffic with faults: sends a plan, carries a schedule out meanwhile, and measures each fault's dose and effect.

use super::carry::{Trouble, inject};
use super::effect::{Felt, is_as_before};
use super::schedule::{Injection, Schedule};
use super::snapshot::Snapshot;
use super::stack::Stack;
use super::users::Users;
use super::{Dose, Gauge, Question};
use crate::client::Answer;
use crate::plan::Plan;
use crate::plan::journeys::Kind;
use crate::progress;
use crate::report::Report;
use crate::run::{Options, Run};
use futures_util::future::join_all;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// What is seen of the first moments does not count: connections are made, caches fill.
const WARM_UP: Duration = Duration::from_secs(2);
/// How far back before the onset is looked.
const BEFORE: Duration = Duration::from_secs(20);
/// How long telemetry may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(3);
/// How long a count may wait for its scrape.
const SCRAPE: Duration = Duration::from_secs(1);
/// How long services may take to be themselves again.
const RECOVERY: Duration = Duration::from_secs(6);

/// Everything a drill needs.
pub struct Drill {
    /// The traffic.
    pub plan: Arc<Plan>,
    /// How it is sent.
    pub options: Options,
    /// The faults.
    pub schedule: Schedule,
    /// Where all of it goes.
    pub stack: Stack,
    /// Asks the telemetry.
    pub gauge: Arc<dyn Gauge>,
}

/// What became of one injection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The fault's name.
    pub fault: String,
    /// When it began, in seconds from the start of the run.
    pub began_s: f64,
    /// When it was over.
    pub ended_s: f64,
    /// The answer to the dose's question without the fault.
    pub dose_before: Option<f64>,
    /// The same with it.
    pub dose: Option<f64>,
    /// Whether the condition occurred, and had not before. None where that could not be asked.
    pub dose_proven: Option<bool>,
    /// What its panel showed without the fault.
    pub panel_before: Option<f64>,
    /// The same with it.
    pub panel: Option<f64>,
    /// Whether the panel showed it, and had shown nothing of the kind before. None where no panel shows it, or it could not be
    /// asked.
    pub panel_shows: Option<bool>,
    /// What users felt before.
    pub before: Felt,
    /// During.
    pub during: Felt,
    /// And when it was over.
    pub after: Felt,
    /// Whether they felt what was expected. None: too few requests to say.
    pub effect_proven: Option<bool>,
    /// Whether users are served as before and nothing was left behind. None: the run ended too early to say.
    pub restored: Option<bool>,
    /// What is different from before.
    pub left_behind: Vec<String>,
    /// What went wrong.
    pub troubles: Vec<Trouble>,
}

/// Sends the plan and carries the schedule out; [`super::check`] has said that it can be. `shutdown` ends both early: every
/// fault ends then, too.
///
/// # Errors
/// When a thread cannot be had, or the stack does not say what it is like.
pub async fn drill(
    drill: Drill,
    progress: impl FnMut(&progress::Snapshot),
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<(Report, Vec<Measured>)> {
    drill_in_hand(drill, Hands::default(), progress, shutdown).await
}

/// What somebody holds who watches a run and may end its faults while the traffic goes on.
#[derive(Debug, Clone)]
pub struct Hands {
    /// What users see, from the moment that these were made.
    pub users: Arc<Users>,
    /// Raised, it ends all faults.
    pub stop: watch::Sender<bool>,
}

impl Default for Hands {
    fn default() -> Self {
        Self { users: Arc::default(), stop: watch::Sender::new(false) }
    }
}

/// [`drill`], with its users and its faults in the hands of the caller.
///
/// # Errors
/// As there.
pub async fn drill_in_hand(
    drill: Drill,
    hands: Hands,
    progress: impl FnMut(&progress::Snapshot),
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<(Report, Vec<Measured>)> {
    let Drill { plan, options, schedule, stack, gauge } = drill;
    let Hands { users, stop } = hands;
    let as_it_was = Snapshot::take(&stack).await.map_err(anyhow::Error::msg)?;
    let observer = {
        let users = Arc::clone(&users);
        Arc::new(move |kind: &Kind, answer: &Answer| users.look(kind, answer))
    };
    let run = Run::open(plan, &stack.targets, options, observer)?;
    let stopped = stop.subscribe();
    let injections = schedule.injections.iter().map(|injection| {
        let under_way = UnderWay { stack: &stack, gauge: gauge.as_ref(), users: &users, injection };
        under_way.carry_out(stopped.clone())
    });
    let injections = join_all(injections);
    let traffic = async {
        let report = run.finish(progress, shutdown).await;
        stop.send_replace(true);
        report
    };
    let (report, mut measured) = tokio::join!(traffic, injections);
    let left_behind = left_behind(&stack, &as_it_was).await;
    for (measured, injection) in measured.iter_mut().zip(&schedule.injections) {
        judge(&users, measured, injection);
        if !left_behind.is_empty() {
            measured.restored = Some(false);
        }
        measured.left_behind.clone_from(&left_behind);
    }
    Ok((report?, measured))
}

/// What is different from before. Processes need a moment to be there again.
async fn left_behind(stack: &Stack, as_it_was: &Snapshot) -> Vec<String> {
    const PATIENCE: Duration = Duration::from_secs(15);
    const PAUSE: Duration = Duration::from_millis(500);
    let until = Instant::now() + PATIENCE;
    loop {
        let different = match Snapshot::take(stack).await {
            Ok(now) => as_it_was.differences(&now),
            Err(silent) => vec![silent],
        };
        if different.is_empty() || Instant::now() >= until {
            return different;
        }
        sleep(PAUSE).await;
    }
}

/// Fills in what users felt.
fn judge(users: &Users, measured: &mut Measured, injection: &Injection) {
    const FEWEST: usize = 5;
    let effect = &injection.effect;
    let seconds = Duration::from_secs_f64;
    let (began, ended) = (seconds(measured.began_s), seconds(measured.ended_s));
    // Not the first second: a setting is felt by what begins after it.
    let lead = Duration::from_secs(1).min((ended.saturating_sub(began)) / 10);
    let usual = began.saturating_sub(BEFORE).max(WARM_UP.min(began / 2));
    measured.before = users.felt(effect, usual, began);
    measured.during = users.felt(effect, began + lead, ended);
    measured.after = users.felt(effect, ended + RECOVERY, Duration::MAX);
    measured.effect_proven = effect.proven(&measured.before, &measured.during);
    measured.restored =
        (measured.after.requests >= FEWEST).then(|| is_as_before(&measured.before, &measured.after));
}

/// One injection and what it needs.
struct UnderWay<'a> {
    stack: &'a Stack,
    gauge: &'a dyn Gauge,
    users: &'a Arc<Users>,
    injection: &'a Injection,
}

impl UnderWay<'_> {
    async fn carry_out(self, mut stopped: watch::Receiver<bool>) -> Measured {
        let onset = self.users.started() + self.injection.onset;
        tokio::select! {
            () = sleep_until(onset) => {}
            // An error means that nobody can stop it any more, which only happens after it has stopped.
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        let mut troubles = Vec::new();
        let (dose, panel) = (self.injection.dose.as_ref(), self.injection.panel.as_ref());
        let (now, window) = (SystemTime::now(), self.injection.onset.min(BEFORE));
        let before = self.answer(dose, now, window, &mut troubles).await;
        let panel_before = self.answer(panel, now, window, &mut troubles).await;
        let (began, began_at) = (Instant::now(), SystemTime::now());
        troubles.extend(inject(self.stack, self.injection, began, &stopped, self.users).await);
        let (ended, until) = (Instant::now(), SystemTime::now());
        // What was recorded last is scraped and sent after it.
        sleep(ARRIVAL).await;
        let during = self.answer(dose, until + SCRAPE, ended - began, &mut troubles).await;
        // A panel shows what is there now: it is read as it was before anything was undone.
        let at_its_end = began_at + self.injection.length.min(ended - began);
        let panel_during = self.answer(panel, at_its_end, ended - began, &mut troubles).await;
        // The one that does nothing has nothing to prove.
        let proven = dose.map_or(Some(true), |dose| dose.told_apart(before, during));
        let panel_shows = panel.and_then(|panel| panel.told_apart(panel_before, panel_during));
        let since_start = |at: Instant| (at - self.users.started()).as_secs_f64();
        Measured {
            fault: self.injection.fault.clone(),
            began_s: since_start(began),
            ended_s: since_start(ended),
            dose_before: before,
            dose: during,
            dose_proven: proven,
            panel_before,
            panel: panel_during,
            panel_shows,
            before: Felt::default(),
            during: Felt::default(),
            after: Felt::default(),
            effect_proven: None,
            restored: None,
            left_behind: Vec::new(),
            troubles,
        }
    }

    /// The answer about the time that ends then.
    async fn answer(
        &self,
        dose: Option<&Dose>,
        until: SystemTime,
        window: Duration,
        troubles: &mut Vec<Trouble>,
    ) -> Option<f64> {
        let question = dose?.question.over(window);
        let asked = self.gauge.ask(&question, until, window).await;
        let what = question.kind();
        asked.map_err(|e| troubles.push(Trouble(format!("the {what} could not be measured: {e}")))).ok()
    }
}

impl Dose {
    /// Whether there was enough with the fault and not without it. None where one of the two is not known.
    fn told_apart(&self, before: Option<f64>, during: Option<f64>) -> Option<bool> {
        Some(before? < self.at_least && during? >= self.at_least)
    }
}

impl Question {
    /// What it measures.
    fn kind(&self) -> &'static str {
        match self {
            Self::Panel(_) => "panel",
            Self::Promql(_) | Self::Logql(_) | Self::Traces { .. } => "dose",
        }
    }
}
