//! The embedded backend's rule engine, as an engine of the `slo` crate: the same rules and samples in, the same answers out as
//! from `promtool`.

use std::collections::BTreeMap;

use backend::rules::offline::{self, Replay, Rules, Setup, State, Step};
use slo::engine::{
    Answer, Asked, Case, Engine, EngineError, Firing, Labels, Observed, RuleTester, Series, Stretch,
};

/// The engine. It has no state: whoever needs one makes one.
#[derive(Clone, Copy, Debug)]
pub struct Builtin;

const NAME: &str = "the built-in engine";

fn refused(said: String) -> EngineError {
    EngineError::Refused { engine: NAME, said }
}

fn misread(problem: &offline::Problem) -> EngineError {
    refused(problem.to_string())
}

impl Engine for Builtin {
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn run(&self, case: &Case) -> Result<Answer, EngineError> {
        let text = slo::rules::write(&[], &case.groups);
        let rules = Rules::read(&[("rules.yaml", &text)]).map_err(|e| misread(&e))?;
        let step = i64::from(case.step) * 1000;
        let series = case.series.iter().map(|series| expanded(series, step)).collect::<Result<_, _>>()?;
        let setup = Setup {
            start_ms: 0,
            end_ms: i64::from(case.length) * 1000,
            step: Step::Every(step),
            subquery_step_ms: step,
            ..Setup::default()
        };
        let replay = Replay::run(&rules, series, &setup);
        unbroken(&replay)?;
        let values = case.questions.iter().map(|(expr, at)| {
            let samples = samples(&replay, expr, i64::from(*at) * 1000).map_err(refused)?;
            Ok(samples.into_iter().map(|(_, value)| value).collect())
        });
        Ok(Answer { firings: firings(&replay), values: values.collect::<Result<_, EngineError>>()? })
    }
}

impl RuleTester for Builtin {
    fn observe(&self, asked: &Asked<'_>) -> Result<Observed, EngineError> {
        let files: Vec<(&str, &str)> =
            asked.rules.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let mut rules = Rules::read(&files).map_err(|e| misread(&e))?;
        rules.order(asked.order);
        let series = asked.series.iter();
        let series = series
            .map(|series| offline::Series { labels: series.labels.clone(), samples: series.samples.clone() })
            .collect();
        let setup = Setup {
            start_ms: asked.start,
            end_ms: asked.end,
            step: Step::Every(asked.step),
            subquery_step_ms: asked.step,
            external_labels: asked.external_labels.clone(),
            external_url: asked.external_url.to_owned(),
            moments: asked.alerts.to_vec(),
        };
        let replay = Replay::run(&rules, series, &setup);
        unbroken(&replay)?;
        let firing = |moment: &i64| {
            let active = replay.alerts_at(*moment).iter();
            let firing = active.filter(|alert| alert.state == State::Firing);
            firing.map(|alert| (alert.labels.clone(), alert.annotations.clone())).collect()
        };
        Ok(Observed {
            alerts: asked.alerts.iter().map(firing).collect(),
            results: asked.expressions.iter().map(|(expr, at)| samples(&replay, expr, *at)).collect(),
        })
    }
}

/// A rule that cannot be evaluated ends the test, as it does in promtool.
fn unbroken(replay: &Replay) -> Result<(), EngineError> {
    match replay.failures().first() {
        None => Ok(()),
        Some(failure) => {
            let after = jiff::SignedDuration::from_millis(failure.at_ms);
            Err(refused(format!("rule {} at {after:#}: {}", failure.rule, failure.what)))
        }
    }
}

/// A vector, or a scalar as a sample without labels.
fn samples(replay: &Replay, expr: &str, at_ms: i64) -> Result<Vec<(Labels, f64)>, String> {
    match replay.query(expr, at_ms)? {
        offline::Answer::Vector(samples) => Ok(samples),
        offline::Answer::Scalar(value) => Ok(vec![(Labels::new(), value)]),
        offline::Answer::Text(_) | offline::Answer::Matrix(_) => {
            Err("the result is no vector and no scalar".into())
        }
    }
}

