//! Each function by its documented definition, on samples made by hand.

mod steps;

use std::time::{Duration, Instant};

use super::value::{Grid, Value, is_present};
use super::{Answer, LOOKBACK_MS, Options, Query, QueryError, Source, instant, parse, range};
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::store::samples::{SeriesView, stale};

/// Series given as `name{a="b"}` and values one step of 10 s apart, from time 0.
struct Fixed(Vec<SeriesView>);

impl Source for Fixed {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesView> {
        let has_samples = |s: &SeriesView| {
            let mut samples = Vec::new();
            s.read(start, end, &mut samples);
            !samples.is_empty()
        };
        let wanted =
            |s: &&SeriesView| matchers.iter().all(|m| m.matches(s.labels.get(&m.name))) && has_samples(s);
        self.0.iter().filter(wanted).cloned().collect()
    }
}

fn series(pairs: &[(&str, &str)], values: &[f64]) -> SeriesView {
    let samples = values.iter().enumerate().filter(|(_, v)| **v != -999.0);
    SeriesView::from_samples(
        Labels::new(pairs.iter().copied()),
        samples.map(|(i, v)| (i as i64 * 10_000, *v)),
    )
}

fn source() -> Fixed {
    let mut all = vec![
        series(&[("__name__", "c"), ("i", "1"), ("j", "x")], &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
        series(&[("__name__", "c"), ("i", "2"), ("j", "x")], &[5.0, 10.0, 0.0, 5.0, 10.0, 15.0, 20.0]),
        series(&[("__name__", "g"), ("i", "1")], &[1.0, 5.0, 3.0, 3.0, 2.0, 9.0, 4.0]),
        series(&[("__name__", "g"), ("i", "3")], &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, f64::NAN]),
        series(&[("__name__", "gone"), ("i", "1")], &[1.0, 1.0, 1.0, stale()]),
        series(&[("__name__", "info"), ("i", "1"), ("version", "v7")], &[1.0; 7]),
        series(&[("__name__", "info"), ("i", "2"), ("version", "v8")], &[1.0; 7]),
    ];
    for (le, n) in [("0.1", 10.0), ("0.5", 40.0), ("1.0", 90.0), ("+Inf", 100.0)] {
        all.push(series(&[("__name__", "h_bucket"), ("le", le)], &[n; 7]));
    }
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    Fixed(all)
}

fn options() -> Options {
    Options {
        deadline: Instant::now() + Duration::from_secs(60),
        points: 1_000_000,
        lookback_ms: LOOKBACK_MS,
        subquery_step_ms: super::SUBQUERY_STEP_MS,
    }
}

fn value(answer: Result<Answer, QueryError>) -> Result<Value, QueryError> {
    answer.map(|a| a.value)
}

/// The answer at 60 s, as `{labels} value` lines.
fn at_60(query: &str) -> Vec<String> {
    try_at_60(query).unwrap_or_else(|e| panic!("{query}: {e}"))
}

fn try_at_60(query: &str) -> Result<Vec<String>, QueryError> {
    Ok(match instant(&source(), &Query::new(query)?, 60_000, options())?.value {
        Value::Scalar(v) => vec![v[0].to_string()],
        Value::Vector(rows) => rows
            .iter()
            .filter(|r| is_present(r.points[0]))
            .map(|r| format!("{} {}", r.labels, round(r.points[0])))
            .collect(),
        Value::Matrix(rows) => rows.iter().map(|r| format!("{} {}", r.labels, r.samples.len())).collect(),
        Value::Text(text) => vec![text],
    })
}

/// Hides the last bits, which are the platform's.
fn round(v: f64) -> f64 {
    if v.is_finite() { (v * 1e9).round() / 1e9 } else { v }
}

