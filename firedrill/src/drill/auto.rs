//! A whole drill without a person: the investigator is told the page, asks the same APIs as anybody, and answers. Then the
//! operation that the scenario says helps is carried out, so that it is seen whether it does.

use std::{process::Stdio, time::Duration};

use drills::{
    grade::{Answer, Grade, grade},
    scenario::Scenario,
    session::{Happened, Phase, Session},
};
use investigator::{collect::collect, finding::Evidence, naive::Strategy, periods::Periods};
use loadgen::faults::Ledger;
use query::{UnixNanos, Window};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{
    answer::give,
    begin::{Asked, begin},
    sealed::Sealed,
    store::Store,
};
use crate::{
    called,
    failure::{Failure, say},
    home::Home,
    run_file::RunFile,
    stack,
};

/// Longer than a drill takes at any speed.
const MINUTES: u32 = 8;
/// So much of the trouble is looked at.
const LONG_ENOUGH: Duration = Duration::from_secs(25);
/// Users have this long to become well again.
const RECOVERY: Duration = Duration::from_secs(30);
/// What has not helped after this long does not.
const IN_VAIN: Duration = Duration::from_secs(20);
/// And the stack this long to be as before.
const CLOSING: Duration = Duration::from_secs(60);
/// The first moments of the traffic are not what is usual.
const WARM_UP: Duration = Duration::from_secs(2);
/// Who answers.
const NAME: &str = "investigator";

/// What became of it.
pub struct Done {
    /// What was to be found out.
    pub scenario: Scenario,
    /// What happened.
    pub session: Session,
    /// The reasoning, and the answer that it came to; nothing when the drill ended before its page.
    pub answered: Option<Answered>,
    /// Whether the ledger is what was sealed.
    pub intact: bool,
    /// What was measured, as the ledger has it.
    pub measured: Value,
}

