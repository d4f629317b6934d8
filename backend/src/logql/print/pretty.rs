//! Breaks what is long into lines. A part knows at which depth it stands; at depth zero its first line is not indented.

use super::{
    aggregate, condition, metric, name_of, query, quote, range, selector, stage, takes_count, unwrapped,
};
use crate::logql::ast::{Expr, Grouping, Matching, Metric, Query, RangeAggregation, RangeOp, Stage};

/// What fits on one line, in bytes.
const WIDTH: usize = 100;

/// Writes a query for people to read.
pub(crate) fn pretty(one: &Expr) -> String {
    match one {
        Expr::Log(log) => of_query(log, 0),
        Expr::Metric(one) => of_metric(one, 0),
    }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn of_query(log: &Query, level: usize) -> String {
    let line = query(log);
    if log.stages.is_empty() || line.len() <= WIDTH {
        return format!("{}{line}", indent(level));
    }
    let mut text = format!("{}{}", indent(level), selector(&log.selector));
    for stages in log.stages.chunk_by(|a, b| matches!((a, b), (Stage::Line(_), Stage::Line(_)))) {
        text += "\n";
        text += &match stages {
            [Stage::Line(_), ..] => {
                let filters = stages
                    .iter()
                    .flat_map(|s| if let Stage::Line(f) = s { super::lines(f) } else { Vec::new() });
                of_lines(&filters.collect::<Vec<_>>(), level + 1)
            }
            // As Loki has it.
            [Stage::Decolorize] => "| decolorize".to_owned(),
            [one, ..] => format!("{}{}", indent(level + 1), stage(one)),
            [] => String::new(),
        };
    }
    text
}

/// Line filters stand together, as many as fit; of one that stands alone Loki leaves all texts out but the first.
fn of_lines(filters: &[(String, String)], level: usize) -> String {
    let together = filters.iter().map(|(whole, _)| whole.as_str()).collect::<Vec<_>>().join(" ");
    let Some(((_, last), before)) = filters.split_last().filter(|_| together.len() > WIDTH) else {
        return format!("{}{together}", indent(level));
    };
    let before = if before.is_empty() { String::new() } else { of_lines(before, level) + "\n" };
    format!("{before}{}{last}", indent(level))
}

fn of_range(one: &RangeAggregation, level: usize) -> String {
    let line = range(one);
    if line.len() <= WIDTH {
        return format!("{}{line}", indent(level));
    }
    let mut text = format!("{}{}(\n", indent(level), name_of(one.op));
    if one.op == RangeOp::Quantile {
        text += &format!("{}{},\n", indent(level + 1), one.quantile);
    }
    text += &of_query(&one.query, level + 1);
    if let Some(unwrap) = &one.unwrap {
        let pad = indent(level + 2);
        text += &format!("\n{pad}| unwrap {}", unwrapped(unwrap));
        for filter in &unwrap.filters {
            text += &format!("\n{pad}| {}", condition(filter));
        }
    }
    text += &format!(" [{}]", super::duration(one.range_ns));
    if one.offset_ns != 0 {
        text += &format!(" offset {}", super::duration(one.offset_ns));
    }
    text += &format!("\n{})", indent(level));
    text + &one.grouping.as_ref().map(grouping).unwrap_or_default()
}

fn grouping(grouping: &Grouping) -> String {
    let labels = grouping.labels.join(", ");
    match (grouping.without, labels.is_empty()) {
        (false, true) => String::new(),
        (true, true) => " without".to_owned(),
        (false, false) => format!(" by ({labels})"),
        (true, false) => format!(" without ({labels})"),
    }
}

fn of_metric(one: &Metric, level: usize) -> String {
    let line = metric(one);
    let pad = indent(level);
    if line.len() <= WIDTH {
        return format!("{pad}{line}");
    }
    match one {
        Metric::Range(one) => of_range(one, level),
        Metric::Aggregate { op, count, grouping: by, inner } => {
            let count =
                if takes_count(*op) { format!("{}{count},\n", indent(level + 1)) } else { String::new() };
            let inner = of_metric(inner, level + 1);
            format!("{pad}{}{}(\n{count}{inner}\n{pad})", aggregate(*op), grouping(by))
        }
        Metric::Binary { op, is_bool, matching: by, left, right } => {
            let op = format!("{}{}", op.symbol(), if *is_bool { " bool" } else { "" });
            let (left, right) = (of_metric(left, level + 1), of_metric(right, level + 1));
            format!("{left}\n{pad}{op}{}\n{right}", matching(by))
        }
        Metric::LabelReplace { inner, to, replacement, from, regex } => {
            let texts = [to.as_str(), replacement, from, regex.source()];
            let texts = texts.map(|t| format!("{}{}", indent(level + 1), quote(t)));
            format!("{pad}label_replace(\n{},\n{}\n{pad})", of_metric(inner, level + 1), texts.join(",\n"))
        }
        Metric::Number(_) | Metric::Vector(_) => format!("{pad}{line}"),
    }
}

/// Loki leaves out a matching on no labels here.
fn matching(matching: &Matching) -> String {
    if matching.labels.is_empty() { String::new() } else { super::matching(matching, ", ") }
}

#[cfg(test)]
mod tests {
    use super::pretty;
    use crate::logql::parse;

    fn formatted(query: &str) -> String {
        pretty(&parse(query).expect(query))
    }

    #[test]
    fn what_is_short_stands_on_one_line() {
        for (query, expected) in [
            (
                r#"{a = "b" , c=~`d`}|="x"or`y`!="z"or"w"|json"#,
                r#"{a="b", c=~"d"} |= "x" or "y" != "z" != "w" | json"#,
            ),
            (r#"sum(rate({a="b"}[90s]))by(x,y)*2"#, r#"(sum by (x,y)(rate({a="b"}[1m30s])) * 2)"#),
            (
                r#"{a="b"} | logfmt | x>5m and (y=2KB or z="q")"#,
                r#"{a="b"} | logfmt | ( x>5m0s , ( y==2.0kB or z="q" ) )"#,
            ),
        ] {
            assert_eq!(formatted(query), expected);
        }
    }

    #[test]
    fn what_is_long_is_broken_into_lines_and_means_the_same() {
        let query = r#"topk(3, sum by (path, method) (sum_over_time({app="shop", env="production"} |= "GET" | json | unwrap duration(took) | __error__="" [5m] offset 1h)))"#;
        let lines = formatted(query);
        assert_eq!(
            lines,
            "topk(\n  3,\n  sum by (path, method)(\n    sum_over_time(\n      {app=\"shop\", env=\"production\"} |= \"GET\" | json\n        | unwrap duration(took)\n        | __error__=\"\" [5m] offset 1h\n    )\n  )\n)"
        );
        assert_eq!(formatted(&lines), lines);
    }
}
