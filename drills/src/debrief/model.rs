//! The debrief as data.

use crate::{
    grade::Grade,
    scenario::{Scenario, Truth},
    session::{Measures, Outcome, Phase, Session},
};

/// Something on the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Seconds since the session began.
    pub at_s: f64,
    /// What.
    pub what: String,
    /// Whether participants could know it.
    pub was_known: bool,
}

/// Where a signal showed it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Which signal: metrics, traces, logs.
    pub signal: String,
    /// What it showed.
    pub what: String,
    /// The command that shows it.
    pub command: String,
}

/// A figure over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What.
    pub title: String,
    /// In which unit.
    pub unit: String,
    /// Seconds since the session began, and the value; one that is no number is a gap.
    pub points: Vec<(f64, f64)>,
}

/// A debrief.
#[derive(Debug, Clone, PartialEq)]
pub struct Debrief {
    /// The scenario's id.
    pub scenario: String,
    /// What was told at the start.
    pub brief: String,
    /// The seed, for whoever wants the same again.
    pub seed: u64,
    /// The hash of the sealed truth, as it was printed at the start.
    pub ledger: String,
    /// Who took part.
    pub participants: Vec<String>,
    /// How it ended, in a sentence.
    pub outcome: String,
    /// What was true, in a sentence.
    pub truth: String,
    /// The cause's name.
    pub cause: String,
    /// The grade of the last answer.
    pub grade: Option<Grade>,
    /// How long things took.
    pub measures: Measures,
    /// What happened, in order.
    pub timeline: Vec<Moment>,
    /// Where each signal showed it: the shortest way to the answer, if it is followed in this order.
    pub shown: Vec<Shown>,
    /// What the participants looked at.
    pub looked: Vec<String>,
    /// What would have helped, or did, and why; and what would not.
    pub mitigations: Vec<(String, bool, String)>,
    /// Figures over time.
    pub charts: Vec<Chart>,
    /// Moments for the charts: the onset and the recovery, in seconds since the session began.
    pub marks: Vec<(f64, String)>,
}

/// Puts a debrief together.
#[must_use]
pub fn debrief(
    scenario: &Scenario,
    truth: &Truth,
    session: &Session,
    shown: Vec<Shown>,
    charts: Vec<Chart>,
) -> Debrief {
    let since_start = |at_ms: u64| at_ms.saturating_sub(session.started_ms) as f64 / 1e3;
    let place = match (&truth.service, truth.operations.as_slice()) {
        (None, _) => String::new(),
        (Some(service), []) => format!("{service}: "),
        (Some(service), operations) => format!("{service}, {}: ", operations.join(" or ")),
    };
    let marks = [(session.onset_ms, "onset"), (session.recovered_ms, "recovered")];
    Debrief {
        scenario: scenario.id.clone(),
        brief: scenario.brief.clone(),
        seed: session.seed,
        ledger: session.ledger.clone(),
        participants: session.participants.clone(),
        outcome: outcome(&session.phase),
        truth: format!("{place}{}.", truth.cause.plain()),
        cause: truth.cause.name().to_owned(),
        grade: session.grade().cloned(),
        measures: Measures::of(session),
        timeline: timeline(session, &since_start),
        shown,
        looked: session.looked.iter().map(|note| note.text.clone()).collect(),
        mitigations: scenario.remedies(truth).map(|m| (m.ops.join(", ops "), m.works, m.why)).collect(),
        charts,
        marks: marks.into_iter().filter_map(|(at, name)| Some((since_start(at?), name.to_owned()))).collect(),
    }
}

fn outcome(phase: &Phase) -> String {
    match phase {
        Phase::Calm | Phase::Investigating => "It goes on.".to_owned(),
        Phase::Over(Outcome::Solved) => "Solved: service, operation and cause were found.".to_owned(),
        Phase::Over(Outcome::Failed) => "Not solved: all tries are used.".to_owned(),
        Phase::Over(Outcome::Stopped) => "Stopped by hand.".to_owned(),
        Phase::Over(Outcome::TimedOut) => "The time was over.".to_owned(),
        Phase::Over(Outcome::Void(why)) => format!("It does not count: {why}."),
    }
}

fn timeline(session: &Session, since_start: &impl Fn(u64) -> f64) -> Vec<Moment> {
    let mut moments = vec![(session.started_ms, "the session began".to_owned(), true)];
    moments.extend(session.onset_ms.map(|at| (at, "the trouble began".to_owned(), false)));
    moments.extend(session.paged.iter().map(|told| (told.at_ms, format!("page: {}", told.text), true)));
    moments.extend(session.recovered_ms.map(|at| (at, "the users were well again".to_owned(), false)));
    let notes = session.notes.iter().map(|note| (note.at_ms, format!("{}: {}", note.by, note.text), true));
    let acts = session.acts.iter().map(|act| (act.at_ms, format!("{} did: ops {}", act.by, act.text), true));
    let looked =
        session.looked.iter().map(|note| (note.at_ms, format!("{} looked at {}", note.by, note.text), true));
    let tries = session.tries.iter().map(|tried| {
        let cause = tried.answer.cause.map_or("no cause", |cause| cause.name());
        let service = tried.answer.service.as_deref().unwrap_or("no service");
        (tried.at_ms, format!("{} answered {service}, {cause}: {} points", tried.by, tried.grade.score), true)
    });
    moments.extend(notes.chain(acts).chain(looked).chain(tries));
    moments.extend(session.ended_ms.map(|at| (at, "the session ended".to_owned(), true)));
    moments.sort_by_key(|(at, ..)| *at);
    let moment = |(at, what, was_known)| Moment { at_s: since_start(at), what, was_known };
    moments.into_iter().map(moment).collect()
}

/// Minutes and seconds: `1:05`.
pub(super) fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// A measure in words.
pub(super) fn took(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.0} s"))
}