#[test]
fn rate_extrapolates_to_the_edges_and_counts_resets() {
    // 30 s hold (30, 60]: samples at 40, 50, 60. The first is 10 s from the edge, as far as samples are apart.
    assert_eq!(at_60(r#"rate(c{i="1"}[30s])"#), [r#"{i="1", j="x"} 1"#]);
    assert_eq!(at_60(r#"increase(c{i="1"}[30s])"#), [r#"{i="1", j="x"} 30"#]);
    // (0, 60]: 10, 0, 5, 10, 15, 20 with one reset: 10 + 20 = 20 over 50 s, 10 s to the edge, zero is 25 s away.
    assert_eq!(at_60(r#"increase(c{i="2"}[60s])"#), [r#"{i="2", j="x"} 24"#]);
    assert_eq!(at_60(r#"delta(g{i="1"}[30s])"#), [r#"{i="1"} 3"#]);
    assert_eq!(at_60(r#"irate(c{i="2"}[60s])"#), [r#"{i="2", j="x"} 0.5"#]);
    assert_eq!(at_60(r#"idelta(g{i="1"}[60s])"#), [r#"{i="1"} -5"#]);
}

#[test]
fn a_counter_is_not_extrapolated_below_zero() {
    // (20, 60]: 0 would be reached 30 s before the first sample at 30: no bound. From a value of 1 it is near.
    let source = Fixed(vec![series(&[("__name__", "n")], &[-999.0, -999.0, -999.0, 1.0, 11.0, 21.0, 31.0])]);
    let query = Query::new("increase(n[40s])").expect("valid");
    let Ok(Value::Vector(rows)) = value(instant(&source, &query, 60_000, options())) else {
        panic!("no vector")
    };
    assert_eq!(round(rows[0].points[0]), 31.0);
}

#[test]
fn a_rate_needs_two_samples_and_a_range_is_open_on_the_left() {
    assert!(at_60("rate(c[10s])").is_empty());
    assert_eq!(at_60(r#"count_over_time(c{i="1"}[20s])"#), [r#"{i="1", j="x"} 2"#]);
    assert_eq!(at_60(r#"c{i="1"}[20s]"#), [r#"{__name__="c", i="1", j="x"} 2"#]);
}

#[test]
fn functions_over_time_follow_their_definitions() {
    for (function, value) in [
        ("sum_over_time", "26"),
        ("avg_over_time", "4.333333333"),
        ("min_over_time", "2"),
        ("max_over_time", "9"),
        ("count_over_time", "6"),
        ("stdvar_over_time", "5.222222222"),
        ("changes", "4"),
        ("resets", "3"),
        ("present_over_time", "1"),
    ] {
        assert_eq!(
            at_60(&format!(r#"{function}(g{{i="1"}}[60s])"#)),
            [format!(r#"{{i="1"}} {value}"#)],
            "{function}"
        );
    }
    assert_eq!(at_60(r#"last_over_time(g{i="1"}[60s])"#), [r#"{__name__="g", i="1"} 4"#]);
    assert_eq!(at_60(r#"first_over_time(g{i="1"}[60s])"#), [r#"{__name__="g", i="1"} 5"#]);
    assert_eq!(at_60(r#"quantile_over_time(0.5, g{i="1"}[60s])"#), [r#"{i="1"} 3.5"#]);
    assert_eq!(at_60(r#"max_over_time(rate(c{i="1"}[20s])[30s:10s])"#), [r#"{i="1", j="x"} 1"#]);
    // Without a step: every minute, which is Prometheus' default evaluation interval.
    assert_eq!(at_60("count_over_time(vector(1)[3m:])"), ["{} 3"]);
}

#[test]
fn a_stale_series_is_gone_at_once_and_others_stay_for_the_lookback() {
    assert!(at_60("gone").is_empty());
    assert_eq!(at_60("count_over_time(gone[5m])"), [r#"{i="1"} 3"#]);
    let late = |t| match value(instant(&source(), &Query::new(r#"g{i="1"}"#).expect("valid"), t, options())) {
        Ok(Value::Vector(rows)) => rows.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((late(60_000 + 299_999), late(60_000 + 300_000)), (1, 0));
}

#[test]
fn offset_and_at_shift_where_a_selector_looks() {
    assert_eq!(at_60(r#"c{i="1"} offset 20s"#), [r#"{__name__="c", i="1", j="x"} 40"#]);
    assert_eq!(at_60(r#"c{i="1"} @ 30"#), [r#"{__name__="c", i="1", j="x"} 30"#]);
    assert_eq!(at_60(r#"timestamp(c{i="1"} offset 15s)"#), [r#"{i="1", j="x"} 40"#]);
}

#[test]
fn aggregations_group_by_and_without() {
    assert_eq!(at_60("sum(c)"), ["{} 80"]);
    assert_eq!(at_60("sum by (i) (c)"), [r#"{i="1"} 60"#, r#"{i="2"} 20"#]);
    assert_eq!(at_60("max without (i) (c)"), [r#"{j="x"} 60"#]);
    assert_eq!(at_60("avg(c)"), ["{} 40"]);
    assert_eq!(at_60("count by (j, none) (c)"), [r#"{j="x"} 2"#]);
    assert_eq!(at_60("min(g)"), ["{} 4"]);
    assert_eq!(at_60("stddev(c)"), ["{} 20"]);
    assert_eq!(at_60("group(c)"), ["{} 1"]);
    assert_eq!(at_60("quantile(0.25, c)"), ["{} 30"]);
    assert_eq!(at_60("topk(1, c)"), [r#"{__name__="c", i="1", j="x"} 60"#]);
    assert_eq!(at_60("bottomk(1, g)"), [r#"{__name__="g", i="1"} 4"#]);
    assert!(at_60("topk(0, c)").is_empty());
}

#[test]
fn values_are_counted_with_the_value_as_a_label() {
    assert_eq!(at_60(r#"count_values("v", info)"#), [r#"{v="1"} 2"#]);
    assert_eq!(
        at_60(r#"count_values by (i) ("v", c / 8)"#),
        [r#"{i="1", v="7.5"} 1"#, r#"{i="2", v="2.5"} 1"#]
    );
    assert_eq!(at_60(r#"count_values without (i) ("j", c)"#), [r#"{j="60"} 1"#, r#"{j="20"} 1"#]);
    assert!(try_at_60(r#"count_values("", c)"#).is_err());
}

#[test]
fn k_must_be_a_number_that_an_integer_holds() {
    assert!(at_60("topk(-Inf, c)").is_empty());
    for (query, said) in [
        ("topk(NaN, c)", "Parameter value is NaN"),
        ("bottomk(1e30, c)", "Scalar value 1e+30 overflows int64"),
    ] {
        assert_eq!(try_at_60(query).expect_err(query).to_string(), said);
    }
}

#[test]
fn operators_match_one_to_one_and_drop_the_name() {
    assert_eq!(at_60("c * 2"), [r#"{i="1", j="x"} 120"#, r#"{i="2", j="x"} 40"#]);
    assert_eq!(at_60("c - ignoring(j) g"), [r#"{i="1"} 56"#]);
    assert_eq!(at_60("c / on(i) g"), [r#"{i="1"} 15"#]);
    assert_eq!(at_60("-1 ^ 2"), ["-1"]);
    assert_eq!(at_60("2 ^ 3 ^ 2"), ["512"]);
    assert_eq!(at_60("-5 % 3"), ["-2"]);
    assert_eq!(at_60(r#"-c{i="1"}"#), [r#"{i="1", j="x"} -60"#]);
}

#[test]
fn comparisons_filter_or_answer_bool() {
    assert_eq!(at_60("c > 30"), [r#"{__name__="c", i="1", j="x"} 60"#]);
    assert_eq!(at_60("30 < c"), [r#"{__name__="c", i="1", j="x"} 60"#]);
    assert_eq!(at_60("c > bool 30"), [r#"{i="1", j="x"} 1"#, r#"{i="2", j="x"} 0"#]);
    assert_eq!(at_60("1 > bool 2"), ["0"]);
}

#[test]
fn grouping_takes_labels_from_the_one_side() {
    assert_eq!(
        at_60("c * on(i) group_left(version) info"),
        [r#"{i="1", j="x", version="v7"} 60"#, r#"{i="2", j="x", version="v8"} 20"#]
    );
    assert_eq!(
        at_60("info * on(i) group_right(version) c"),
        [r#"{i="1", j="x", version="v7"} 60"#, r#"{i="2", j="x", version="v8"} 20"#]
    );
    let many = try_at_60("c * on(j) c").expect_err("ambiguous").to_string();
    assert!(many.contains("found duplicate series for the match group"), "{many}");
    let one = try_at_60(r#"c * on(j) c{i="1"}"#).expect_err("ambiguous").to_string();
    assert!(one.starts_with("multiple matches for labels: many-to-one"), "{one}");
}

#[test]
fn what_does_not_meet_another_needs_no_match() {
    // Both pairs of the second are matches, though a comparison keeps neither.
    assert!(try_at_60("c > on(j) c{i=\"1\"} * 9").is_err());
    assert!(at_60("nothing * on(j) c").is_empty());
}

#[test]
fn sets_compare_signatures() {
    assert_eq!(at_60("c and on(i) g"), [r#"{__name__="c", i="1", j="x"} 60"#]);
    assert_eq!(at_60("c unless on(i) g"), [r#"{__name__="c", i="2", j="x"} 20"#]);
    assert_eq!(at_60(r#"c or on(i) g"#).len(), 3);
    assert_eq!(at_60("vector(1) or c").len(), 3);
}

#[test]
fn histogram_quantile_interpolates_within_the_bucket() {
    assert_eq!(at_60("histogram_quantile(0.5, h_bucket)"), ["{} 0.6"]);
    assert_eq!(at_60("histogram_quantile(0.05, h_bucket)"), ["{} 0.05"]);
    assert_eq!(at_60("histogram_quantile(0.99, h_bucket)"), ["{} 1"]);
    assert_eq!(at_60("histogram_quantile(2, h_bucket)"), ["{} inf"]);
    assert_eq!(at_60(r#"histogram_quantile(0.5, h_bucket{le!="+Inf"})"#), ["{} NaN"]);
}

#[test]
fn a_fraction_interpolates_between_the_buckets_that_hold_its_ends() {
    assert_eq!(at_60("histogram_fraction(0, 0.1, h_bucket)"), ["{} 0.1"]);
    assert_eq!(at_60("histogram_fraction(0.3, 0.75, h_bucket)"), ["{} 0.4"]);
    assert_eq!(at_60("histogram_fraction(-Inf, Inf, h_bucket)"), ["{} 1"]);
    assert_eq!(at_60("histogram_fraction(2, 1, h_bucket)"), ["{} 0"]);
    assert_eq!(at_60("histogram_fraction(NaN, 1, h_bucket)"), ["{} NaN"]);
}

#[test]
fn functions_of_vectors_and_scalars() {
    assert_eq!(at_60("deg(vector(pi()))"), ["{} 180"]);
    assert_eq!(at_60("rad(vector(180))"), ["{} 3.141592654"]);
    assert_eq!(at_60("sin(vector(pi() / 6))"), ["{} 0.5"]);
    assert_eq!(at_60("acosh(cosh(vector(2)))"), ["{} 2"]);
    assert_eq!(at_60("minute()"), ["{} 1"]);
    assert_eq!(at_60("day_of_month(vector(86400))"), ["{} 2"]);
    assert_eq!(at_60(r#"label_join(g{i="1"}, "k", "-", "i", "i")"#), [r#"{__name__="g", i="1", k="1-1"} 4"#]);
    assert_eq!(at_60("time()"), ["60"]);
    assert_eq!(at_60("vector(3)"), ["{} 3"]);
    assert_eq!(at_60(r#"scalar(c{i="1"})"#), ["60"]);
    assert_eq!(at_60("scalar(c)"), ["NaN"]);
    assert_eq!(at_60("round(vector(2.5))"), ["{} 3"]);
    assert_eq!(at_60("round(vector(1.27), 0.1)"), ["{} 1.3"]);
    assert_eq!(at_60("floor(vector(-1.5))"), ["{} -2"]);
    assert_eq!(at_60("ceil(vector(-1.5))"), ["{} -1"]);
    assert_eq!(at_60("abs(vector(-1.5))"), ["{} 1.5"]);
    assert_eq!(at_60("clamp(vector(7), 1, 5)"), ["{} 5"]);
    assert!(at_60("clamp(vector(7), 5, 1)").is_empty());
    assert_eq!(at_60("clamp_min(vector(7), 9)"), ["{} 9"]);
    assert_eq!(at_60("clamp_max(vector(7), 5)"), ["{} 5"]);
    assert_eq!(at_60(r#"absent(nothing{a="b", c!="d"})"#), [r#"{a="b"} 1"#]);
    assert!(at_60("absent(c)").is_empty());
    assert_eq!(at_60("sort_desc(g)")[0], r#"{__name__="g", i="1"} 4"#);
    assert_eq!(
        at_60(r#"label_replace(c{i="1"}, "k", "$1-y", "j", "(.*)")"#),
        [r#"{__name__="c", i="1", j="x", k="x-y"} 60"#]
    );
    let clash = try_at_60(r#"label_replace(c, "i", "same", "i", ".*")"#).expect_err("clash");
    assert_eq!(clash.to_string(), "vector cannot contain metrics with the same labelset");
}

#[test]
fn a_range_query_answers_each_step_as_an_instant_query_would() {
    let grid = Grid::range(0, 60_000, 7_000);
    for query in
        ["rate(c[30s])", "sum by (i) (c)", "c > 20", "topk(1, g)", "c * on(i) g", "gone", "c and on(i) gone"]
    {
        let parsed = Query::new(query).expect("valid");
        let Ok(Value::Vector(rows)) = value(range(&source(), &parsed, grid, options())) else {
            panic!("{query}")
        };
        for (i, t) in grid.times().enumerate() {
            let Ok(Value::Vector(single)) = value(instant(&source(), &parsed, t, options())) else {
                panic!("{query}")
            };
            let mut at_step: Vec<_> = rows
                .iter()
                .filter(|r| is_present(r.points[i]))
                .map(|r| (r.labels.clone(), r.points[i].to_bits()))
                .collect();
            let mut expected: Vec<_> =
                single.iter().map(|r| (r.labels.clone(), r.points[0].to_bits())).collect();
            at_step.sort();
            expected.sort();
            assert_eq!(at_step, expected, "{query} at {t}");
        }
    }
}

#[test]
fn what_is_not_there_yet_is_an_error_that_names_it() {
    for (query, named) in [
        (
            "double_exponential_smoothing(c[1m], 0.5, 0.5)",
            "1:1: parse error: function \"double_exponential_smoothing\" is not enabled",
        ),
        ("1 + limitk(1, c)", "1:5: parse error: limitk() is experimental"),
        ("histogram_avg(c)", "native histograms"),
    ] {
        let error = try_at_60(query).expect_err("not there").to_string();
        assert!(error.contains(named), "{query}: {error}");
    }
    assert!(matches!(try_at_60("sum("), Err(QueryError::Bad(_))));
    assert!(matches!(parse(&"(".repeat(500)), Err(QueryError::Bad(_))));
}

#[test]
fn a_query_that_would_hold_too_much_is_refused() {
    let few = Options { points: 1, ..options() };
    let refused = instant(&source(), &Query::new("c").expect("valid"), 60_000, few);
    assert!(matches!(refused, Err(QueryError::TooMuch)), "{refused:?}");
}

#[test]
fn labels_that_double_are_refused_before_they_are_there() {
    let nested = |call: fn(&str) -> String| {
        let start = r#"label_join(c{i="1"}, "x", "-", "i", "i")"#.to_owned();
        try_at_60(&(0..60).fold(start, |inner, _| call(&inner)))
    };
    let replaced = nested(|inner| format!(r#"label_replace({inner}, "x", "$1$1", "x", "(.*)")"#));
    assert!(matches!(replaced, Err(QueryError::TooMuch)), "{replaced:?}");
    let joined = nested(|inner| format!(r#"label_join({inner}, "x", ",", "x", "x")"#));
    assert!(matches!(joined, Err(QueryError::TooMuch)), "{joined:?}");
}

#[test]
fn durations_of_any_length_are_answered() {
    let long = "292y";
    for query in [
        format!("g offset {long}"),
        format!("g offset -{long}"),
        format!("rate(c[{long}])"),
        format!("rate(c[5m] offset {long})"),
        format!("max_over_time(g[{long}:{long}] offset {long})"),
        format!("max_over_time(max_over_time(g[{long}:{long}] offset {long})[{long}:{long}] offset {long})"),
        format!("max_over_time((g offset {long})[{long}:1ms] offset -{long})"),
        format!("sum_over_time(g[1m:{long}])"),
        "g @ -9223372036854775".to_owned(),
        "rate(c[5m] @ 9223372036854775)".to_owned(),
    ] {
        let parsed = Query::new(&query).unwrap_or_else(|e| panic!("{query}: {e}"));
        for t in [0, 60_000, 9_000_000_000_000_000] {
            let _ = instant(&source(), &parsed, t, options());
        }
    }
}

#[test]
fn a_duration_that_is_none_is_refused() {
    for query in ["g offset NaN", "g offset -Inf", "g[200000000y]", "g offset (1m / (2 - 2))"] {
        assert!(matches!(Query::new(query), Err(QueryError::Bad(_))), "{query}");
    }
}

#[test]
fn a_window_function_ends_at_its_deadline() {
    let query = Query::new("quantile_over_time(0.5, g[1h])").expect("valid");
    let samples = (0..60_000).map(|i| (i * 1000, (i % 977) as f64));
    let source = Fixed(vec![SeriesView::from_samples(Labels::new([("__name__", "g")]), samples)]);
    let options = Options { deadline: Instant::now() + Duration::from_millis(50), ..options() };
    let grid = Grid::range(3_600_000, 13_599_990, 10);
    assert_eq!(range(&source, &query, grid, options).err(), Some(QueryError::TimedOut));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_query_panic(text in "\\PC{0,60}", tail in "[a-z0-9(){}\\[\\]\"=~!,:@+*/ -]{0,40}") {
        let _ = try_at_60(&text);
        let _ = try_at_60(&format!("sum(rate(c[1m])) {tail}"));
    }
}
