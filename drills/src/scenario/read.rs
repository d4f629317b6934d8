//! Reads a scenario's text and checks what it says. Every mistake names file, line, key and what to do.

use super::{Alerts, At, Difficulty, Look, Mitigation, Page, Place as Where, Scenario, Step, Timeline};
use crate::evidence::Predicate;
use causes::Cause;
use loadgen::{
    faults,
    place::{Mistake, Place},
    span::parse_duration,
};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};
use toml::Spanned;

/// The fault that does nothing.
const CONTROL: &str = "control";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    brief: Spanned<String>,
    difficulty: Difficulty,
    cause: Spanned<String>,
    traffic: Traffic,
    timeline: TimelineText,
    page: PageText,
    step: Vec<StepText>,
    #[serde(default)]
    place: Vec<PlaceText>,
    #[serde(default)]
    evidence: Vec<Spanned<Predicate>>,
    #[serde(default)]
    alerts: AlertsText,
    #[serde(default)]
    hint: Vec<Hint>,
    #[serde(default)]
    look: Vec<Spanned<LookText>>,
    #[serde(default)]
    mitigation: Vec<MitigationText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traffic {
    profile: Spanned<String>,
    rps: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimelineText {
    baseline: Spanned<String>,
    onset_within: Spanned<String>,
    length: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageText {
    alert: Option<String>,
    complaint: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceText {
    victim: Option<String>,
    service: String,
    #[serde(default)]
    operations: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    fault: Spanned<String>,
    #[serde(default)]
    parameters: BTreeMap<String, Spanned<(f64, f64)>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct AlertsText {
    expected: Vec<String>,
    forbidden: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookText {
    what: String,
    promql: Option<String>,
    logql: Option<String>,
    #[serde(default)]
    trace: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MitigationText {
    ops: Vec<String>,
    works: bool,
    why: String,
}

/// Reads and checks the text of the scenario `id`; `file` is what mistakes call it.
///
/// # Errors
/// When the text is not TOML, has unknown or missing keys, or values without meaning.
pub fn parse(id: &str, file: &str, text: &str) -> Result<Scenario, Mistake> {
    let place = Place { file, text };
    let raw: Text = toml::from_str(text).map_err(|e| place.syntax(&e))?;
    let steps: Vec<Step> = raw.step.iter().map(|step| self::step(&place, step)).collect::<Result<_, _>>()?;
    let control = steps.iter().all(|step| step.fault == CONTROL);
    let cause = cause(&place, &raw, control)?;
    if raw.brief.as_ref().trim().is_empty() {
        return Err(place.at(raw.brief.span(), "brief", "say what people are told at the start"));
    }
    if raw.brief.as_ref().contains(cause.name()) {
        let why = "it names the cause, which is for the participants to find";
        return Err(place.at(raw.brief.span(), "brief", why));
    }
    let rps = *raw.traffic.rps.as_ref();
    if !(rps > 0.0 && rps <= 10_000.0) {
        return Err(place.at(raw.traffic.rps.span(), "traffic.rps", "must be above 0 and at most 10000"));
    }
    if !raw.page.complaint.as_ref().contains("{correlation}") {
        let why = "a complaint names a request by {correlation}";
        return Err(place.at(raw.page.complaint.span(), "page.complaint", why));
    }
    for predicate in &raw.evidence {
        predicate.as_ref().check().map_err(|why| place.at(predicate.span(), "evidence", why))?;
    }
    let complaint = raw.page.complaint.into_inner().trim().to_owned();
    Ok(Scenario {
        id: id.to_owned(),
        brief: raw.brief.as_ref().trim().to_owned(),
        difficulty: raw.difficulty,
        traffic: (profile(&place, &raw.traffic.profile)?, rps),
        steps,
        timeline: timeline(&place, &raw.timeline)?,
        page: Page { alert: raw.page.alert, complaint },
        cause,
        places: raw
            .place
            .into_iter()
            .map(|PlaceText { victim, service, operations }| Where { victim, service, operations })
            .collect(),
        evidence: raw.evidence.into_iter().map(Spanned::into_inner).collect(),
        alerts: Alerts { expected: raw.alerts.expected, forbidden: raw.alerts.forbidden },
        hints: raw.hint.into_iter().map(|hint| hint.text.trim().to_owned()).collect(),
        way: raw.look.into_iter().map(|raw| look(&place, raw)).collect::<Result<_, _>>()?,
        mitigations: raw
            .mitigation
            .into_iter()
            .map(|MitigationText { ops, works, why }| Mitigation { ops, works, why })
            .collect(),
    })
}

/// The cause; where something is done, it has a place, evidence and something that helps.
fn cause(place: &Place<'_>, raw: &Text, control: bool) -> Result<Cause, Mistake> {
    let wrong = |key: &str, why: &str| Err(place.at(raw.cause.span(), key, why));
    let cause: Cause = raw
        .cause
        .as_ref()
        .parse()
        .map_err(|e: causes::UnknownCause| place.at(raw.cause.span(), "cause", e.to_string()))?;
    if control != (cause == Cause::Nothing) {
        return match control {
            true => wrong("cause", "nothing is done, so that the truth is `nothing`"),
            false => wrong("cause", "something is done, so that the truth is not `nothing`"),
        };
    }
    if control != raw.place.is_empty() {
        return wrong("place", "goes with every cause but `nothing`: at least one [[place]]");
    }
    if !control && raw.evidence.is_empty() {
        return wrong("evidence", "say what shows it: at least one [[evidence]]");
    }
    if !control && !raw.mitigation.iter().any(|mitigation| mitigation.works) {
        return wrong("mitigation", "at least one has to work");
    }
    Ok(cause)
}

fn profile(place: &Place<'_>, name: &Spanned<String>) -> Result<String, Mistake> {
    let known = loadgen::profile::names();
    match known.contains(&name.as_ref().as_str()) {
        true => Ok(name.as_ref().clone()),
        false => {
            let hint = loadgen::nearest::suggestion(name.as_ref(), &known);
            Err(place.at(name.span(), "traffic.profile", format!("no profile {:?}: {hint}", name.as_ref())))
        }
    }
}

fn step(place: &Place<'_>, raw: &StepText) -> Result<Step, Mistake> {
    let fault = faults::load(raw.fault.as_ref())
        .map_err(|e| place.at(raw.fault.span(), "step.fault", e.to_string()))?;
    let mut parameters = BTreeMap::new();
    for (name, range) in &raw.parameters {
        let key = format!("step.parameters.{name}");
        let Some(parameter) = fault.parameters.get(name) else {
            return Err(place.at(range.span(), &key, format!("{} has no such parameter", fault.name)));
        };
        let (from, to) = *range.as_ref();
        if from > to || !parameter.allows(from) || !parameter.allows(to) {
            let (least, most) = (parameter.mild.min(parameter.severe), parameter.mild.max(parameter.severe));
            return Err(place.at(
                range.span(),
                &key,
                format!("is a range [from, to] within {least} to {most}"),
            ));
        }
        parameters.insert(name.clone(), (from, to));
    }
    Ok(Step { fault: fault.name, parameters })
}

fn timeline(place: &Place<'_>, raw: &TimelineText) -> Result<Timeline, Mistake> {
    let read = |key: &str, text: &Spanned<String>, least: u64, most: u64| -> Result<Duration, Mistake> {
        let key = format!("timeline.{key}");
        let read = parse_duration(text.as_ref()).map_err(|e| place.at(text.span(), &key, e.to_string()))?;
        match (least..=most).contains(&read.as_secs()) {
            true => Ok(read),
            false => Err(place.at(text.span(), &key, format!("must be {least} to {most} seconds"))),
        }
    };
    Ok(Timeline {
        baseline: read("baseline", &raw.baseline, 30, 1_800)?,
        onset_within: read("onset_within", &raw.onset_within, 5, 1_800)?,
        length: read("length", &raw.length, 30, 3_600)?,
    })
}

fn look(place: &Place<'_>, raw: Spanned<LookText>) -> Result<Look, Mistake> {
    let span = raw.span();
    let at = match raw.into_inner() {
        LookText { what, promql: Some(text), logql: None, trace: false } => (what, At::Promql(text)),
        LookText { what, promql: None, logql: Some(text), trace: false } => (what, At::Logql(text)),
        LookText { what, promql: None, logql: None, trace: true } => (what, At::Trace),
        _ => return Err(place.at(span, "look", "is one of `promql`, `logql` and `trace = true`")),
    };
    Ok(Look { what: at.0, at: at.1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
brief = "Orders hurt."
difficulty = "easy"
cause = "pool-exhaustion"

[traffic]
profile = "steady"
rps = 20.0

[timeline]
baseline = "2m"
onset_within = "1m"
length = "10m"

[page]
alert = "OrderPlacementSlow"
complaint = "It hurts: {correlation}"

[[place]]
service = "order-service"
operations = ["POST /orders"]

[[step]]
fault = "pool-exhaustion"
parameters.delay_ms = [80, 90]

[[evidence]]
service = "order-service"
span = "acquire"
longer_than_ms = 100

[[hint]]
text = "Look at what a slow order waits for."

[[look]]
what = "an order that waits"
trace = true

[[mitigation]]
ops = ["rollback $service"]
works = true
why = "The pool has its old size again."
"#;

    fn wrong(from: &str, to: &str) -> String {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from:?} is not there");
        parse("x", "x.toml", &text).unwrap_err().to_string()
    }

    #[test]
    fn a_scenario_is_read_whole() {
        let scenario = parse("harbour", "harbour.toml", GOOD).unwrap();
        assert_eq!((scenario.id.as_str(), scenario.cause), ("harbour", Cause::PoolExhaustion));
        assert_eq!(scenario.steps[0].parameters["delay_ms"], (80.0, 90.0));
        assert_eq!(scenario.timeline.baseline, Duration::from_secs(120));
        assert_eq!((scenario.hints.len(), scenario.way.len(), scenario.evidence.len()), (1, 1, 1));
        let truth = scenario.truth(std::iter::empty());
        assert_eq!(truth.service.as_deref(), Some("order-service"));
        assert_eq!(scenario.remedies(&truth).next().unwrap().ops, ["rollback order-service"]);
    }

    #[test]
    fn the_truth_lies_where_the_seed_has_hit() {
        let two = GOOD.replace(
            "[[place]]\nservice",
            "[[place]]\nvictim = \"a\"\nservice = \"shop\"\n\n[[place]]\nvictim = \"b\"\nservice",
        );
        let scenario = parse("x", "x.toml", &two).unwrap();
        let service = |victim| scenario.truth(std::iter::once(victim)).service;
        assert_eq!((service("a").as_deref(), service("b").as_deref()), (Some("shop"), Some("order-service")));
        assert_eq!(service("c"), None);
    }

    #[test]
    fn mistakes_name_file_line_key_and_the_nearest_word() {
        assert_eq!(
            wrong("\"pool-exhaustion\"", "\"pool-exhausted\""),
            "x.toml:4: cause: \"pool-exhausted\" is no cause: did you mean `pool-exhaustion`?"
        );
        for (from, to, begin, words) in [
            ("difficulty", "dificulty", "x.toml:3: dificulty:", "did you mean `difficulty`?"),
            ("\"steady\"", "\"stedy\"", "x.toml:7: traffic.profile:", "`steady`"),
            ("fault = \"pool", "fault = \"pol", "x.toml:24: step.fault:", "did you mean `pool-exhaustion`?"),
            ("[80, 90]", "[90, 80]", "x.toml:25: step.parameters.delay_ms:", "[from, to]"),
            ("[80, 90]", "[80, 9000]", "x.toml:25: step.parameters.delay_ms:", "within 60 to 110"),
            ("delay_ms", "delay", "x.toml:25: step.parameters.delay:", "no such parameter"),
            ("{correlation}", "now", "x.toml:17: page.complaint:", "{correlation}"),
            ("works = true", "works = false", "x.toml:4: mitigation:", "at least one has to work"),
            ("\"2m\"", "\"2 fortnights\"", "x.toml:11: timeline.baseline:", ""),
            ("trace = true", "trace = false", "x.toml:35: look:", "one of"),
            ("Orders hurt.", "It is pool-exhaustion.", "x.toml:2: brief:", "names the cause"),
            (
                "fault = \"pool-exhaustion\"\nparameters.delay_ms = [80, 90]",
                "fault = \"control\"",
                "x.toml:4: cause:",
                "truth is `nothing`",
            ),
        ] {
            let said = wrong(from, to);
            assert!(said.starts_with(begin) && said.contains(words), "{said}");
        }
    }
}
