//! The plan of a run's faults, as a pure function of what was asked for, the seed and the length of the run.

use super::conflict::{self, Conflict};
use super::template::Words;
use super::{Dose, Effect, Fault, FaultError, Question, Request, Step, load};
use crate::nearest::suggestion;
use crate::plan::decide::{Stream, below, decide, number_of, unit};
use crate::span::format_duration;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// One fault with everything decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Injection {
    /// The fault's name.
    pub fault: String,
    /// When it begins, from the start of the run.
    pub onset: Duration,
    /// How long it lasts.
    pub length: Duration,
    /// How bad it is: 0 to 1.
    pub severity: f64,
    /// What the severity, or the person, made of the parameters.
    pub parameters: BTreeMap<String, f64>,
    /// Whom it hits.
    pub victims: BTreeMap<String, String>,
    /// What is done.
    pub steps: Vec<Step>,
    /// What proves it.
    #[serde(skip)]
    pub dose: Option<Dose>,
    /// What shows it to people.
    #[serde(skip)]
    pub panel: Option<Dose>,
    /// What users will feel.
    #[serde(skip)]
    pub effect: Effect,
    #[serde(skip)]
    pub(super) excludes: Vec<String>,
}

/// All faults of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedule {
    /// What decides.
    pub seed: u64,
    /// In the order of their onset.
    pub injections: Vec<Injection>,
    #[serde(skip)]
    requests: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Of a name that is none.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// Two that exclude each other.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Of a parameter that is none.
    #[error("{fault} has no parameter {parameter:?}: {suggestion}")]
    Parameter {
        /// The fault.
        fault: String,
        /// What was given.
        parameter: String,
        /// The nearest, or all.
        suggestion: String,
    },
    /// Of a parameter out of its range.
    #[error("{fault}: {parameter}={value} is out of range: {allowed}")]
    Range {
        /// The fault.
        fault: String,
        /// Its parameter.
        parameter: String,
        /// What was given.
        value: f64,
        /// What is allowed.
        allowed: String,
    },
    /// Longer than the fault may last.
    #[error("{fault} may last {longest} at most, not {length}")]
    TooLong {
        /// The fault.
        fault: String,
        /// Its cap.
        longest: String,
        /// What was asked for.
        length: String,
    },
    /// Longer than the run.
    #[error("{fault} would end after {end} and the run after {run}: give a longer --for, or a shorter fault")]
    BeyondTheRun {
        /// The fault.
        fault: String,
        /// Its end.
        end: String,
        /// The run's end.
        run: String,
    },
}

impl Schedule {
    /// Decides what was left open. The same requests, seed and length always give the same plan.
    ///
    /// # Errors
    /// When a request makes no sense, or two exclude each other.
    pub fn new(requests: &[Request], seed: u64, run: Duration) -> Result<Self, ScheduleError> {
        let mut injections = Vec::new();
        for (nth, request) in requests.iter().enumerate() {
            let fault = load(&request.name)?;
            injections.push(Drawn { fault: &fault, seed, nth: nth as u64 }.injection(request, run)?);
        }
        injections.sort_by_key(|injection| injection.onset);
        conflict::check(&injections)?;
        let requests = requests.iter().map(Request::to_string).collect();
        Ok(Self { seed, injections, requests })
    }

    /// What was asked for, in words that can be asked again.
    pub(super) fn requests(&self) -> &[String] {
        &self.requests
    }

    /// SHA-256, as hex, of everything decided: the same on every machine.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&json!(self).to_string())
    }
}

/// SHA-256 of a text, as hex.
pub(super) fn hex(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Decides about one request.
struct Drawn<'a> {
    fault: &'a Fault,
    seed: u64,
    nth: u64,
}

