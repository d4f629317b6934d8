//! What follows from the events: the reducer. It refuses what cannot happen in the state it is in, and says what can.

use super::{Event, Happened};
use crate::grade::{Answer, Before, Grade};

/// After so many answers it is over.
pub const TRIES: usize = 3;
/// The longest note, in characters.
const LONGEST_NOTE: usize = 2_000;
/// The most things that are kept of one kind: a session is bounded.
const MOST: usize = 2_000;

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// All is well so far, or nobody was told.
    Calm,
    /// People were told and look for the cause.
    Investigating,
    /// It is over.
    Over(Outcome),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Service, operation and cause were found.
    Solved,
    /// There are no more tries.
    Failed,
    /// It was ended by hand.
    Stopped,
    /// The time is over.
    TimedOut,
    /// It does not count.
    Void(String),
}

/// What somebody said, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
}

/// How people were told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// The words.
    pub text: String,
    /// Since when it hurts, as far as whoever told them knew.
    pub since_ms: u64,
    /// A trace that shows it, for afterwards.
    pub trace: Option<String>,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Who.
    pub by: String,
    /// What.
    pub answer: Answer,
    /// What it was worth.
    pub grade: Grade,
}

/// An event that cannot be, and what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// A session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The run's id: what its ledger is called.
    pub run: String,
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The hash of the sealed truth.
    pub ledger: String,
    /// Who takes part.
    pub participants: Vec<String>,
    /// It ends by itself after this many minutes.
    pub minutes: u32,
    /// Times are divided by this.
    pub speed: f64,
    /// Where it stands.
    pub phase: Phase,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// When the trouble began.
    pub onset_ms: Option<u64>,
    /// The answer to the question that proves that the condition occurred; there once it has.
    pub proven: Option<Option<f64>>,
    /// The alerts that fired, in the order in which they did.
    pub alerts: Vec<String>,
    /// When and how people were told.
    pub paged: Option<Told>,
    /// When the users' figures were as before again, after somebody had acted.
    pub recovered_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// Whether everything is as before; there once all is undone.
    pub closed: Option<Option<bool>>,
    /// Hints that were taken.
    pub hints: u32,
    /// What was looked at.
    pub looked: Vec<Note>,
    /// What was written down.
    pub notes: Vec<Note>,
    /// What was changed.
    pub acts: Vec<Note>,
    /// What was answered.
    pub tries: Vec<Try>,
    /// When the last event was.
    last_ms: u64,
}

impl Session {
    /// A session from its first event.
    ///
    /// # Errors
    /// When that is not its start.
    pub fn begin(event: &Event) -> Result<Self, Refused> {
        let Happened::Started { run, scenario, seed, ledger, participants, minutes, speed } = &event.happened
        else {
            return Err(Refused("a session begins with its start".to_owned()));
        };
        Ok(Self {
            run: run.clone(),
            scenario: scenario.clone(),
            seed: *seed,
            ledger: ledger.clone(),
            participants: participants.clone(),
            minutes: *minutes,
            speed: *speed,
            phase: Phase::Calm,
            started_ms: event.at_ms,
            onset_ms: None,
            proven: None,
            alerts: Vec::new(),
            paged: None,
            recovered_ms: None,
            ended_ms: None,
            closed: None,
            hints: 0,
            looked: Vec::new(),
            notes: Vec::new(),
            acts: Vec::new(),
            tries: Vec::new(),
            last_ms: event.at_ms,
        })
    }

    /// A session from all its events; none without any.
    ///
    /// # Errors
    /// At the first one that cannot be.
    pub fn replay(events: &[Event]) -> Result<Option<Self>, Refused> {
        let Some((first, rest)) = events.split_first() else { return Ok(None) };
        let mut session = Self::begin(first)?;
        rest.iter().try_for_each(|event| session.apply(event))?;
        Ok(Some(session))
    }

    /// What came before the next answer.
    #[must_use]
    pub fn before(&self) -> Before {
        let wrong = self.tries.iter().filter(|tried| !tried.grade.correct.is_whole()).count();
        Before { hints: self.hints, wrong_tries: u32::try_from(wrong).unwrap_or(u32::MAX) }
    }

