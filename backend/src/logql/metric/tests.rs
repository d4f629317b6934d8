use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bounds, Grid, MetricError, Source, Value, evaluate};
use crate::labels::Labels;
use crate::logql::metric::samples::Collector;
use crate::logql::{Expr, Query, parse};
use crate::store::logs::Entry;
use crate::store::segment::ReadError;

/// Lines `n=<second>` every ten seconds from 0 to 60, of two streams in turn.
struct Lines;

impl Source for Lines {
    fn read(&self, query: &Query, times: Range<i64>, collector: &mut Collector<'_>) -> Result<(), ReadError> {
        for i in 0..=6 {
            let stream = Arc::new(Labels::new([("app", "a"), ("side", ["l", "r"][i as usize % 2])]));
            let ts_ns = i * 10_000_000_000;
            let is_asked = query.selector.iter().all(|m| m.matches(stream.get(&m.name)));
            if times.contains(&ts_ns) && is_asked {
                let line = format!("n={}", i * 10);
                if collector.plan().wants(&line) {
                    collector.take(&Entry { stream: &stream, ts_ns, line: &line, metadata: &[] });
                }
            }
        }
        Ok(())
    }
}

fn bounds() -> Bounds {
    let deadline = Instant::now() + Duration::from_secs(60);
    Bounds { samples: 100, labels_bytes: 100_000, points: 1000, series: 3, deadline }
}

fn ask(query: &str) -> Result<Vec<String>, MetricError> {
    let Ok(Expr::Metric(metric)) = parse(query) else { panic!("{query} is no metric query") };
    let grid = Grid { start: 30_000_000_000, step: 30_000_000_000, len: 2 };
    Ok(match evaluate(&metric, grid, &Lines, bounds())? {
        Value::Scalar(n) => vec![n.to_string()],
        Value::Vector(series) => series
            .iter()
            .map(|s| {
                let points = s.points.iter().map(|p| p.map_or("-".to_owned(), |v| v.to_string()));
                format!("{} {}", s.labels, points.collect::<Vec<_>>().join(" "))
            })
            .collect(),
    })
}

fn is(query: &str, expected: &[&str]) {
    assert_eq!(ask(query).expect(query), expected, "{query}");
}

