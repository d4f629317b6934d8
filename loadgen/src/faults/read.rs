//! Reads a fault's file and checks what it says. Every error names file, line, key and what to do.

use super::template::Words;
use super::{Act, Dose, Effect, Fault, Measure, Of, Parameter, Question, Shown, Signal, Step};
use crate::nearest::suggestion;
use crate::place::{Mistake, Place};
use crate::plan::journeys::KINDS;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    about: String,
    #[serde(default)]
    tells: Vec<String>,
    usual: String,
    longest: String,
    #[serde(default)]
    excludes: Vec<String>,
    #[serde(default)]
    parameters: BTreeMap<String, ParameterText>,
    #[serde(default)]
    victims: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    steps: Vec<StepText>,
    dose: Option<DoseText>,
    panel: Option<PanelText>,
    effect: EffectText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterText {
    about: String,
    mild: toml::Value,
    severe: toml::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    act: String,
    after: Option<String>,
    length: Option<String>,
    lease: Option<String>,
    service: Option<String>,
    link: Option<String>,
    set: Option<Map<String, Value>>,
    version: Option<String>,
    share: Option<Value>,
    signal: Option<String>,
    every: Option<String>,
    method: Option<String>,
    path: Option<String>,
    body: Option<String>,
    rate: Option<Value>,
    expect: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DoseText {
    promql: Option<String>,
    logql: Option<String>,
    traces: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    at_least: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PanelText {
    dashboard: String,
    title: String,
    #[serde(default)]
    chosen: BTreeMap<String, String>,
    #[serde(default)]
    series: BTreeMap<String, String>,
    at_least: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectText {
    of: String,
    on: Option<String>,
    quantile: Option<f64>,
    times: Option<f64>,
    more_ms: Option<f64>,
    share: Option<f64>,
}

/// The acts, with the keys that each wants and may have.
const ACTS: [(&str, &[&str], &[&str]); 5] = [
    ("settings", &["service", "set"], &[]),
    ("deploy", &["service", "version", "share"], &["set"]),
    ("network", &["link", "set"], &[]),
    ("signal", &["service", "signal"], &["every"]),
    ("requests", &["service", "method", "path", "rate"], &["body", "expect"]),
];

/// A fault must not outlive whoever began it by much.
const LONGEST_LEASE: Duration = Duration::from_secs(60);

const EFFECTS: [&str; 4] = ["slower", "failing", "wrong", "none"];

/// Reads and checks the text of the fault `name`; `file` is what errors call it.
///
/// # Errors
/// When the text is not TOML, has unknown or missing keys, or values without meaning.
pub fn parse(name: &str, file: &str, text: &str) -> Result<Fault, Mistake> {
    let place = Place { file, text };
    let raw: Text = toml::from_str(text).map_err(|e| place.syntax(&e))?;
    let usual = place.duration("", "usual", &raw.usual)?;
    let longest = place.duration("", "longest", &raw.longest)?;
    place.check(longest <= Duration::from_secs(24 * 3600), "", "longest", "must be at most 24h")?;
    place.check(
        !usual.is_zero() && usual <= longest,
        "",
        "usual",
        "must be above 0 and at most `longest`",
    )?;
    let mut parameters = BTreeMap::new();
    for (name, raw) in &raw.parameters {
        parameters.insert(name.clone(), parameter(&place, name, raw)?);
    }
    for (name, choice) in &raw.victims {
        place.check(!choice.is_empty(), "victims", name, "names at least one")?;
        place.check(!parameters.contains_key(name), "victims", name, "is the name of a parameter, too")?;
    }
    let fault = Fault {
        name: name.to_owned(),
        about: raw.about,
        tells: raw.tells,
        usual,
        longest,
        excludes: raw.excludes,
        parameters,
        victims: raw.victims,
        steps: raw.steps.iter().enumerate().map(|(n, s)| step(&place, n, s)).collect::<Result<_, _>>()?,
        dose: raw.dose.map(|d| dose(&place, d)).transpose()?,
        panel: raw.panel.map(|p| panel(&place, p)).transpose()?,
        effect: effect(&place, &raw.effect)?,
    };
    words(&place, &fault)?;
    Ok(fault)
}

fn parameter(place: &Place<'_>, name: &str, raw: &ParameterText) -> Result<Parameter, Mistake> {
    let section = format!("parameters.{name}");
    let number = |key: &str, value: &toml::Value| match value {
        toml::Value::Integer(n) => Ok(*n as f64),
        toml::Value::Float(n) if n.is_finite() => Ok(*n),
        _ => Err(place.error(&section, key, "must be a number")),
    };
    let (mild, severe) = (number("mild", &raw.mild)?, number("severe", &raw.severe)?);
    let whole = raw.mild.is_integer() && raw.severe.is_integer();
    Ok(Parameter { about: raw.about.clone(), mild, severe, whole })
}

fn step(place: &Place<'_>, nth: usize, raw: &StepText) -> Result<Step, Mistake> {
    let error = |key: &str, reason: String| place.nth_error("steps", nth, key, reason);
    let names = ACTS.map(|(name, _, _)| name);
    let found = ACTS.iter().find(|(name, _, _)| *name == raw.act);
    let (_, wants, may) = found.ok_or_else(|| {
        error("act", format!("nothing called {:?}; {}", raw.act, suggestion(&raw.act, &names)))
    })?;
    let has = [
        ("service", raw.service.is_some()),
        ("link", raw.link.is_some()),
        ("set", raw.set.is_some()),
        ("version", raw.version.is_some()),
        ("share", raw.share.is_some()),
        ("signal", raw.signal.is_some()),
        ("every", raw.every.is_some()),
        ("method", raw.method.is_some()),
        ("path", raw.path.is_some()),
        ("body", raw.body.is_some()),
        ("rate", raw.rate.is_some()),
        ("expect", raw.expect.is_some()),
    ];
    for (key, there) in has {
        if there && !wants.contains(&key) && !may.contains(&key) {
            return Err(error(
                key,
                format!("means nothing to `{}`, which has {}", raw.act, wants.join(", ")),
            ));
        }
        if !there && wants.contains(&key) {
            return Err(error(key, format!("`{}` needs it", raw.act)));
        }
    }
    let time = |key: &str, text: &Option<String>| {
        let read = |t: &String| crate::span::parse_duration(t).map_err(|e| error(key, e.to_string()));
        text.as_ref().map(read).transpose()
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let set = raw.set.clone().unwrap_or_default();
    let value = |value: &Option<Value>| value.clone().unwrap_or_default();
    let act = match raw.act.as_str() {
        "settings" => Act::Settings { service: text(&raw.service), set },
        "deploy" => Act::Deploy {
            service: text(&raw.service),
            version: text(&raw.version),
            share: value(&raw.share),
            set,
        },
        "network" => Act::Network { link: text(&raw.link), set },
        "signal" => Act::Signal {
            service: text(&raw.service),
            signal: match text(&raw.signal).as_str() {
                "stop" => Signal::Stop,
                "kill" => Signal::Kill,
                other => return Err(error("signal", format!("is `stop` or `kill`, not {other:?}"))),
            },
            every: time("every", &raw.every)?,
        },
        _ => Act::Requests {
            service: text(&raw.service),
            method: text(&raw.method),
            path: text(&raw.path),
            body: raw.body.clone(),
            rate: value(&raw.rate),
            expect: raw.expect,
        },
    };
    let after = time("after", &raw.after)?.unwrap_or_default();
    let lease = time("lease", &raw.lease)?;
    if lease.is_some_and(|lease| lease < Duration::from_secs(1) || lease > LONGEST_LEASE) {
        return Err(error("lease", "is from 1s to 60s: so long it lasts when nobody ends it".to_owned()));
    }
    Ok(Step { after, length: time("length", &raw.length)?, lease, act })
}

fn dose(place: &Place<'_>, raw: DoseText) -> Result<Dose, Mistake> {
    let error = |key: &str, reason: String| place.error("dose", key, reason);
    let question = match (raw.promql, raw.logql, raw.traces) {
        (Some(promql), None, None) => Question::Promql(promql),
        (None, Some(logql), None) => Question::Logql(logql),
        (None, None, Some(word)) => {
            let names = Measure::ALL.map(|(name, _)| name);
            let found = Measure::ALL.iter().find(|(name, _)| *name == word).map(|(_, measure)| *measure);
            let measure = found.ok_or_else(|| {
                error("traces", format!("nothing called {word:?}; {}", suggestion(&word, &names)))
            })?;
            let service = raw.service.ok_or_else(|| error("service", "`traces` needs it".to_owned()))?;
            Question::Traces { service, operation: raw.operation, measure }
        }
        _ => return Err(error("dose", "ask one of `promql`, `logql` and `traces`".to_owned())),
    };
    proves(place, "dose", raw.at_least)?;
    Ok(Dose { question, at_least: raw.at_least })
}

fn panel(place: &Place<'_>, raw: PanelText) -> Result<Dose, Mistake> {
    proves(place, "panel", raw.at_least)?;
    let PanelText { dashboard, title, chosen, series, at_least } = raw;
    Ok(Dose { question: Question::Panel(Shown { dashboard, title, chosen, series }), at_least })
}

/// What is there without a fault, too, proves nothing.
fn proves(place: &Place<'_>, section: &str, at_least: f64) -> Result<(), Mistake> {
    let good = at_least > 0.0 && at_least.is_finite();
    place.check(good, section, "at_least", "must be above 0, or it proves nothing")
}

fn effect(place: &Place<'_>, raw: &EffectText) -> Result<Effect, Mistake> {
    let error = |key: &str, reason: String| place.error("effect", key, reason);
    let routes: Vec<String> = KINDS.iter().map(|kind| format!("{} {}", kind.method, kind.route)).collect();
    if let Some(on) = raw.on.as_ref().filter(|on| !routes.contains(on)) {
        let mut known: Vec<&str> = routes.iter().map(String::as_str).collect();
        known.sort_unstable();
        known.dedup();
        return Err(error("on", format!("no traffic asks for {on:?}; {}", suggestion(on, &known))));
    }
    let share = |key: &str, value: Option<f64>| {
        let good = value.filter(|v| *v > 0.0 && *v <= 1.0);
        good.ok_or_else(|| error(key, format!("`{}` needs it: above 0 and at most 1", raw.of)))
    };
    let of = match raw.of.as_str() {
        "slower" => Of::Slower {
            quantile: share("quantile", raw.quantile)?,
            times: raw
                .times
                .filter(|t| *t >= 1.0)
                .ok_or_else(|| error("times", "must be at least 1".to_owned()))?,
            more_ms: raw.more_ms.filter(|ms| *ms >= 0.0).unwrap_or_default(),
        },
        "failing" => Of::Failing { share: share("share", raw.share)? },
        "wrong" => Of::Wrong { share: share("share", raw.share)? },
        "none" => Of::None,
        other => {
            return Err(error("of", format!("nothing called {other:?}; {}", suggestion(other, &EFFECTS))));
        }
    };
    Ok(Effect { on: raw.on.clone(), of })
}

/// Every `$word` stands for something.
fn words(place: &Place<'_>, fault: &Fault) -> Result<(), Mistake> {
    let mut words = Words::default();
    for (name, parameter) in &fault.parameters {
        words.number_is(name, parameter.mild, parameter.whole);
    }
    for (name, choice) in &fault.victims {
        words.text_is(name, &choice[0]);
    }
    words.number_is("seed", 1.0, true);
    for (nth, step) in fault.steps.iter().enumerate() {
        step.act.filled(&words).map_err(|wrong| place.nth_error("steps", nth, "act", wrong))?;
    }
    words.text_is("window", "15s");
    for (section, dose) in [("dose", &fault.dose), ("panel", &fault.panel)] {
        if let Some(dose) = dose {
            dose.question.filled(&words).map_err(|wrong| place.error(section, section, wrong))?;
        }
    }
    Ok(())
}

impl Question {
    /// With its words filled in, but for `$window`.
    pub(super) fn filled(&self, words: &Words) -> Result<Self, String> {
        Ok(match self {
            Self::Promql(text) => Self::Promql(words.text(text)?),
            Self::Logql(text) => Self::Logql(words.text(text)?),
            Self::Panel(Shown { dashboard, title, chosen, series }) => {
                let filled = |values: &BTreeMap<String, String>| -> Result<BTreeMap<String, String>, String> {
                    values.iter().map(|(name, value)| Ok((name.clone(), words.text(value)?))).collect()
                };
                let (chosen, series) = (filled(chosen)?, filled(series)?);
                Self::Panel(Shown { dashboard: dashboard.clone(), title: title.clone(), chosen, series })
            }
            Self::Traces { service, operation, measure } => Self::Traces {
                service: words.text(service)?,
                operation: operation.as_ref().map(|o| words.text(o)).transpose()?,
                measure: *measure,
            },
        })
    }
}
