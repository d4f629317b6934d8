//! Queries of every shape that LogQL has, made by a grammar: each is read, and what stands on one line reads the same when it
//! is written anew; cut and joined at any place, none makes the parser panic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::parse;
use crate::logql::pretty;

fn one_of(choices: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    proptest::sample::select(choices).prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> + Clone {
    one_of(&["a", "app", "count", "bytes", "_x1", "status_code", "rate", "größe"])
}

fn text() -> impl Strategy<Value = String> + Clone {
    one_of(&[r#""""#, r#""x""#, "`a|b.*`", r#""\"é\n""#, r#"".+""#, "`(?i)q[0-9]{2}`"])
}

fn window() -> impl Strategy<Value = String> + Clone {
    one_of(&["[5m]", "[1h30m]", "[90s] offset 1m", "[2d]offset -1h"])
}

fn selector() -> impl Strategy<Value = String> + Clone {
    let matcher =
        (name(), one_of(&["=", "!=", "=~", "!~"]), text()).prop_map(|(n, o, t)| format!("{n}{o}{t}"));
    vec(matcher, 0..3).prop_map(|more| {
        let all: Vec<String> = std::iter::once(r#"job="j""#.to_owned()).chain(more).collect();
        format!("{{{}}}", all.join(", "))
    })
}

fn condition() -> impl Strategy<Value = String> + Clone {
    let value = one_of(&["5", "-1.5", "1e3", "5m", "1.5s", "20KB", "3MiB"]);
    let number = (name(), one_of(&["=", "==", "!=", ">", ">=", "<", "<="]), value);
    let leaf = prop_oneof![
        number.prop_map(|(n, o, v)| format!("{n} {o} {v}")),
        (name(), one_of(&["=", "!=", "=~", "!~"]), text()).prop_map(|(n, o, t)| format!("{n}{o}{t}")),
        name().prop_map(|n| format!(r#"{n}=ip("10.0.0.0/8")"#)),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        (inner.clone(), one_of(&[" and ", " or ", ", ", " "]), inner, any::<bool>()).prop_map(
            |(a, o, b, nested)| {
                if nested { format!("({a}{o}{b})") } else { format!("{a}{o}{b}") }
            },
        )
    })
}

fn stage() -> impl Strategy<Value = String> + Clone {
    let line = (one_of(&["|=", "!=", "|~", "!~"]), vec(text(), 1..3));
    prop_oneof![
        line.prop_map(|(op, texts)| format!("{op} {}", texts.join(" or "))),
        condition().prop_map(|c| format!("| {c}")),
        one_of(&[
            r#"|> "<_> x <_>""#,
            r#"|= ip("10.0.0.1-10.0.0.9")"#,
            "| json",
            r#"| json a="b.c[0]", d"#,
            "| logfmt",
            r#"| logfmt --strict --keep-empty a="b", c"#,
            r#"| pattern "<a> - <_>""#,
            r"| regexp `(?P<m>\w+)`",
            "| unpack",
            "| decolorize",
            r#"| line_format "{{.a | upper}} {{ if eq .b `c` }}d{{ end }}""#,
            r#"| label_format a=b, c="{{.d}}""#,
            r#"| drop a, b="c", d=~"e.*""#,
            r#"| keep a, b=~"c""#,
        ]),
    ]
}

fn pipeline() -> impl Strategy<Value = String> + Clone {
    (selector(), vec(stage(), 0..4)).prop_map(|(s, stages)| format!("{s} {}", stages.join(" ")))
}

fn grouping() -> impl Strategy<Value = String> + Clone {
    (one_of(&["by", "without"]), vec(name(), 1..3))
        .prop_map(|(w, names)| format!(" {w} ({})", names.join(", ")))
}

fn range() -> impl Strategy<Value = String> + Clone {
    let plain = one_of(&["count_over_time", "rate", "bytes_over_time", "bytes_rate", "absent_over_time"]);
    let plain = (plain, pipeline(), window()).prop_map(|(f, p, w)| format!("{f}({p} {w})"));
    let unwrapped =
        one_of(&["sum_over_time(", "rate_counter(", "max_over_time(", "quantile_over_time(0.9, "]);
    let unwrap = one_of(&["x", "bytes(x)", "duration(x)", "duration_seconds(count)"]);
    let filtered = prop_oneof![Just(String::new()), condition().prop_map(|c| format!("| {c}"))];
    let unwrapped = (unwrapped, pipeline(), unwrap, filtered, window())
        .prop_map(|(f, p, u, c, w)| format!("{f}{p} | unwrap {u} {c} {w})"));
    prop_oneof![plain, unwrapped]
}

fn metric() -> impl Strategy<Value = String> + Clone {
    let leaf = prop_oneof![4 => range(), 1 => one_of(&["vector(0)", "vector(1.5)"])];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let op = one_of(&["+", "-", "*", "/", "%", "^", "==", "!=", ">", ">= bool", "<", "<="]);
        let matched = one_of(&[
            "/ on (a)",
            "* ignoring(a, b) group_left",
            "> on() group_right(c)",
            "and",
            "or on(a)",
            "unless",
        ]);
        let aggregate = one_of(&["sum", "avg", "min", "max", "count", "stddev", "stdvar"]);
        prop_oneof![
            (inner.clone(), op.clone(), inner.clone()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
            // Two numbers would make one at once, and that may be none: `0 / 0`.
            (one_of(&["1", "-2.5", "1e-3"]), op.clone(), inner.clone())
                .prop_map(|(a, o, b)| format!("{a} {o} ({b})")),
            (inner.clone(), op, one_of(&["+1", "0.5"])).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (range(), matched, range()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (aggregate.clone(), grouping(), range()).prop_map(|(f, g, i)| format!("{f}{g}({i})")),
            (aggregate, range(), grouping()).prop_map(|(f, i, g)| format!("{f}({i}){g}")),
            range().prop_map(|i| format!("topk(3, {i})")),
            range().prop_map(|i| format!("sort_desc({i})")),
            (range(), text()).prop_map(|(i, t)| format!(r#"label_replace({i}, "a", "$1", "b", {t})"#)),
            inner.prop_map(|i| format!("({i})")),
        ]
    })
}

proptest! {
    #[test]
    fn what_the_grammar_makes_is_read_and_written_alike(query in prop_oneof![pipeline(), metric()]) {
        let read = parse(&query).unwrap_or_else(|e| panic!("{query}: {e}"));
        let written = pretty(&read);
        let again = parse(&written).unwrap_or_else(|e| panic!("{query}\n{written}: {e}"));
        // Loki leaves out the parentheses of what it breaks into lines.
        if !written.contains('\n') {
            prop_assert_eq!(pretty(&again), written);
        }
    }

    #[test]
    fn no_part_of_a_query_makes_the_parser_panic(
        first in prop_oneof![pipeline(), metric()], second in prop_oneof![pipeline(), metric()],
        from in any::<proptest::sample::Index>(), to in any::<proptest::sample::Index>(),
    ) {
        let end = |text: &str, at: proptest::sample::Index| text.ceil_char_boundary(at.index(text.len() + 1));
        let _ = parse(&format!("{}{}", &first[..end(&first, from)], &second[end(&second, to)..]));
    }
}
