//! Reads OpenSLO v1: documents of kind `SLO` with the indicator in place, one objective, and a rolling window.
//!
//! What OpenSLO allows beyond that (references to other documents, calendar windows, several objectives, alert policies)
//! is refused by name: a part that is read and then ignored would be a promise that nobody keeps.

use promql_parser::parser::{self, Expr};
use yaml::{Fields, Reader};

use super::{Indicator, Severity, Side, Slo};
use crate::place::{Error, Problem};

/// The most bytes of a file of specs.
const FILE_BYTES: usize = 1 << 20;
/// How many bad events there must be before anybody is told, where a spec says nothing else.
const EVIDENCE: f64 = 5.0;

/// The objectives of one file.
pub fn read(file: &str, text: &str) -> Result<Vec<Slo>, Error> {
    let all = || {
        if text.len() > FILE_BYTES {
            return Err(Problem::new(1, "", format!("has more than {FILE_BYTES} bytes; split it")));
        }
        let documents = yaml::documents(text)?;
        if documents.is_empty() {
            return Err(Problem::new(1, "", "holds no document; write an SLO or remove the file"));
        }
        documents.iter().map(|document| slo(file, &Reader::of(document))).collect::<Result<Vec<_>, _>>()
    };
    all().map_err(|problem| problem.in_file(file))
}

fn slo(file: &str, document: &Reader<'_>) -> Result<Slo, Problem> {
    let mut top = document.fields()?;
    top.required("apiVersion")?.word(&[("openslo/v1", ())])?;
    top.required("kind")?.word(&[("SLO", ())])?;
    let metadata = top.required("metadata")?;
    let spec = top.required("spec")?;
    top.end()?;

    let mut metadata = metadata.fields()?;
    let name = named(&metadata.required("name")?, is_name, "small letters, digits and dashes")?;
    let title = metadata.required("displayName")?.text()?;
    let mut notes = metadata.required("annotations")?.fields()?;
    metadata.end()?;
    let alert =
        named(&notes.required("firedrill/alert")?, is_alert, "letters and digits, the first a capital")?;
    let dashboard = notes.required("firedrill/dashboard")?.text()?;
    let silences = [("page", Some(Severity::Page)), ("ticket", Some(Severity::Ticket)), ("none", None)];
    let silence = notes.required("firedrill/silence")?.word(&silences)?;
    let evidence = match notes.optional("firedrill/evidence") {
        Some(evidence) => whole(&evidence, 1.0, 1_000_000.0)?,
        None => EVIDENCE as u32,
    };
    notes.end()?;

    let mut spec = spec.fields()?;
    let description = spec.required("description")?.text()?;
    let service = named(&spec.required("service")?, is_name, "small letters, digits and dashes")?;
    let windows = one_of(&spec.required("timeWindow")?)?;
    let days = rolling_days(&windows)?;
    let method = spec.required("budgetingMethod")?;
    let by_time = method.word(&[("Occurrences", false), ("Timeslices", true)])?;
    let objective = one_of(&spec.required("objectives")?)?;
    let measured = spec.required("indicator")?;
    spec.end()?;

    let (target, bound) = objective_of(&objective, by_time)?;
    let indicator = indicator(&measured, &method, by_time, bound)?;
    let file = file.to_owned();
    let line = document.line();
    Ok(Slo {
        file,
        line,
        name,
        title,
        description,
        service,
        indicator,
        target,
        days,
        alert,
        dashboard,
        silence,
        evidence,
    })
}

/// The target, and the bound of a gauge where the budget counts time.
fn objective_of(objective: &Reader<'_>, by_time: bool) -> Result<(f64, Option<(Side, f64)>), Problem> {
    let mut fields = objective.fields()?;
    let _ = fields.optional("displayName").map(|name| name.text()).transpose()?;
    let target = fields.required("target")?;
    let share = target.number()?;
    // From 50% to five nines: below, an alert on the burn of the budget says nothing; above, no month of these services
    // has enough requests to tell.
    if !(0.5..=0.99999).contains(&share) {
        return Err(target.problem("expected a share from 0.5 to 0.99999, such as 0.999"));
    }
    let mut bound = None;
    if by_time {
        let side = fields.required("op")?.word(&[("lte", Side::AtMost), ("gte", Side::AtLeast)])?;
        bound = Some((side, fields.required("value")?.number()?));
        let slice = fields.required("timeSliceWindow")?;
        if slice.text()? != "1m" {
            return Err(slice.problem("expected 1m, which is how often the rules are evaluated"));
        }
    }
    fields.end()?;
    Ok((share, bound))
}

