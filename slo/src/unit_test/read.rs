//! Reads a file of tests. One error for one mistake: line, key, what is wrong.

use std::collections::BTreeMap;

use yaml::{Fields, Problem, Reader};

use super::{AlertCase, ExprCase, Test, UnitTests, metric, scalar, values};
use crate::{
    engine::{InputSeries, Labels},
    place::Error,
};

/// Milliseconds between evaluations where a file does not say.
const STEP: i64 = 60_000;
/// The most evaluations of a test, and the most samples of a file: a year of minutes is half a million.
const EVALUATIONS: i64 = 5_000_000;
const SAMPLES: usize = 20_000_000;

/// The tests of a file.
pub fn read(file: &str, text: &str) -> Result<UnitTests, Error> {
    all(text).map_err(|problem| problem.in_file(file))
}

fn all(text: &str) -> Result<UnitTests, Problem> {
    let documents = yaml::documents(text)?;
    // promtool reads the first document, and of none makes no tests.
    let Some(document) = documents.first().map(Reader::of).filter(|document| !document.is_nothing()) else {
        return Ok(UnitTests { rule_files: vec![], step: STEP, order: vec![], fuzzy: false, tests: vec![] });
    };
    let mut fields = document.fields()?;
    let rule_files = texts(&mut fields, "rule_files")?;
    let step = there(&mut fields, "evaluation_interval").map_or(Ok(0), |reader| scalar::duration(&reader))?;
    let step = if step == 0 { STEP } else { step };
    let order = fields.optional("group_eval_order").filter(|reader| !reader.is_nothing());
    let order = order.map_or(Ok(Vec::new()), |reader| in_order(&reader))?;
    let fuzzy = there(&mut fields, "fuzzy_compare").map_or(Ok(false), |reader| scalar::truth(&reader))?;
    let mut budget = SAMPLES;
    let tests = items(&mut fields, "tests")?;
    let tests = tests.iter().map(|reader| test(reader, step, &mut budget)).collect::<Result<_, _>>()?;
    fields.end()?;
    Ok(UnitTests { rule_files, step, order, fuzzy, tests })
}

fn in_order(reader: &Reader<'_>) -> Result<Vec<String>, Problem> {
    let mut order: Vec<String> = Vec::new();
    for item in reader.items()? {
        let name = scalar::text(&item)?;
        if order.contains(&name) {
            return Err(item.problem(format!("group {name} stands here twice; leave one")));
        }
        order.push(name);
    }
    Ok(order)
}

/// A field that is there and not nothing.
fn there<'a>(fields: &mut Fields<'a>, name: &'static str) -> Option<Reader<'a>> {
    fields.optional(name).filter(|reader| !reader.is_nothing())
}

fn items<'a>(fields: &mut Fields<'a>, name: &'static str) -> Result<Vec<Reader<'a>>, Problem> {
    there(fields, name).map_or(Ok(Vec::new()), |reader| reader.items())
}

fn texts(fields: &mut Fields<'_>, name: &'static str) -> Result<Vec<String>, Problem> {
    items(fields, name)?.iter().map(scalar::text).collect()
}

fn text(fields: &mut Fields<'_>, name: &'static str) -> Result<String, Problem> {
    fields.optional(name).map_or(Ok(String::new()), |reader| scalar::text(&reader))
}

fn time(fields: &mut Fields<'_>, name: &'static str) -> Result<i64, Problem> {
    there(fields, name).map_or(Ok(0), |reader| scalar::duration(&reader))
}

fn pairs(fields: &mut Fields<'_>, name: &'static str) -> Result<Labels, Problem> {
    let Some(reader) = there(fields, name) else { return Ok(Labels::new()) };
    reader.entries()?.into_iter().map(|(name, value)| Ok((name, scalar::text(&value)?))).collect()
}

fn test(reader: &Reader<'_>, step: i64, budget: &mut usize) -> Result<Test, Problem> {
    let mut fields = reader.fields()?;
    let interval = time(&mut fields, "interval")?;
    let series = items(&mut fields, "input_series")?;
    let alerts = items(&mut fields, "alert_rule_test")?.iter().map(alert).collect::<Result<Vec<_>, _>>()?;
    let expressions =
        items(&mut fields, "promql_expr_test")?.iter().map(expression).collect::<Result<Vec<_>, _>>()?;
    let mut test = Test {
        line: reader.line(),
        interval: if interval == 0 { step } else { interval },
        series: Vec::new(),
        alerts,
        expressions,
        external_labels: pairs(&mut fields, "external_labels")?,
        external_url: text(&mut fields, "external_url")?,
        name: text(&mut fields, "name")?,
        start: there(&mut fields, "start_timestamp").map_or(Ok(0), |reader| scalar::moment(&reader))?,
    };
    fields.end()?;
    if test.length() / step > EVALUATIONS {
        return Err(reader.problem(format!("asks for more than {EVALUATIONS} evaluations")));
    }
    // What comes after the last evaluation is never seen.
    let moments = (test.length() / step * step / test.interval + 1).unsigned_abs();
    test.series = input(&series, test.start, test.interval, moments, budget)?;
    Ok(test)
}