/// The stretches of each alert, in the order of their labels.
fn firings(replay: &Replay) -> Vec<Firing> {
    let mut all: BTreeMap<&Labels, Firing> = BTreeMap::new();
    let seconds = |ms: i64| u32::try_from(ms / 1000).unwrap_or(u32::MAX);
    for stretch in replay.stretches().iter().filter(|stretch| stretch.state == State::Firing) {
        let over = stretch.until_ms.map(seconds);
        let firing = all.entry(&stretch.labels).or_insert_with(|| Firing {
            labels: stretch.labels.clone(),
            first: seconds(stretch.from_ms),
            over: None,
            times: 0,
        });
        firing.over = over;
        firing.times += 1;
    }
    all.into_values().collect()
}

/// A series with each of its samples, a series' end where samples begin to be missing.
fn expanded(series: &Series, step: i64) -> Result<offline::Series, EngineError> {
    let labels = offline::metric(&series.name).map_err(refused)?;
    let (mut samples, mut moment) = (Vec::new(), 0_i64);
    for stretch in &series.stretches {
        match stretch {
            Stretch::Ramp { first, by, count } => {
                // Added up as promtool does it, to the last bit.
                let mut value = *first;
                for n in 0..i64::from(*count) {
                    samples.push(((moment + n) * step, value));
                    value += by;
                }
                moment += i64::from(*count);
            }
            Stretch::Gap(count) => {
                samples.push((moment * step, offline::end_marker()));
                moment += i64::from(*count);
            }
        }
    }
    Ok(offline::Series { labels, samples })
}

#[cfg(test)]
mod tests {
    use slo::rules::{Group, Kind, Pairs, Rule};

    use super::*;

    fn rule(kind: Kind, expr: &str) -> Rule {
        Rule { comment: vec![], kind, expr: expr.into(), labels: Pairs::new() }
    }

    fn case(rules: Vec<Rule>) -> Case {
        let group =
            Group { name: "g".into(), comment: vec![], interval: "1m".into(), labels: Pairs::new(), rules };
        let up = Series {
            name: "up{job=\"a\"}".into(),
            stretches: vec![
                Stretch::Ramp { first: 1.0, by: 0.0, count: 3 },
                Stretch::Ramp { first: 0.0, by: 0.0, count: 2 },
                Stretch::Gap(2),
                Stretch::Ramp { first: 0.0, by: 0.0, count: 4 },
            ],
        };
        let questions = vec![("up".into(), 300), ("up + 1".into(), 60)];
        Case { groups: vec![group], step: 60, length: 600, series: vec![up], questions }
    }

    fn alert(expr: &str) -> Rule {
        rule(Kind::Alert { name: "Down".into(), hold: None, annotations: Pairs::new() }, expr)
    }

    #[test]
    fn an_alert_that_comes_back_fires_twice_and_to_the_end() {
        let answer = Builtin.run(&case(vec![alert("up == 0")])).expect("an answer");
        let [firing] = answer.firings.as_slice() else { panic!("{answer:?}") };
        assert_eq!((firing.first, firing.over, firing.times), (180, None, 2));
        assert_eq!(
            firing.labels,
            Labels::from([("alertname".into(), "Down".into()), ("job".into(), "a".into())])
        );
        assert_eq!(answer.values, [vec![], vec![2.0]], "what has ended has no value");
    }

    #[test]
    fn rules_that_cannot_be_read_or_evaluated_are_refused() {
        let twice =
            vec![rule(Kind::Record("a".into()), "label_replace(up, \"job\", \"\", \"\", \"\") or up")];
        for (rules, word) in [(vec![alert("up ==")], "rules.yaml"), (twice, "labelset")] {
            let mut case = case(rules);
            case.series.push(Series {
                name: "up{job=\"b\"}".into(),
                stretches: vec![Stretch::Ramp { first: 1.0, by: 0.0, count: 11 }],
            });
            case.questions.clear();
            match Builtin.run(&case) {
                Err(EngineError::Refused { said, .. }) => assert!(said.contains(word), "{word}: {said}"),
                other => panic!("{word}: {other:?}"),
            }
        }
    }
}