    /// The grade of the last answer.
    #[must_use]
    pub fn grade(&self) -> Option<&Grade> {
        self.tries.last().map(|tried| &tried.grade)
    }

    /// Takes an event in, or leaves the session as it is.
    ///
    /// # Errors
    /// When it cannot be in this state; the words say what can.
    pub fn apply(&mut self, event: &Event) -> Result<(), Refused> {
        self.may(&event.happened)?;
        // Clocks may be set back; a session's time is not.
        let at_ms = event.at_ms.max(self.last_ms);
        self.last_ms = at_ms;
        let note = |by: &str, text: &str| Note {
            at_ms,
            by: by.to_owned(),
            text: text.chars().take(LONGEST_NOTE).collect(),
        };
        match &event.happened {
            Happened::Started { .. } => {}
            Happened::Onset => self.onset_ms = Some(at_ms),
            Happened::Proven { dose } => self.proven = Some(*dose),
            Happened::Alerted { name } => self.alerts.push(name.clone()),
            Happened::Paged { text, since_ms, trace } => {
                let (text, trace, since_ms) = (text.clone(), trace.clone(), *since_ms);
                self.paged = Some(Told { at_ms, text, since_ms, trace });
                self.phase = Phase::Investigating;
            }
            Happened::Looked { by, what } => keep(&mut self.looked, note(by, what)),
            Happened::Noted { by, text } => keep(&mut self.notes, note(by, text)),
            Happened::Acted { by, ops } => keep(&mut self.acts, note(by, ops)),
            Happened::Hinted { .. } => self.hints += 1,
            Happened::Recovered => self.recovered_ms = Some(at_ms),
            Happened::Answered { by, answer, grade } => {
                let solved = grade.correct.is_whole();
                let (by, answer, grade) = (by.clone(), answer.clone(), grade.clone());
                self.tries.push(Try { at_ms, by, answer, grade });
                match (solved, self.tries.len() >= TRIES) {
                    (true, _) => self.end(at_ms, Outcome::Solved),
                    (false, true) => self.end(at_ms, Outcome::Failed),
                    (false, false) => {}
                }
            }
            Happened::Stopped => self.end(at_ms, Outcome::Stopped),
            Happened::TimedOut => self.end(at_ms, Outcome::TimedOut),
            Happened::Closed { restored } => self.closed = Some(*restored),
            Happened::Voided { why } => self.end(at_ms, Outcome::Void(why.clone())),
        }
        Ok(())
    }

    fn end(&mut self, at_ms: u64, outcome: Outcome) {
        self.phase = Phase::Over(outcome);
        self.ended_ms = Some(at_ms);
    }

    fn may(&self, happened: &Happened) -> Result<(), Refused> {
        let refused = |why: &str| Err(Refused(why.to_owned()));
        match (&self.phase, happened) {
            (_, Happened::Started { .. }) => refused("a session is going on; `drill stop` ends it"),
            (Phase::Over(_), Happened::Closed { .. }) if self.closed.is_none() => Ok(()),
            (_, Happened::Closed { .. }) => refused("it is closed once, after its end"),
            (Phase::Over(_), _) => refused("the session is over; `drill report` tells how it went"),
            (_, Happened::Onset) if self.onset_ms.is_some() => refused("the trouble has begun already"),
            (Phase::Investigating, Happened::Paged { .. }) => refused("people were told already"),
            (Phase::Calm, Happened::Answered { .. } | Happened::Hinted { .. }) => {
                refused("nobody was told of anything yet; wait for the page")
            }
            (_, Happened::Proven { .. }) if self.proven.is_some() => refused("it was proven before"),
            (_, Happened::Alerted { name }) if self.alerts.contains(name) || self.alerts.len() >= MOST => {
                refused("that alert is known")
            }
            (_, Happened::Recovered) if self.recovered_ms.is_some() => refused("it had recovered already"),
            _ => Ok(()),
        }
    }
}

