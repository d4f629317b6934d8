use proptest::prelude::*;

use super::{parse, parse_log, parse_selector};
use crate::logql::LogqlError;
use crate::logql::ast::{Condition, Expr, Metric, Stage};

#[test]
fn what_is_not_there_is_named() {
    for (query, named) in [
        (r#"variants(rate({a="b"}[1m])) of ({a="b"}[1m])"#, "variants()"),
        (r#"approx_topk(3, rate({a="b"}[1m]))"#, "approx_topk"),
        (r#"{a="b"} | line_format "{{ js .x }}""#, "js"),
    ] {
        match parse(query) {
            Err(LogqlError::Unsupported(what)) => assert!(what.contains(named), "{what}"),
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[test]
fn errors_say_where() {
    for (query, said) in [
        (r#"{a="b"} | json |"#, "parse error at line 1, col 17: syntax error: unexpected $end"),
        ("", "parse error : syntax error: unexpected $end"),
        (
            "{a=\"b\"}\n | json\n | line_format",
            "parse error at line 3, col 15: syntax error: unexpected $end",
        ),
        (r#"{a="b",}"#, "parse error at line 1, col 8: syntax error: unexpected }"),
        (r#"sum by (a,) (rate({a="b"}[1m]))"#, "parse error at line 1, col 11: syntax error: unexpected )"),
        (r#"{a="b"} | logfmt | by="x""#, "parse error at line 1, col 20: syntax error: unexpected by"),
        (r#"rate({a="b"}[1.5m])"#, "parse error at line 0, col 13: unknown unit \".\" in duration"),
        (r#"{a="b"} + 1"#, "parse error : unexpected type for left leg of binary operation (+)"),
        (r#"foo({a="b"}[1m])"#, "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
        (r#"rate({a="b"})"#, "parse error at line 1, col 13: syntax error: unexpected )"),
        (r#"sum_over_time({a="b"}[1m])"#, "parse error : invalid aggregation sum_over_time without unwrap"),
        (r#"{a=~".*"}"#, "parse error : queries require at least one regexp"),
    ] {
        let error = parse(query).expect_err("wrong").to_string();
        assert!(error.starts_with(said), "{query}: {error}");
    }
}

#[test]
fn operators_bind_as_in_arithmetic() {
    for (query, value) in [
        ("1 + 2 * 3", 7.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 + 5 % 3", 0.0),
        ("(1 + 2) * 3", 9.0),
        ("8 / 2 / 2", 2.0),
        ("1 > bool 2", 0.0),
        ("1e3 + .5", 1000.5),
    ] {
        match parse(query) {
            Ok(Expr::Metric(Metric::Number(n))) => assert_eq!(n, value, "{query}"),
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[test]
fn the_window_stands_before_or_behind_the_stages() {
    for query in [
        r#"rate({a="b"} | json [5m] offset 1m)"#,
        r#"rate({a="b"}[5m] offset 1m | json)"#,
        r#"rate(({a="b"} | json)[5m] offset 1m)"#,
        r#"rate(({a="b"} | json [5m] offset 1m))"#,
    ] {
        match parse(query) {
            Ok(Expr::Metric(Metric::Range(range))) => {
                let found = (range.range_ns, range.offset_ns, range.query.stages.len());
                assert_eq!(found, (300_000_000_000, 60_000_000_000, 1), "{query}");
            }
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[test]
fn stages_are_read_with_their_parameters() {
    let query = r#"{a="b"} |> "<_>x" | json a, b="c.d" | logfmt --strict --keep-empty x="y" | pattern "<a> <_>"
        | regexp `(?P<m>\w+)` | unpack | decolorize | line_format "{{.a}}" | label_format x=y, z="{{.q}}"
        | drop a, b="c" | keep d, e=~"f+" | a="b", c>5 d="x" or (n>=1.5s and m<2KB)"#;
    assert_eq!(parse_log(query).expect("valid").stages.len(), 12);
    assert!(parse_selector("{}").expect("valid").is_empty());
    assert!(parse_selector(r#"{a="b"} | json"#).is_err());
}

#[test]
fn a_comma_takes_all_that_follows() {
    let grouped = |filter: &str| {
        let query = parse_log(&format!(r#"{{a="b"}} | {filter}"#)).expect(filter);
        match query.stages.as_slice() {
            [Stage::Label(condition)] => show(condition),
            other => panic!("{filter}: {other:?}"),
        }
    };
    for (filter, expected) in [
        ("a>1 or b>1 and c>1", "(a | (b & c))"),
        ("a>1 and b>1 or c>1", "((a & b) | c)"),
        ("a>1, b>1 or c>1", "(a & (b | c))"),
        ("a>1 or b>1, c>1 or d>1", "(a | (b & (c | d)))"),
        ("a>1 b>1 or c>1", "(a & (b | c))"),
        ("(a>1 or b>1) and c=-1", "((a | b) & c)"),
    ] {
        assert_eq!(grouped(filter), expected, "{filter}");
    }
}

fn show(condition: &Condition) -> String {
    match condition {
        Condition::And(a, b) => format!("({} & {})", show(a), show(b)),
        Condition::Or(a, b) => format!("({} | {})", show(a), show(b)),
        one => one.names().concat(),
    }
}

#[test]
fn deep_nesting_is_refused() {
    for (before, after) in [("(", ")"), ("sum(", ")"), ("1 + (", ")")] {
        let query = format!("{}1{}", before.repeat(200), after.repeat(200));
        let error = parse(&query).expect_err("deep").to_string();
        assert!(error.contains("nested too deeply") || error.contains("not a number"), "{error}");
    }
    let query = format!(r#"{{a="b"}} | {}x="y"{}"#, "(".repeat(200), ")".repeat(200));
    assert!(parse(&query).expect_err("deep").to_string().contains("nested too deeply"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}", tail in "[a-z_=~!|<>(){}\"` 0-9,.-]{0,60}") {
        let _ = parse(&text);
        let _ = parse(&format!("{{a=\"b\"}} {tail}"));
        let _ = parse(&format!("sum by (a) (rate({{a=\"b\"}} {tail} [5m])) {tail}"));
    }
}