#[test]
fn windows_end_with_the_step_and_begin_behind_their_first_instant() {
    is(r#"sum(count_over_time({app="a"}[30s]))"#, &["{} 3 3"]);
    is(r#"count_over_time({app="a"}[10s])"#, &[r#"{app="a", side="l"} - 1"#, r#"{app="a", side="r"} 1 -"#]);
    is(r#"sum(count_over_time({app="a"}[30s] offset 30s))"#, &["{} 1 3"]);
    is(r#"sum(rate({app="a"}[20s]))"#, &["{} 0.1 0.1"]);
    is(r#"sum(bytes_over_time({app="a"}[1m]))"#, &["{} 15 24"]);
    is(r#"absent_over_time({app="b"}[1m])"#, &[r#"{app="b"} 1 1"#]);
}

#[test]
fn unwrapped_values_are_summed_up_in_many_ways() {
    let over = |op: &str| format!(r#"{op}({{app="a"}} | logfmt | unwrap n [30s]) by (app)"#);
    for (op, values) in [
        ("avg_over_time", "20 50"),
        ("min_over_time", "10 40"),
        ("max_over_time", "30 60"),
        ("first_over_time", "10 40"),
        ("last_over_time", "30 60"),
        ("stdvar_over_time", "66.66666666666667 66.66666666666667"),
    ] {
        is(&over(op), &[&format!(r#"{{app="a"}} {values}"#)]);
    }
    is(r#"sum(sum_over_time({app="a"} | logfmt | unwrap n [30s]))"#, &["{} 60 150"]);
    is(r#"quantile_over_time(0.25, {app="a"} | logfmt | unwrap n [30s]) by (app)"#, &[r#"{app="a"} 15 45"#]);
}

#[test]
fn aggregations_group_select_and_count() {
    is(r#"max by (app) (count_over_time({app="a"}[30s]))"#, &[r#"{app="a"} 2 2"#]);
    is(r#"count without (side) (count_over_time({app="a"}[30s]))"#, &[r#"{app="a"} 2 2"#]);
    is(
        r#"topk(1, count_over_time({app="a"}[30s]))"#,
        &[r#"{app="a", side="l"} - 2"#, r#"{app="a", side="r"} 2 -"#],
    );
    is(r#"label_replace(sum(rate({app="a"}[10s])), "x", "y", "z", "")"#, &[r#"{x="y"} 0.1 0.1"#]);
}

#[test]
fn operators_match_series_by_their_labels() {
    let count = r#"count_over_time({app="a"}[30s])"#;
    is(&format!("{count} * 2 > 3"), &[r#"{app="a", side="l"} - 4"#, r#"{app="a", side="r"} 4 -"#]);
    is(&format!("sum({count}) / 0"), &["{} NaN NaN"]);
    is(
        &format!("{count} / on(app) group_left sum by (app) ({count}) == bool 0.5"),
        &[r#"{app="a", side="l"} 0 0"#, r#"{app="a", side="r"} 0 0"#],
    );
    is(
        &format!("{count} and on(side) count_over_time({{side=\"l\"}}[30s])"),
        &[r#"{app="a", side="l"} 1 2"#],
    );
    is(
        &format!("{count} unless on(side) count_over_time({{side=\"l\"}}[30s])"),
        &[r#"{app="a", side="r"} 2 1"#],
    );
    is(&format!("sum({count}) or vector(1)"), &["{} 3 3"]);
    let many = ask(&format!("{count} / on(app) sum by (app) ({count})"));
    assert!(many.is_err_and(|e| e.to_string().contains("many-to-one")));
}

#[test]
fn lines_that_cannot_be_read_fail_the_query_unless_filtered_out() {
    let error = ask(r#"sum by (n) (rate({app="a"} | json [30s]))"#).expect_err("no JSON").to_string();
    assert!(error.starts_with("pipeline error: 'JSONParserErr' for series: '{__error__="), "{error}");
    // Nothing of the line is asked for: it is not read.
    is(r#"sum(rate({app="a"} | json [30s]))"#, &["{} 0.1 0.1"]);
    is(
        r#"sum by (__error__) (count_over_time({app="a"} | json [30s]))"#,
        &[r#"{__error__="JSONParserErr"} 3 3"#],
    );
    is(r#"sum(rate({app="a"} | json | __error__="" [30s]))"#, &[]);
    is(r#"sum_over_time({app="a"} | logfmt | unwrap n | n > 100 [30s])"#, &[]);
}

#[test]
fn an_answer_is_bounded() {
    let error = ask(r#"count_over_time({app="a"} | logfmt [1m])"#).expect_err("seven series").to_string();
    assert!(error.starts_with("maximum number of series (3) reached"), "{error}");
    let bounded = |query: &str, bounds: Bounds| {
        let Ok(Expr::Metric(metric)) = parse(query) else { panic!("{query} is no metric query") };
        let grid = Grid { start: 30_000_000_000, step: 30_000_000_000, len: 2 };
        evaluate(&metric, grid, &Lines, bounds).expect_err("too much").to_string()
    };
    let query = r#"count_over_time({app="a"} | logfmt [1m])"#;
    assert!(bounded(query, Bounds { samples: 2, ..bounds() }).contains("more than 2 samples"));
    assert!(bounded(query, Bounds { points: 5, ..bounds() }).contains("series of 2 steps each"));
    assert!(bounded(query, Bounds { labels_bytes: 900, ..bounds() }).contains("more than 900 bytes"));
    let doubled = (0..40).fold(r#"vector(1)"#.to_owned(), |inner, i| {
        let with = if i == 0 { "aa" } else { "$1$1" };
        format!(r#"label_replace({inner}, "x", "{with}", "x", "(.*)")"#)
    });
    assert!(bounded(&doubled, bounds()).contains("100000 bytes of labels"));
    let past = Bounds { deadline: Instant::now() - Duration::from_secs(1), ..bounds() };
    assert_eq!(bounded(query, past), "the query took longer than it may");
}
