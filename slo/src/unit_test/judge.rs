//! Holds what an engine saw against what a test expects, as promtool does: the alerts of a name are those and no others, an
//! expression gives those samples and no others, and no number is equal to what is no number.

use super::{AlertCase, ExprCase, Test, UnitTests, duration};
use crate::engine::{Asked, EngineError, Labels, RuleTester};

/// What became of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Where the test begins.
    pub line: usize,
    /// Its name, or which one it is.
    pub name: String,
    /// What was not as expected; nothing where all was.
    pub missed: Vec<Missed>,
}

/// Something that was not as expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Missed {
    /// Where it stands.
    pub line: usize,
    /// What was asked, and when.
    pub asked: String,
    /// What was expected and did not come.
    pub expected: Vec<String>,
    /// What came and was not expected.
    pub came: Vec<String>,
}

impl Verdict {
    /// Whether all was as expected.
    pub fn passed(&self) -> bool {
        self.missed.is_empty()
    }
}

/// The verdict on each test of a file, with these rules.
pub fn run(
    tests: &UnitTests,
    rules: &[(String, String)],
    engine: &dyn RuleTester,
) -> Result<Vec<Verdict>, EngineError> {
    let numbered = tests.tests.iter().enumerate();
    let each = numbered.map(|(index, test)| {
        let name =
            if test.name.is_empty() { format!("unnamed, number {}", index + 1) } else { test.name.clone() };
        Ok(Verdict { line: test.line, name, missed: judge(tests, test, rules, engine)? })
    });
    each.collect()
}

fn judge(
    tests: &UnitTests,
    test: &Test,
    rules: &[(String, String)],
    engine: &dyn RuleTester,
) -> Result<Vec<Missed>, EngineError> {
    // What fires at a moment is what fired at the evaluation before it.
    let evaluation = |at: i64| test.start + at / tests.step * tests.step;
    let alerts: Vec<i64> = test.alerts.iter().map(|case| evaluation(case.at)).collect();
    let expressions: Vec<(String, i64)> =
        test.expressions.iter().map(|case| (case.expr.clone(), test.start + case.at)).collect();
    let asked = Asked {
        rules,
        order: &tests.order,
        start: test.start,
        step: tests.step,
        end: evaluation(test.length()),
        series: &test.series,
        external_labels: &test.external_labels,
        external_url: &test.external_url,
        alerts: &alerts,
        expressions: &expressions,
    };
    let observed = match engine.observe(&asked) {
        Ok(observed) => observed,
        Err(EngineError::Refused { said, .. }) => {
            let asked = "the rules".to_owned();
            return Ok(vec![Missed { line: test.line, asked, expected: vec![], came: vec![said] }]);
        }
        Err(error) => return Err(error),
    };
    let alerts = test.alerts.iter().zip(&observed.alerts).filter_map(|(case, came)| alert(case, came));
    let results = test.expressions.iter().zip(&observed.results);
    let results = results.filter_map(|(case, came)| expression(case, came, tests.fuzzy));
    Ok(alerts.chain(results).collect())
}

fn alert(case: &AlertCase, came: &[(Labels, Labels)]) -> Option<Missed> {
    let of_name = came.iter().filter(|(labels, _)| labels.get("alertname") == Some(&case.name));
    let mut came: Vec<&(Labels, Labels)> = of_name.collect();
    let mut expected = Vec::new();
    for wanted in &case.expected {
        match came.iter().position(|alert| *alert == wanted) {
            Some(index) => drop(came.swap_remove(index)),
            None => expected.push(alert_told(wanted)),
        }
    }
    let mut came: Vec<String> = came.into_iter().map(alert_told).collect();
    came.sort();
    (!(expected.is_empty() && came.is_empty())).then(|| Missed {
        line: case.line,
        asked: format!("{} at {}", case.name, duration::told(case.at)),
        expected,
        came,
    })
}

fn expression(case: &ExprCase, came: &Result<Vec<(Labels, f64)>, String>, fuzzy: bool) -> Option<Missed> {
    let asked = format!("{} at {}", case.expr, duration::told(case.at));
    let missed = |expected, came| Some(Missed { line: case.line, asked, expected, came });
    let told = |samples: &[&(Labels, f64)]| samples.iter().map(|sample| sample_told(sample)).collect();
    let mut came: Vec<&(Labels, f64)> = match came {
        Ok(came) => came.iter().collect(),
        Err(why) => return missed(told(&case.expected.iter().collect::<Vec<_>>()), vec![why.clone()]),
    };
    let mut expected = Vec::new();
    for wanted in &case.expected {
        let fits = |got: &&(Labels, f64)| got.0 == wanted.0 && equal(got.1, wanted.1, fuzzy);
        match came.iter().position(fits) {
            Some(index) => drop(came.swap_remove(index)),
            None => expected.push(wanted),
        }
    }
    came.sort_by(|a, b| a.0.cmp(&b.0));
    if expected.is_empty() && came.is_empty() { None } else { missed(told(&expected), told(&came)) }
}