/// The series. promtool writes each into a line, and reads the lines again until an empty one: a text of several lines is
/// several series.
fn input(
    written: &[Reader<'_>],
    start: i64,
    interval: i64,
    moments: u64,
    budget: &mut usize,
) -> Result<Vec<InputSeries>, Problem> {
    // Of the same series, the last one counts.
    let mut all: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
    for reader in written {
        let mut fields = reader.fields()?;
        let line = format!("{} {}", text(&mut fields, "series")?, text(&mut fields, "values")?);
        fields.end()?;
        for line in line.split('\n').map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                return Ok(all
                    .into_iter()
                    .map(|(labels, samples)| InputSeries { labels, samples })
                    .collect());
            }
            let wrong = |message: String| reader.problem(message);
            let (labels, rest) = metric::series(line, true).map_err(wrong)?;
            if !(rest.is_empty() || rest.starts_with(char::is_whitespace)) {
                return Err(wrong(format!(
                    "expected a space between the series and its values, not {rest:?}"
                )));
            }
            let samples = values::samples(&values::runs(rest).map_err(wrong)?, moments);
            *budget = budget
                .checked_sub(samples.len())
                .ok_or_else(|| wrong(format!("with this there are more than {SAMPLES} samples")))?;
            let at = |moment: u64| start.saturating_add(interval.saturating_mul(moment as i64));
            all.insert(labels, samples.into_iter().map(|(moment, value)| (at(moment), value)).collect());
        }
    }
    Ok(all.into_iter().map(|(labels, samples)| InputSeries { labels, samples }).collect())
}

fn alert(reader: &Reader<'_>) -> Result<AlertCase, Problem> {
    let mut fields = reader.fields()?;
    let (at, name) = (time(&mut fields, "eval_time")?, text(&mut fields, "alertname")?);
    if name.is_empty() {
        return Err(reader.problem("alertname is missing; add it"));
    }
    let mut expected = Vec::new();
    for reader in items(&mut fields, "exp_alerts")? {
        let (mut labels, mut annotations) = (Labels::new(), Labels::new());
        if !reader.is_nothing() {
            let mut fields = reader.fields()?;
            labels = pairs(&mut fields, "exp_labels")?;
            annotations = pairs(&mut fields, "exp_annotations")?;
            fields.end()?;
        }
        labels.insert("alertname".into(), name.clone());
        expected.push((labels, annotations));
    }
    fields.end()?;
    Ok(AlertCase { line: reader.line(), at, name, expected })
}

