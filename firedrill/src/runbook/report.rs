//! A page with its answers: which of them are abnormal, and which operation fits.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{Remedy, Runbook, Step, Value, Verdict};

/// The most values of a step that are told.
const TOLD: usize = 20;

/// A diagnosis that was run.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The page.
    pub runbook: Runbook,
    /// How long the time is that was looked at; the one before, that it was held against, is as long.
    pub since: Duration,
    /// An answer for each step, in their order.
    pub answers: Vec<Answer>,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// An answer.
    Found(Found),
    /// It could not be asked, and why.
    Unanswered(String),
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What it is.
    pub now: Vec<Value>,
    /// What it was before.
    pub before: Vec<Value>,
    /// What the step's rule says of it.
    pub verdict: Verdict,
    /// Some of what was found, a line each.
    pub examples: Vec<String>,
    /// What shows it again, as arguments of `firedrill`.
    pub shown_by: Option<Vec<String>>,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Normal,
    /// Not so.
    Abnormal,
    /// Nobody knows.
    Unanswered,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "ok",
            Self::Abnormal => "abnormal",
            Self::Unanswered => "unanswered",
        }
    }
}

impl Answer {
    /// How the step stands.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::Found(found) if found.verdict.abnormal => State::Abnormal,
            Self::Found(_) => State::Normal,
            Self::Unanswered(_) => State::Unanswered,
        }
    }
}

/// A value beside what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// The value.
    pub value: &'a Value,
    /// What it was before, where it was anything.
    pub before: Option<f64>,
    /// Whether it is what is abnormal.
    pub marked: bool,
}

impl Found {
    /// The values worth telling: those that are abnormal first.
    #[must_use]
    pub fn lines(&self) -> Vec<Line<'_>> {
        let was = |value: &Value| self.before.iter().find(|b| b.labels == value.labels).map(|b| b.value);
        let line =
            |(at, value)| Line { value, before: was(value), marked: self.verdict.marked.contains(&at) };
        let mut lines: Vec<Line<'_>> = self.now.iter().enumerate().map(line).collect();
        lines.sort_by_key(|line| !line.marked);
        lines.truncate(TOLD);
        lines
    }
}

impl Report {
    /// The steps with their answers.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, &Answer)> {
        self.runbook.steps.iter().zip(&self.answers)
    }

    /// How many steps stand so.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.answers.iter().filter(|answer| answer.state() == state).count()
    }

    /// What there is to do, in order of preference: all whose step is abnormal.
    #[must_use]
    pub fn fitting(&self) -> Vec<&Remedy> {
        let abnormal =
            |step: &usize| self.answers.get(step - 1).is_some_and(|answer| answer.state() == State::Abnormal);
        self.runbook.remedies.iter().filter(|remedy| remedy.when.iter().any(abnormal)).collect()
    }

    /// As an object for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        json!({
            "alert": self.runbook.alert,
            "since_s": self.since.as_secs(),
            "steps": self.answers.len(),
            "passed": self.count(State::Normal),
            "failed": self.count(State::Abnormal),
            "unanswered": self.count(State::Unanswered),
            "answers": self.steps().enumerate().map(|(at, step)| answer(at + 1, step)).collect::<Vec<_>>(),
            "fitting": self.fitting().into_iter().map(Remedy::json).collect::<Vec<_>>(),
        })
    }
}

fn answer(number: usize, (step, answer): (&Step, &Answer)) -> Json {
    let mut told = step.json(number);
    told["state"] = answer.state().name().into();
    match answer {
        Answer::Found(found) => {
            let line = |line: Line<'_>| {
                json!({
                    "labels": line.value.labels,
                    "value": line.value.value,
                    "before": line.before,
                    "abnormal": line.marked,
                })
            };
            told["values"] = found.lines().into_iter().map(line).collect();
            told["examples"] = json!(found.examples);
        }
        Answer::Unanswered(why) => told["error"] = why.as_str().into(),
    }
    told
}

impl Step {
    /// As an object for programs; steps are counted from 1.
    #[must_use]
    pub fn json(&self, number: usize) -> Json {
        let text = match &self.query {
            super::Query::Promql(text) | super::Query::Logql(text) => text.clone(),
            super::Query::Traces(search) => search.to_string(),
        };
        json!({
            "step": number,
            "asks": self.asks,
            "leads": self.leads,
            "language": self.query.language(),
            "query": text,
            "abnormal": self.rule.to_string(),
        })
    }
}

impl Remedy {
    /// As an object for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let ops: Vec<String> = self.ops.iter().map(|words| words.join(" ")).collect();
        json!({"when": self.when, "text": self.text, "ops": ops})
    }
}

#[cfg(test)]
mod tests {
    use query::Labels;

    use super::{super::read, *};

    const PAGE: &str = "# Slow\n## Meaning\nSlow.\n## Impact\nPeople wait.\n## Diagnosis\n\
        1. How slow? So.\n```promql\n# abnormal: > 1\na\n```\n2. Who? They.\n```promql\n# abnormal: > 1\nb\n```\n\
        ## Mitigation\n- Take it back.\n```ops\n# when abnormal: 2\nrollback shop\n```\n\
        - Begin anew.\n```ops\n# when abnormal: 1 or 2\nrestart shop\n```\n";

    fn found(values: &[f64]) -> Answer {
        let label = |at: usize| Labels::from([("peer".to_owned(), at.to_string())]);
        let now: Vec<Value> =
            values.iter().enumerate().map(|(at, value)| Value { labels: label(at), value: *value }).collect();
        let marked: Vec<usize> = (0..now.len()).filter(|at| now[*at].value > 1.0).collect();
        let verdict = Verdict { abnormal: !marked.is_empty(), marked };
        Answer::Found(Found { now, verdict, ..Found::default() })
    }

    fn report(answers: Vec<Answer>) -> Report {
        Report {
            runbook: read("p.md", "Slow", PAGE).expect("a page"),
            since: Duration::from_secs(60),
            answers,
        }
    }

    #[test]
    fn what_fits_is_what_an_abnormal_step_asks_for() {
        let first = |report: &Report| report.fitting().first().map(|remedy| remedy.ops[0].join(" "));
        assert_eq!(first(&report(vec![found(&[0.5]), found(&[2.0])])), Some("rollback shop".to_owned()));
        assert_eq!(first(&report(vec![found(&[2.0]), found(&[])])), Some("restart shop".to_owned()));
        assert_eq!(first(&report(vec![found(&[0.5]), Answer::Unanswered("gone".to_owned())])), None);
    }

    #[test]
    fn a_program_is_told_the_counts_and_each_value() {
        let told = report(vec![found(&[0.5, 2.0]), Answer::Unanswered("gone".to_owned())]).json();
        assert_eq!((&told["steps"], &told["passed"], &told["failed"]), (&json!(2), &json!(0), &json!(1)));
        assert_eq!(told["unanswered"], 1);
        let answers = &told["answers"];
        assert_eq!(
            answers[0]["values"][0],
            json!({"labels": {"peer": "1"}, "value": 2.0, "before": null, "abnormal": true})
        );
        assert_eq!((&answers[1]["state"], &answers[1]["error"]), (&json!("unanswered"), &json!("gone")));
        assert_eq!(told["fitting"][0]["ops"], json!(["restart shop"]));
    }
}