fn indicator(
    measured: &Reader<'_>,
    method: &Reader<'_>,
    by_time: bool,
    bound: Option<(Side, f64)>,
) -> Result<Indicator, Problem> {
    let mut fields = measured.fields()?;
    fields.required("metadata")?;
    let spec = fields.required("spec")?;
    fields.end()?;
    let mut fields = spec.fields()?;
    let (ratio, threshold) = (fields.optional("ratioMetric"), fields.optional("thresholdMetric"));
    fields.end()?;
    match (ratio, threshold, bound) {
        (Some(ratio), None, None) => ratio_metric(&ratio),
        (None, Some(threshold), Some((good, bound))) => {
            let gauge = query(&mut threshold.fields()?)?;
            Ok(Indicator::Threshold { gauge, good, bound })
        }
        (Some(_), None, Some(_)) => {
            Err(method.problem("a ratioMetric counts events: its method is Occurrences"))
        }
        (None, Some(_), None) if !by_time => {
            Err(method.problem("a thresholdMetric is judged minute by minute: its method is Timeslices"))
        }
        _ => Err(spec.problem("expected either ratioMetric or thresholdMetric")),
    }
}

fn ratio_metric(ratio: &Reader<'_>) -> Result<Indicator, Problem> {
    let mut fields = ratio.fields()?;
    let counter = fields.required("counter")?;
    if !counter.truth()? {
        return Err(
            counter.problem("expected true: events are counted by counters, of which rates are taken")
        );
    }
    let total = query(&mut fields.required("total")?.fields()?)?;
    let (good, bad) = (fields.optional("good"), fields.optional("bad"));
    fields.end()?;
    match (good, bad) {
        (Some(good), None) => Ok(Indicator::Good { good: query(&mut good.fields()?)?, total }),
        (None, Some(bad)) => Ok(Indicator::Bad { bad: query(&mut bad.fields()?)?, total }),
        _ => Err(ratio.problem("expected either good or bad beside total")),
    }
}

/// The selector in `metricSource: {type: Prometheus, spec: {query: …}}`.
fn query(fields: &mut Fields<'_>) -> Result<String, Problem> {
    let mut source = fields.required("metricSource")?.fields()?;
    source.required("type")?.word(&[("Prometheus", ())])?;
    let mut spec = source.required("spec")?.fields()?;
    source.end()?;
    let query = spec.required("query")?;
    spec.end()?;
    let text = query.text()?;
    match parser::parse(&text) {
        Ok(Expr::VectorSelector(selector)) if selector.name.is_some() => Ok(text),
        Ok(_) => Err(query.problem(
            "expected a selector, such as http_requests_total{status=\"500\"}: functions and windows are added to it",
        )),
        Err(error) => Err(query.problem(format!("not PromQL: {error}"))),
    }
}

/// The only item of a list.
fn one_of<'a>(list: &Reader<'a>) -> Result<Reader<'a>, Problem> {
    match list.items()?.as_slice() {
        [one] => Ok(one.clone()),
        items => Err(list.problem(format!("expected one item, there are {}", items.len()))),
    }
}

fn rolling_days(window: &Reader<'_>) -> Result<u32, Problem> {
    let mut fields = window.fields()?;
    let duration = fields.required("duration")?;
    let rolling = fields.required("isRolling")?;
    fields.end()?;
    if !rolling.truth()? {
        return Err(rolling.problem("expected true: calendar windows are not known here"));
    }
    let days = duration.text()?.strip_suffix('d').and_then(|days| days.parse().ok());
    days.filter(|days| (7..=90).contains(days))
        .ok_or_else(|| duration.problem("expected days, from 7d to 90d, such as 30d"))
}

fn whole(number: &Reader<'_>, least: f64, most: f64) -> Result<u32, Problem> {
    let value = number.number()?;
    if value.fract() != 0.0 || !(least..=most).contains(&value) {
        return Err(number.problem(format!("expected a whole number from {least} to {most}")));
    }
    Ok(value as u32)
}

fn named(word: &Reader<'_>, fits: fn(&str) -> bool, form: &str) -> Result<String, Problem> {
    let text = word.text()?;
    if fits(&text) { Ok(text) } else { Err(word.problem(format!("expected {form}"))) }
}

fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= 63 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(inside)
}