fn expression(reader: &Reader<'_>) -> Result<ExprCase, Problem> {
    let mut fields = reader.fields()?;
    let (expr, at) = (text(&mut fields, "expr")?, time(&mut fields, "eval_time")?);
    let mut expected = Vec::new();
    for reader in items(&mut fields, "exp_samples")? {
        if reader.is_nothing() {
            expected.push((Labels::new(), 0.0));
            continue;
        }
        let mut fields = reader.fields()?;
        if let Some(histogram) = there(&mut fields, "histogram") {
            return Err(histogram.problem("native histograms are not read here; promtool does"));
        }
        let labels = text(&mut fields, "labels")?;
        let labels =
            metric::alone(&labels).map_err(|why| reader.problem(format!("labels {labels:?}: {why}")))?;
        let value = fields.optional("value").map_or(Ok(0.0), |reader| scalar::number(&reader))?;
        fields.end()?;
        expected.push((labels, value));
    }
    fields.end()?;
    Ok(ExprCase { line: reader.line(), at, expr, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"rule_files: [a.yaml, 'b/*.yaml']
evaluation_interval: 30s
group_eval_order: [second, first]
fuzzy_compare: true
tests:
  - name: one
    interval: 15s
    start_timestamp: 1000
    external_labels: { region: eu }
    external_url: http://here
    input_series:
      - series: 'up{job="a"}'
        values: '1x2 _ 0'
      - series: up
        values: 1
    alert_rule_test:
      - eval_time: 1m10s
        alertname: Down
        exp_alerts:
          - exp_labels: { job: a, n: 1 }
            exp_annotations: { summary: 'it is down' }
          - {}
          -
    promql_expr_test:
      - expr: up > 0
        eval_time: 0
        exp_samples: [{ labels: 'up{job="a"}', value: 1e0 }, { value: 2 }]
      - { expr: up, exp_samples: }
"#;

    #[test]
    fn a_file_is_read_with_all_that_it_can_say() {
        let tests = read("t.yaml", GOOD).expect("good");
        assert_eq!((tests.rule_files.len(), tests.step, tests.fuzzy), (2, 30_000, true));
        assert_eq!(tests.order, ["second", "first"]);
        let test = &tests.tests[0];
        assert_eq!((test.line, test.interval, test.start, test.length()), (6, 15_000, 1_000_000, 70_000));
        let samples: Vec<_> = test.series.iter().map(|series| series.samples.clone()).collect();
        let start = 1_000_000;
        // The last evaluation is after a minute, so the sample at 1m is the last to be seen.
        let long = vec![(start, 1.0), (start + 15_000, 1.0), (start + 30_000, 1.0), (start + 60_000, 0.0)];
        assert_eq!(samples, [vec![(start, 1.0)], long]);
        let alert = &test.alerts[0];
        assert_eq!((alert.line, alert.at, alert.expected.len()), (17, 70_000, 3));
        assert_eq!(
            (alert.expected[0].0["n"].as_str(), alert.expected[2].0["alertname"].as_str()),
            ("1", "Down")
        );
        assert_eq!(test.expressions[0].expected[1], (Labels::new(), 2.0));
        assert!(test.expressions[1].expected.is_empty());
    }

    #[test]
    fn nothing_is_no_tests() {
        for text in ["", "---\n", "rule_files:\ntests:\n"] {
            let tests = read("t.yaml", text).expect(text);
            assert_eq!((tests.tests.len(), tests.step), (0, 60_000));
        }
    }

    #[test]
    fn a_text_of_several_lines_is_several_series_until_an_empty_one() {
        let series = |values: &str| {
            let text = format!(
                "tests:\n  - input_series:\n      - {{series: a, values: {values}}}\n      - {{series: b, values: 1}}\n"
            );
            let tests = read("t.yaml", &text).expect(values);
            tests.tests[0].series.iter().map(|s| s.labels["__name__"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(series("'1 2'"), ["a", "b"]);
        assert_eq!(series("\"1\\nc 2\""), ["a", "b", "c"]);
        assert_eq!(series("\"1\\n\""), ["a"]);
    }

    #[test]
    fn each_mistake_is_one_error_with_its_place() {
        for (from, to, place, word) in [
            ("rule_files", "rules_files", "t.yaml:1: rules_files", "known are"),
            ("30s", "30", "t.yaml:2: evaluation_interval", "no duration"),
            ("second, first", "first, first", "t.yaml:3: group_eval_order[1]", "twice"),
            ("true", "perhaps", "t.yaml:4: fuzzy_compare", "true or false"),
            ("1000", "soon", "t.yaml:8: tests[0].start_timestamp", "no moment"),
            ("1x2 _ 0", "1x2 zero", "t.yaml:12: tests[0].input_series[0]", "no sample"),
            ("1x2 _ 0", "{{count:1}}", "t.yaml:12: tests[0].input_series[0]", "native histograms"),
            ("up{job=\"a\"}'", "up{job}'", "t.yaml:12: tests[0].input_series[0]", "no =\"value\""),
            (
                "alertname: Down",
                "expr: Down",
                "t.yaml:17: tests[0].alert_rule_test[0]",
                "alertname is missing",
            ),
            ("value: 1e0", "value: one", "t.yaml:", "no number"),
            ("value: 1e0", "histogram: '{{count:1}}'", "t.yaml:", "native histograms"),
            ("'up{job=\"a\"}', value", "'up{', value", "t.yaml:", "labels \"up{\""),
            ("1m10s", "50y", "t.yaml:6: tests[0]", "evaluations"),
            ("exp_alerts", "expected", "t.yaml:19: tests[0].alert_rule_test[0].expected", "known are"),
        ] {
            let error = read("t.yaml", &GOOD.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(error.starts_with(place) && error.contains(word), "{to:?}: {error}");
        }
    }
}