/// An answer and what it was worth.
pub struct Answered {
    /// How it was come to.
    pub reasoning: String,
    /// The answer.
    pub answer: Answer,
    /// Its grade.
    pub grade: Grade,
    /// The simple ways that found service, operation and cause, too.
    pub simple: Vec<&'static str>,
    /// What should not have helped and was tried first: each with whether users were well again after it.
    pub wrong: Vec<(Vec<String>, bool)>,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedies {
    /// What helps.
    Right,
    /// What does not, one after the other, and then what does.
    WrongFirst,
}

/// Does one drill, to its end.
pub async fn run(
    home: &Home,
    id: Option<&str>,
    seed: Option<u64>,
    speed: f64,
    remedies: Remedies,
) -> Result<Done, Failure> {
    let (id, participants) = (id.map(str::to_owned), vec![NAME.to_owned()]);
    let (scenario, session) = begin(home, Asked { id, seed, minutes: MINUTES, speed, participants }).await?;
    say(&format!("drill {} with seed {}, sealed as {}", scenario.id, session.seed, session.ledger));
    let store = Store::of(home);
    let session = store.until(|session| session.phase != Phase::Calm).await?;
    let answered = match &session.paged {
        Some(told) => {
            say(&format!("page: {}", told.text));
            let answered = answer(home, &store, &session, told.since_ms, remedies).await;
            if answered.is_err() {
                // Nobody is left who could end it; one that has ended by itself is no trouble.
                drop(store.record(Happened::Stopped));
            }
            Some(answered?)
        }
        None => None,
    };
    if !matches!(store.last()?.phase, Phase::Over(_)) {
        store.record(Happened::Stopped)?;
    }
    let session =
        timeout(CLOSING, store.until(|session| session.closed.is_some())).await.map_err(|_| {
            let status = called::command(home, &["drill", "status"]);
            Failure::not_good(format!("the drill does not come to its end; `{status}` tells more"))
        })??;
    let opened = Ledger::open(&home.ledger(), &session.run).map_err(|e| Failure::not_good(e.to_string()))?;
    let measured = opened.measured.unwrap_or_default();
    Ok(Done { scenario, session, answered, intact: opened.intact, measured: measured[0].clone() })
}

/// Investigates, mitigates, answers.
async fn answer(
    home: &Home,
    store: &Store,
    session: &Session,
    since_ms: u64,
    remedies: Remedies,
) -> Result<Answered, Failure> {
    let since = UnixNanos::from_micros(since_ms * 1_000);
    let left = since.after(LONG_ENOUGH).0 - UnixNanos::now().0;
    sleep(Duration::from_nanos(u64::try_from(left).unwrap_or(0))).await;
    let began = UnixNanos::from_micros(session.started_ms * 1_000).after(WARM_UP);
    let baseline = Window { start: began, end: since };
    let periods = Periods { baseline, incident: Window { start: since, end: UnixNanos::now() } };
    let stack = stack::of(&RunFile::find(home)?)?;
    let facts = collect(&stack, periods).await.map_err(|e| stack::failed(&e))?;
    let report = investigator::analyse(&facts).map_err(|e| Failure::not_good(e.to_string()))?;
    let answer = said(&report.verdict.answer);
    let sealed = Sealed::of(home, session)?;
    let right = |strategy: &Strategy| {
        let answer = said(&strategy.answer(&facts));
        grade(&sealed.truth(), &answer, false, session.before()).correct.is_whole()
    };
    let simple = Strategy::ALL.iter().filter(|strategy| right(strategy)).map(|strategy| strategy.name());
    let simple = simple.collect();
    let wrong = match remedies {
        Remedies::Right => Vec::new(),
        Remedies::WrongFirst => try_in_vain(home, store, &sealed).await?,
    };
    mitigate(home, store, &sealed).await?;
    let (_, grade) = give(home, NAME, answer.clone()).await?;
    Ok(Answered {
        reasoning: report.text(&|words: &[String]| called::command(home, words)),
        answer,
        grade,
        simple,
        wrong,
    })
}

fn said(given: &investigator::Answer) -> Answer {
    let trace = given.evidence.iter().find_map(|piece| match piece {
        Evidence::Trace(id) => Some(id.to_string()),
        Evidence::Promql(_) | Evidence::Logql(_) => None,
    });
    Answer {
        service: given.service.clone(),
        operation: given.operation.clone(),
        cause: given.cause,
        evidence: trace,
    }
}

/// Does what should not help, one after the other; each with whether users were well again after it.
async fn try_in_vain(
    home: &Home,
    store: &Store,
    sealed: &Sealed,
) -> Result<Vec<(Vec<String>, bool)>, Failure> {
    let truth = sealed.truth();
    let mut tried = Vec::new();
    for remedy in sealed.scenario.remedies(&truth).filter(|remedy| !remedy.works) {
        let helped = carry_out(home, store, &remedy.ops, IN_VAIN).await?;
        tried.push((remedy.ops, helped));
    }
    Ok(tried)
}

/// Carries out what helps, as a person would, and waits until it has.
pub async fn mitigate(home: &Home, store: &Store, sealed: &Sealed) -> Result<(), Failure> {
    let truth = sealed.truth();
    if let Some(remedy) = sealed.scenario.remedies(&truth).find(|remedy| remedy.works) {
        // Who does not become well in time is not well: the session says so.
        carry_out(home, store, &remedy.ops, RECOVERY).await?;
    }
    Ok(())
}

/// Does what an operator does, and waits whether users become well.
async fn carry_out(home: &Home, store: &Store, ops: &[String], patience: Duration) -> Result<bool, Failure> {
    let failed = |e: std::io::Error| Failure::environment(format!("cannot operate: {e}"));
    for words in ops {
        say(&format!("ops {words}"));
        let mut ops = tokio::process::Command::new(std::env::current_exe().map_err(failed)?);
        ops.arg("ops").args(words.split(' ')).arg("--home").arg(home.path());
        let done = ops.stdin(Stdio::null()).stdout(Stdio::null()).status().await.map_err(failed)?;
        if !done.success() {
            return Err(Failure::not_good(format!("`ops {words}` failed")));
        }
    }
    let over = store.until(|session| session.recovered_ms.is_some() || session.closed.is_some());
    let looked = timeout(patience, over).await;
    Ok(looked.is_ok_and(|session| session.is_ok_and(|session| session.recovered_ms.is_some())))
}
