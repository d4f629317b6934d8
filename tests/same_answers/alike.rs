//! Whether two answers are the same, but for the moment at which a page was scraped.

use std::collections::BTreeMap;

use query::{Labels, LogEntry, prometheus::Data};

/// Two scrapes up to a second apart, of a window of half a minute and more: the share that a rate may differ by. Gauges
/// of processes at rest move less.
const WITHIN: f64 = 0.08;
/// Below this, a difference says nothing: a hundredth of a request, of a second, of a per cent.
const NOTHING: f64 = 0.01;

/// Both have the same series with the same values. Where only the largest were asked for, the least of them are left out:
/// which of the series that have this value are among them is not determined.
///
/// # Errors
/// What is different.
pub(super) fn same_numbers(expr: &str, real: Data, ours: Data) -> Result<(), String> {
    let (mut real, mut ours) = (by_labels(real), by_labels(ours));
    if expr.contains("topk(") {
        above_the_least(&mut real);
        above_the_least(&mut ours);
    }
    let only = |of: &BTreeMap<Labels, f64>, not: &BTreeMap<Labels, f64>| -> Vec<String> {
        of.iter().filter(|(labels, _)| !not.contains_key(*labels)).map(|l| format!("{l:?}")).collect()
    };
    let (only_real, only_ours) = (only(&real, &ours), only(&ours, &real));
    if !only_real.is_empty() || !only_ours.is_empty() {
        return Err(format!("only real: {only_real:?}, only embedded: {only_ours:?}"));
    }
    let differ = |(labels, real): (&Labels, &f64)| {
        let ours = ours[labels];
        (!alike(*real, ours)).then(|| format!("{labels:?}: real {real}, embedded {ours}"))
    };
    let different: Vec<String> = real.iter().filter_map(differ).collect();
    if different.is_empty() { Ok(()) } else { Err(different.join("; ")) }
}

fn above_the_least(series: &mut BTreeMap<Labels, f64>) {
    let least = series.values().copied().fold(f64::INFINITY, f64::min);
    series.retain(|_, value| *value > least);
}

fn by_labels(data: Data) -> BTreeMap<Labels, f64> {
    data.into_samples().into_iter().map(|sample| (sample.labels, sample.point.value)).collect()
}

fn alike(real: f64, ours: f64) -> bool {
    let difference = (real - ours).abs();
    real == ours
        || (real.is_nan() && ours.is_nan())
        || difference <= NOTHING
        || (difference.is_finite() && difference <= WITHIN * real.abs().max(ours.abs()))
}

/// Both have the same lines with the same labels and metadata. Where there are as many as were asked for, the oldest
/// moment is left out: which of its lines are among them is not determined.
///
/// # Errors
/// What is different.
pub(super) fn same_lines(real: &[LogEntry], ours: &[LogEntry], limit: usize) -> Result<(), String> {
    let (real, ours) = (comparable(real, limit), comparable(ours, limit));
    if real == ours {
        return Ok(());
    }
    let first = real.iter().zip(&ours).find(|(real, ours)| real != ours);
    Err(format!("{} and {} lines, the first that differs: {first:#?}", real.len(), ours.len()))
}

fn comparable(lines: &[LogEntry], limit: usize) -> Vec<(i64, &str, Labels)> {
    let oldest = lines.iter().map(|line| line.time).min();
    let kept = lines.iter().filter(|line| lines.len() < limit || Some(line.time) != oldest);
    let all_labels = |line: &LogEntry| {
        let labels = line.labels.iter().chain(&line.metadata);
        labels.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let mut kept: Vec<_> = kept.map(|line| (line.time.0, line.line.as_str(), all_labels(line))).collect();
    kept.sort();
    kept
}

#[test]
fn what_two_scrapes_can_make_of_a_rate_is_alike_and_no_more() {
    assert!(alike(f64::NAN, f64::NAN) && alike(f64::INFINITY, f64::INFINITY) && alike(100.0, 95.0));
    assert!(!alike(100.0, 90.0) && !alike(1.0, f64::NAN) && !alike(f64::INFINITY, 1.0) && !alike(0.0, 0.1));
}