fn is_alert(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"apiVersion: openslo/v1
kind: SLO
metadata:
  name: checkout-availability
  displayName: Orders are accepted
  annotations:
    firedrill/alert: CheckoutFails
    firedrill/dashboard: firedrill-orders
    firedrill/silence: page
spec:
  description: >-
    Of all orders,
    those that were not our fault.
  service: checkout
  indicator:
    metadata:
      name: checkout-availability
    spec:
      ratioMetric:
        counter: true
        bad:
          metricSource: {type: Prometheus, spec: {query: 'requests_total{status=~"5.."}'}}
        total:
          metricSource: {type: Prometheus, spec: {query: 'requests_total'}}
  timeWindow:
    - duration: 30d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - target: 0.999
"#;

    #[test]
    fn an_objective_is_read_whole() {
        let slos = read("a.yaml", &format!("{GOOD}---\n{GOOD}")).expect("two good ones");
        assert_eq!(slos.len(), 2);
        let slo = &slos[0];
        assert_eq!((slo.name.as_str(), slo.alert.as_str()), ("checkout-availability", "CheckoutFails"));
        assert_eq!(slo.description, "Of all orders, those that were not our fault.");
        assert_eq!((slo.budget(), slo.percent().as_str(), slo.days), (0.001, "99.9%", 30));
        assert_eq!((slo.evidence, slo.silence), (5, Some(Severity::Page)));
        assert!(matches!(&slo.indicator, Indicator::Bad { total, .. } if total == "requests_total"));
    }

    #[test]
    fn each_mistake_is_one_error_with_file_line_and_key() {
        for (from, to, place, word) in [
            ("openslo/v1", "openslo/v2", "a.yaml:1: apiVersion: ", "openslo/v1"),
            ("kind: SLO", "kind: Service", "a.yaml:2: kind: ", "known are SLO"),
            ("  name: checkout-", "  name: Checkout-", "a.yaml:4: metadata.name: ", "small letters"),
            (
                "    firedrill/silence: page\n",
                "",
                "a.yaml:6: metadata.annotations.firedrill/silence: ",
                "missing",
            ),
            (
                "firedrill/silence: page",
                "firedrill/silence: loud",
                "a.yaml:9: ",
                "known are page, ticket, none",
            ),
            ("target: 0.999", "target: 99.9", "a.yaml:30: spec.objectives[0].target: ", "0.999"),
            ("target: 0.999", "target: '0.999'", "a.yaml:30: spec.objectives[0].target: ", "number"),
            (
                "    - target: 0.999\n",
                "    - target: 0.9\n    - target: 0.99\n",
                "a.yaml:29: spec.objectives: ",
                "one item",
            ),
            ("counter: true", "counter: false", "a.yaml:20: ", "true"),
            ("'requests_total'", "'rate(requests_total[5m])'", "a.yaml:24: ", "selector"),
            ("'requests_total'", "'requests_total{'", "a.yaml:24: ", "not PromQL"),
            (
                "        bad:\n",
                "        worse:\n",
                "a.yaml:21: spec.indicator.spec.ratioMetric.worse: ",
                "known are",
            ),
            ("30d", "30m", "a.yaml:26: spec.timeWindow[0].duration: ", "30d"),
            ("isRolling: true", "isRolling: false", "a.yaml:27: ", "calendar"),
            ("Occurrences", "Timeslices", "a.yaml:30: spec.objectives[0].op: ", "missing"),
            (
                "  service: checkout\n",
                "  service: checkout\n  alertPolicies: []\n",
                "a.yaml:15: spec.alertPolicies: ",
                "known are",
            ),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let error = read("a.yaml", &text).expect_err(to).to_string();
            assert!(error.starts_with(place) && error.contains(word), "{to:?}: {error}");
        }
    }

    #[test]
    fn a_gauge_is_judged_by_time() {
        let text = GOOD.split("      ratioMetric").next().unwrap_or_default().to_owned()
            + "      thresholdMetric:\n        metricSource: {type: Prometheus, spec: {query: age_seconds}}\n"
            + "  timeWindow: [{duration: 30d, isRolling: true}]\n  budgetingMethod: Timeslices\n"
            + "  objectives: [{target: 0.99, op: lte, value: 30, timeSliceWindow: 1m}]\n";
        let slos = read("a.yaml", &text).expect("a good one");
        let expected = Indicator::Threshold { gauge: "age_seconds".into(), good: Side::AtMost, bound: 30.0 };
        assert_eq!(slos[0].indicator, expected);
        let error = read("a.yaml", &text.replace("Timeslices", "Occurrences")).expect_err("events");
        assert!(error.to_string().contains("objectives[0].op"), "{error}");
    }
}