impl Drawn<'_> {
    fn bits(&self, stream: Stream, step: u64) -> u64 {
        decide(self.seed, stream, number_of(&self.fault.name), self.nth, step)
    }

    fn injection(&self, request: &Request, run: Duration) -> Result<Injection, ScheduleError> {
        let fault = self.fault;
        // To the millisecond, so that the plan reads well.
        let part = |share: f64| Duration::from_millis((run.as_secs_f64() * share * 1e3) as u64);
        let onset = request.start.unwrap_or_else(|| part(0.2 + 0.2 * unit(self.bits(Stream::Onset, 0))));
        let left = Duration::from_millis((run.saturating_sub(onset).as_secs_f64() * 0.6 * 1e3) as u64);
        let length = request.length.unwrap_or_else(|| fault.usual.min(left));
        if length > fault.longest {
            return Err(ScheduleError::TooLong {
                fault: fault.name.clone(),
                longest: format_duration(fault.longest),
                length: format_duration(length),
            });
        }
        if onset + length > run || length.is_zero() {
            return Err(ScheduleError::BeyondTheRun {
                fault: fault.name.clone(),
                end: format_duration(onset + length),
                run: format_duration(run),
            });
        }
        let severity = (unit(self.bits(Stream::Severity, 0)) * 1e3).round() / 1e3;
        let parameters = self.parameters(request, severity)?;
        let victims = self.victims();
        let words = self.words(&parameters, &victims);
        let wrong = |reason| {
            FaultError::Invalid(crate::place::Mistake {
                file: format!("{}.toml", fault.name),
                line: 1,
                key: "steps".to_owned(),
                reason,
            })
        };
        let filled = |step: &Step| Ok(Step { act: step.act.filled(&words)?, ..step.clone() });
        let steps: Result<Vec<Step>, String> = fault.steps.iter().map(filled).collect();
        let asked = |dose: &Option<Dose>| {
            let filled =
                |dose: &Dose| Ok(Dose { question: dose.question.filled(&words)?, at_least: dose.at_least });
            dose.as_ref().map(filled).transpose().map_err(wrong)
        };
        Ok(Injection {
            fault: fault.name.clone(),
            onset,
            length,
            severity,
            parameters,
            victims,
            steps: steps.map_err(wrong)?,
            dose: asked(&fault.dose)?,
            panel: asked(&fault.panel)?,
            effect: fault.effect.clone(),
            excludes: fault.excludes.clone(),
        })
    }

    fn parameters(&self, request: &Request, severity: f64) -> Result<BTreeMap<String, f64>, ScheduleError> {
        let fault = self.fault;
        for (name, value) in &request.given {
            let known: Vec<&str> = fault.parameters.keys().map(String::as_str).collect();
            let Some(parameter) = fault.parameters.get(name) else {
                let suggestion = match known.is_empty() {
                    true => "it has none".to_owned(),
                    false => suggestion(name, &known),
                };
                let (fault, parameter) = (fault.name.clone(), name.clone());
                return Err(ScheduleError::Parameter { fault, parameter, suggestion });
            };
            if !parameter.allows(*value) {
                let kind = if parameter.whole { "a whole number" } else { "a number" };
                let (from, to) = (parameter.mild.min(parameter.severe), parameter.mild.max(parameter.severe));
                return Err(ScheduleError::Range {
                    fault: fault.name.clone(),
                    parameter: name.clone(),
                    value: *value,
                    allowed: format!("{kind} from {from} to {to} ({})", parameter.about),
                });
            }
        }
        let value = |name: &String, parameter: &super::Parameter| {
            request.given.get(name).copied().unwrap_or_else(|| parameter.at(severity))
        };
        Ok(fault.parameters.iter().map(|(name, p)| (name.clone(), value(name, p))).collect())
    }

    fn victims(&self) -> BTreeMap<String, String> {
        let chosen = self.fault.victims.iter().map(|(name, choice)| {
            let bits = self.bits(Stream::Victim, number_of(name));
            (name.clone(), choice[below(bits, choice.len() as u64) as usize].clone())
        });
        chosen.collect()
    }

    fn words(&self, parameters: &BTreeMap<String, f64>, victims: &BTreeMap<String, String>) -> Words {
        let mut words = Words::default();
        for (name, value) in parameters {
            let whole = self.fault.parameters.get(name).is_some_and(|p| p.whole);
            words.number_is(name, *value, whole);
        }
        for (name, victim) in victims {
            words.text_is(name, victim);
        }
        // Decides what the steps leave to chance, such as which connections break.
        let seed = self.bits(Stream::Fault, 0) >> 11;
        words.number_is("seed", seed as f64, true);
        words.text_is("window", Question::WINDOW);
        words
    }
}

impl Question {
    /// What stands for the time looked at until it is known.
    const WINDOW: &'static str = "$window";

    /// With the time looked at filled in.
    #[must_use]
    pub fn over(&self, window: Duration) -> Self {
        let time = format!("{}s", window.as_secs().max(1));
        let text = |text: &String| text.replace(Self::WINDOW, &time);
        match self {
            Self::Promql(promql) => Self::Promql(text(promql)),
            Self::Logql(logql) => Self::Logql(text(logql)),
            other @ (Self::Panel(_) | Self::Traces { .. }) => other.clone(),
        }
    }
}