/// Keeps what is new, up to a bound.
fn keep(notes: &mut Vec<Note>, note: Note) {
    if notes.len() < MOST {
        notes.push(note);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{grade, scenario::Truth};
    use causes::Cause;
    use proptest::prelude::*;

    pub(crate) fn at(at_ms: u64, happened: Happened) -> Event {
        Event { at_ms, happened }
    }

    pub(crate) fn started() -> Event {
        let (scenario, ledger) = ("harbour".to_owned(), "00".to_owned());
        let (run, participants) = ("00ab".to_owned(), vec!["ann".into()]);
        at(1_000, Happened::Started { run, scenario, seed: 7, ledger, participants, minutes: 20, speed: 1.0 })
    }

    pub(crate) fn paged(at_ms: u64) -> Event {
        at(at_ms, Happened::Paged { text: "orders are slow".to_owned(), since_ms: 0, trace: None })
    }

    pub(crate) fn answered(at_ms: u64, service: &str, cause: Cause, before: Before) -> Event {
        let truth =
            Truth { service: Some("shop".into()), operations: Vec::new(), cause: Cause::ProcessStopped };
        let answer =
            Answer { service: Some(service.to_owned()), operation: None, cause: Some(cause), evidence: None };
        let grade = grade::grade(&truth, &answer, false, before);
        at(at_ms, Happened::Answered { by: "ann".to_owned(), answer, grade })
    }

    #[test]
    fn a_session_goes_from_calm_to_the_answer() {
        let mut session = Session::begin(&started()).unwrap();
        let too_early = answered(2_000, "shop", Cause::ProcessStopped, Before::default());
        assert!(session.apply(&too_early).unwrap_err().to_string().contains("wait for the page"));
        session.apply(&at(3_000, Happened::Onset)).unwrap();
        session.apply(&paged(4_000)).unwrap();
        assert_eq!(session.phase, Phase::Investigating);
        session.apply(&at(5_000, Happened::Hinted { by: "ann".into() })).unwrap();
        session.apply(&answered(6_000, "stock", Cause::MemoryLeak, session.before())).unwrap();
        assert_eq!(session.before(), Before { hints: 1, wrong_tries: 1 });
        session.apply(&answered(7_000, "shop", Cause::ProcessStopped, session.before())).unwrap();
        assert_eq!((session.phase.clone(), session.ended_ms), (Phase::Over(Outcome::Solved), Some(7_000)));
        assert!(session.apply(&paged(8_000)).unwrap_err().to_string().contains("is over"));
    }

    #[test]
    fn three_wrong_answers_end_it() {
        let mut session = Session::begin(&started()).unwrap();
        session.apply(&paged(2_000)).unwrap();
        for at_ms in [3_000, 4_000, 5_000] {
            session.apply(&answered(at_ms, "stock", Cause::MemoryLeak, session.before())).unwrap();
        }
        assert_eq!(session.phase, Phase::Over(Outcome::Failed));
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let happened = prop_oneof![
            Just(Happened::Onset),
            Just(Happened::Paged { text: "x".to_owned(), since_ms: 0, trace: None }),
            Just(Happened::Proven { dose: Some(1.5) }),
            Just(Happened::Alerted { name: "A".to_owned() }),
            Just(Happened::Closed { restored: Some(true) }),
            Just(Happened::Hinted { by: "a".to_owned() }),
            Just(Happened::Recovered),
            Just(Happened::Noted { by: "a".to_owned(), text: "x".repeat(5_000) }),
            Just(Happened::Stopped),
            Just(Happened::TimedOut),
            Just(answered(0, "stock", Cause::MemoryLeak, Before::default()).happened),
            Just(started().happened),
        ];
        (0u64..10_000, happened).prop_map(|(at_ms, happened)| Event { at_ms, happened })
    }

    proptest! {
        #[test]
        fn whatever_is_refused_changes_nothing_and_what_is_kept_replays_alike(
            events in proptest::collection::vec(any_event(), 0..40)
        ) {
            let mut kept = vec![started()];
            let mut session = Session::begin(&kept[0]).unwrap();
            for event in events {
                let before = session.clone();
                match session.apply(&event) {
                    Ok(()) => kept.push(event),
                    Err(_) => prop_assert_eq!(&before, &session),
                }
                prop_assert!(session.notes.iter().all(|note| note.text.len() <= LONGEST_NOTE));
            }
            prop_assert_eq!(Session::replay(&kept).unwrap().unwrap(), session);
        }
    }
}
