//! The notation of `promtool test rules`: samples and questions in, results out.
//!
//! Its tests compare and say nothing of what they see, unless the two differ. So each question expects what cannot be,
//! and the answer is read from the complaint.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Case, Stretch};

/// A result: labels and value of each of its samples.
pub(super) type Samples = Vec<(BTreeMap<String, String>, f64)>;

/// The file of a test: the samples, and each question with its moment in seconds.
pub(super) fn test_file(case: &Case, rules: &str, questions: &[(String, u32)]) -> String {
    let mut out = format!(
        "rule_files: [{rules}]\nevaluation_interval: {step}s\ntests:\n  - interval: {step}s\n    input_series:\n",
        step = case.step
    );
    if case.series.is_empty() {
        out = out.replace("    input_series:\n", "    input_series: []\n");
    }
    for series in &case.series {
        let _ = writeln!(out, "      - series: {}", quoted(&series.name));
        let _ = writeln!(
            out,
            "        values: '{}'",
            series.stretches.iter().map(stretch).collect::<Vec<_>>().join(" ")
        );
    }
    out.push_str("    promql_expr_test:\n");
    for (expr, at) in questions {
        let _ = writeln!(out, "      - expr: {}", quoted(expr));
        let _ = writeln!(out, "        eval_time: {at}s");
        out.push_str("        exp_samples: [{labels: 'never_there', value: 0}]\n");
    }
    out
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\n', " ").replace('\'', "''"))
}

fn stretch(stretch: &Stretch) -> String {
    match stretch {
        Stretch::Ramp { first, count: 1, .. } => format!("{first}"),
        Stretch::Ramp { first, by, count } if *by < 0.0 => format!("{first}-{}x{}", -by, count - 1),
        Stretch::Ramp { first, by, count } => format!("{first}+{by}x{}", count - 1),
        Stretch::Gap(1) => "stale".to_owned(),
        Stretch::Gap(count) => format!("stale _x{}", count - 1),
    }
}

/// The results of so many questions, in their order, from what promtool printed; none if it printed something else.
pub(super) fn results(printed: &str, questions: usize) -> Option<Vec<Samples>> {
    let lines = printed.lines().filter_map(|line| line.trim().strip_prefix("got: "));
    let all = lines.map(samples).collect::<Option<Vec<_>>>()?;
    (all.len() == questions).then_some(all)
}

/// `nil`, or `{a="b"} 1E+00, {a="c"} 2E+00`.
fn samples(text: &str) -> Option<Samples> {
    let mut all = Samples::new();
    let mut rest = text.trim();
    if rest == "nil" {
        return Some(all);
    }
    while !rest.is_empty() {
        let (labels, after) = labels(rest.strip_prefix('{')?)?;
        let end = after.find(", {").unwrap_or(after.len());
        all.push((labels, after[..end].trim().parse().ok()?));
        rest = after[end..].trim_start_matches(", ");
    }
    Some(all)
}

/// The labels up to the closing brace, and what follows it.
fn labels(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next()? {
                (_, '\\') => value.push(chars.next()?.1),
                (at, '"') => break at,
                (_, c) => value.push(c),
            }
        };
        labels.insert(name.trim_start_matches(", ").trim_matches('"').to_owned(), value);
        rest = &after[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_promtool_complains_of_is_read() {
        let printed = "  FAILED:\n    expr: \"a\", time: 40m,\n        exp: {__name__=\"never_there\"} 0E+00\n        \
                       got: {alertname=\"A\", tier=\"a, {b\\\"\"} 6.6E+02, {alertname=\"B\"} +Inf\n    \
                       expr: \"b\", time: 40m,\n        exp: {} 0E+00\n        got: nil\n";
        let results = results(printed, 2).expect("two results");
        assert_eq!(results[0].len(), 2);
        assert_eq!(results[0][0].0["tier"], "a, {b\"");
        assert_eq!((results[0][0].1, results[0][1].1), (660.0, f64::INFINITY));
        assert!(results[1].is_empty());
        assert!(super::results(printed, 3).is_none(), "one answer is missing");
    }

    #[test]
    fn stretches_are_written_in_its_notation() {
        let written = [
            Stretch::Ramp { first: 0.0, by: 0.0, count: 1 },
            Stretch::Ramp { first: 600.0, by: 0.5, count: 11 },
            Stretch::Ramp { first: 3.0, by: -1.0, count: 3 },
            Stretch::Gap(1),
            Stretch::Gap(5),
        ];
        let text: Vec<String> = written.iter().map(stretch).collect();
        assert_eq!(text, ["0", "600+0.5x10", "3-1x2", "stale", "stale _x4"]);
    }
}