/// No number is equal to none; with `fuzzy`, neighbours are equal.
fn equal(a: f64, b: f64, fuzzy: bool) -> bool {
    a == b || fuzzy && (a.next_up() == b || a.next_down() == b)
}

fn alert_told((labels, annotations): &(Labels, Labels)) -> String {
    // All of them have the name.
    let labels: Labels =
        labels.iter().filter(|(name, _)| *name != "alertname").map(|(n, v)| (n.clone(), v.clone())).collect();
    match annotations.is_empty() {
        true => braces(&labels),
        false => format!("{} {}", braces(&labels), listed(annotations)),
    }
}

fn sample_told((labels, value): &(Labels, f64)) -> String {
    let mut labels = labels.clone();
    let name = labels.remove("__name__").unwrap_or_default();
    match (name.is_empty(), labels.is_empty()) {
        (false, true) => format!("{name} {value}"),
        _ => format!("{name}{} {value}", braces(&labels)),
    }
}

fn braces(labels: &Labels) -> String {
    format!("{{{}}}", listed(labels))
}

fn listed(pairs: &Labels) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Observed, unit_test::read};

    const FILE: &str = "evaluation_interval: 1m\ntests:\n  - name: t\n    alert_rule_test:\n      - eval_time: 90s\n        alertname: A\n        exp_alerts: [{exp_labels: {a: b}, exp_annotations: {s: t}}]\n    promql_expr_test:\n      - {expr: x, eval_time: 2m30s, exp_samples: [{labels: 'x{a=\"b\"}', value: 0.3}]}\n";

    struct Says(Result<Observed, EngineError>);

    impl RuleTester for Says {
        fn observe(&self, asked: &Asked<'_>) -> Result<Observed, EngineError> {
            assert_eq!((asked.start, asked.step, asked.end), (0, 60_000, 120_000));
            assert_eq!((asked.alerts, asked.expressions[0].1), (&[60_000][..], 150_000));
            match &self.0 {
                Ok(observed) => Ok(observed.clone()),
                Err(_) => Err(EngineError::Refused { engine: "it", said: "no such function".into() }),
            }
        }
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn observed(alert: &[(&str, &str)], annotation: &str, value: f64) -> Observed {
        Observed {
            alerts: vec![vec![
                (labels(alert), labels(&[("s", annotation)])),
                (labels(&[("alertname", "Other")]), Labels::new()),
            ]],
            results: vec![Ok(vec![(labels(&[("__name__", "x"), ("a", "b")]), value)])],
        }
    }

    fn missed(said: Result<Observed, EngineError>, fuzzy: bool) -> Vec<Missed> {
        let mut tests = read("t.yaml", FILE).expect("good");
        tests.fuzzy = fuzzy;
        run(&tests, &[], &Says(said)).expect("a verdict").remove(0).missed
    }

    const ALERT: [(&str, &str); 2] = [("alertname", "A"), ("a", "b")];

    #[test]
    fn what_is_expected_passes_and_other_names_do_not_matter() {
        assert_eq!(missed(Ok(observed(&ALERT, "t", 0.3)), false), []);
    }

    #[test]
    fn what_differs_is_told_with_both_sides_and_its_line() {
        for (said, line, asked, expected, came) in [
            (observed(&ALERT, "u", 0.3), 5, "A at 1m30s", r#"{a="b"} s="t""#, r#"{a="b"} s="u""#),
            (observed(&[("alertname", "A")], "t", 0.3), 5, "A at 1m30s", r#"{a="b"} s="t""#, r#"{} s="t""#),
            (observed(&ALERT, "t", 0.31), 9, "x at 2m30s", r#"x{a="b"} 0.3"#, r#"x{a="b"} 0.31"#),
        ] {
            let all = missed(Ok(said), false);
            let [one] = all.as_slice() else { panic!("{all:?}") };
            assert_eq!((one.line, one.asked.as_str()), (line, asked));
            assert_eq!(
                (&one.expected[..], &one.came[..]),
                (&[expected.to_owned()][..], &[came.to_owned()][..])
            );
        }
        let none = Observed { alerts: vec![vec![]], results: vec![Err("not PromQL".into())] };
        let all = missed(Ok(none), false);
        assert_eq!((all.len(), all[0].came.len(), all[1].came[0].as_str()), (2, 0, "not PromQL"));
        let refused = missed(Err(EngineError::Refused { engine: "it", said: String::new() }), false);
        assert_eq!((refused.len(), refused[0].came[0].as_str()), (1, "no such function"));
    }

    #[test]
    fn neighbouring_numbers_are_equal_where_a_file_says_so() {
        let near = || Ok(observed(&ALERT, "t", 0.1 + 0.2));
        assert_eq!((missed(near(), true).len(), missed(near(), false).len()), (0, 1));
        assert!(!equal(f64::NAN, f64::NAN, true), "as promtool has it");
    }
}
