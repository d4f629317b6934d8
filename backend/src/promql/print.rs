//! A query as text again, laid out as Prometheus lays it out: on one line as long as that is short, else one part a line.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{
    AggregateExpr, AtModifier, BinaryExpr, Expr, LabelModifier, Offset, SubqueryExpr, VectorMatchCardinality,
    VectorSelector,
};
use promql_parser::util::display_duration;

use super::strings::value_of;
use super::text::names_duration;
use super::{Query, QueryError, durations, parse};
use crate::labels::NAME;

/// Longest part that stays on one line, in bytes.
const LINE: usize = 100;

/// Formats a query.
///
/// # Errors
/// It is none; or it has a number written as a duration, which the syntax tree does not keep apart.
pub(crate) fn format(query: &str) -> Result<String, QueryError> {
    let expr = parse(query)?;
    if matches!(durations::plain(query), Ok(Cow::Owned(_))) {
        return Err(QueryError::unsupported("formatting arithmetic of durations"));
    }
    if names_duration(query) {
        return Err(QueryError::unsupported("formatting a number that is written as a duration"));
    }
    Ok(pretty(&expr, 0))
}

/// A query as Prometheus shows that of a rule: on one line, however long that is. Where the syntax tree has forgotten how
/// something was written, as it is written.
pub(crate) fn one_line(query: &Query) -> String {
    let text = query.text();
    if names_duration(text) || matches!(durations::plain(text), Ok(Cow::Owned(_))) {
        return text.trim().to_owned();
    }
    line(query.expr())
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn pretty(expr: &Expr, level: usize) -> String {
    let line = line(expr);
    let pad = indent(level);
    let inner = |e: &Expr| pretty(e, level + 1);
    match expr {
        // Its sign stands before the expression, whatever becomes of that.
        Expr::Unary(u) => format!("{pad}-{}", pretty(&u.expr, level).trim()),
        Expr::Subquery(_) if line.len() <= LINE => line,
        Expr::Subquery(s) => format!("{}{}", pretty(&s.expr, level), suffix(s)),
        _ if line.len() <= LINE => pad + &line,
        Expr::Aggregate(a) => {
            let param = a.param.as_ref().map(|p| format!("{},\n", inner(p))).unwrap_or_default();
            format!("{pad}{}(\n{param}{}\n{pad})", head(a), inner(&a.expr))
        }
        Expr::Binary(b) => format!("{}\n{pad}{}\n{}", inner(&b.lhs), operator(b), inner(&b.rhs)),
        Expr::Call(c) => {
            let args: Vec<String> = c.args.args.iter().map(|a| inner(a)).collect();
            format!("{pad}{}(\n{}\n{pad})", c.func.name, args.join(",\n"))
        }
        Expr::Paren(p) => format!("{pad}(\n{}\n{pad})", inner(&p.expr)),
        _ => pad + &line,
    }
}

/// All of it on one line.
fn line(expr: &Expr) -> String {
    match expr {
        Expr::Aggregate(a) => {
            let param = a.param.as_ref().map(|p| line(p) + ", ").unwrap_or_default();
            format!("{}({param}{})", head(a), line(&a.expr))
        }
        Expr::Binary(b) => format!("{} {} {}", line(&b.lhs), operator(b), line(&b.rhs)),
        Expr::Call(c) => {
            let args: Vec<String> = c.args.args.iter().map(|a| line(a)).collect();
            format!("{}({})", c.func.name, args.join(", "))
        }
        Expr::Paren(p) => format!("({})", line(&p.expr)),
        Expr::Unary(u) => format!("-{}", line(&u.expr)),
        Expr::Subquery(s) => line(&s.expr) + &suffix(s),
        Expr::NumberLiteral(n) => number(n.val),
        Expr::StringLiteral(s) => quote(&s.val),
        Expr::VectorSelector(v) => selector(v) + &shift(v.at.as_ref(), v.offset.as_ref()),
        Expr::MatrixSelector(m) => {
            let range = display_duration(&m.range);
            format!("{}[{range}]{}", selector(&m.vs), shift(m.vs.at.as_ref(), m.vs.offset.as_ref()))
        }
        Expr::Extension(e) => e.expr.name().to_owned(),
    }
}

fn head(aggregate: &AggregateExpr) -> String {
    match &aggregate.modifier {
        Some(LabelModifier::Exclude(by)) => format!("{} without ({}) ", aggregate.op, names(&by.labels)),
        Some(LabelModifier::Include(by)) if !by.labels.is_empty() => {
            format!("{} by ({}) ", aggregate.op, names(&by.labels))
        }
        _ => aggregate.op.to_string(),
    }
}

fn operator(binary: &BinaryExpr) -> String {
    let mut text = binary.op.to_string();
    let Some(modifier) = &binary.modifier else { return text };
    if modifier.return_bool {
        text += " bool";
    }
    let groups = match &modifier.card {
        VectorMatchCardinality::ManyToOne(include) => Some(("left", include)),
        VectorMatchCardinality::OneToMany(include) => Some(("right", include)),
        _ => None,
    };
    let (word, labels) = match &modifier.matching {
        Some(LabelModifier::Include(labels)) => ("on", labels.labels.as_slice()),
        Some(LabelModifier::Exclude(labels)) => ("ignoring", labels.labels.as_slice()),
        None => ("ignoring", &[][..]),
    };
    if word == "on" || !labels.is_empty() || groups.is_some() {
        let _ = write!(text, " {word} ({})", names(labels));
    }
    if let Some((side, include)) = groups {
        let _ = write!(text, " group_{side} ({})", names(&include.labels));
    }
    text
}

fn suffix(subquery: &SubqueryExpr) -> String {
    let step = subquery.step.as_ref().map(display_duration).unwrap_or_default();
    let range = display_duration(&subquery.range);
    format!("[{range}:{step}]{}", shift(subquery.at.as_ref(), subquery.offset.as_ref()))
}

fn shift(at: Option<&AtModifier>, offset: Option<&Offset>) -> String {
    let at = match at {
        None => String::new(),
        Some(AtModifier::Start) => " @ start()".to_owned(),
        Some(AtModifier::End) => " @ end()".to_owned(),
        Some(AtModifier::At(time)) => {
            let seconds = match time.duration_since(UNIX_EPOCH) {
                Ok(after) => after.as_secs_f64(),
                Err(before) => -before.duration().as_secs_f64(),
            };
            format!(" @ {seconds:.3}")
        }
    };
    let offset = match offset {
        Some(Offset::Pos(d)) if !d.is_zero() => format!(" offset {}", display_duration(d)),
        Some(Offset::Neg(d)) if !d.is_zero() => format!(" offset -{}", display_duration(d)),
        _ => String::new(),
    };
    at + &offset
}

fn selector(selector: &VectorSelector) -> String {
    let name = selector.name.clone().unwrap_or_default();
    let is_name =
        |m: &&Matcher| m.name == NAME && m.op == MatchOp::Equal && !name.is_empty() && m.value == name;
    let mut conditions: Vec<String> =
        selector.matchers.matchers.iter().filter(|m| !is_name(m)).map(condition).collect();
    conditions.sort();
    if conditions.is_empty() { name } else { format!("{name}{{{}}}", conditions.join(",")) }
}

fn condition(matcher: &Matcher) -> String {
    let op = match matcher.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Re(_) => "=~",
        MatchOp::NotRe(_) => "!~",
    };
    format!("{}{op}{}", label(&matcher.name), quote(&value_of(matcher)))
}

fn names(labels: &[String]) -> String {
    labels.iter().map(|l| label(l)).collect::<Vec<_>>().join(", ")
}

/// A label's name, quoted where it has to be.
fn label(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if plain && starts { name.to_owned() } else { quote(name) }
}

fn number(v: f64) -> String {
    if v.is_infinite() { if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned() } else { v.to_string() }
}

/// Text as Go quotes it.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        let _ = match c {
            '"' => write!(quoted, "\\\""),
            '\\' => write!(quoted, "\\\\"),
            '\u{7}' => write!(quoted, "\\a"),
            '\u{8}' => write!(quoted, "\\b"),
            '\u{c}' => write!(quoted, "\\f"),
            '\n' => write!(quoted, "\\n"),
            '\r' => write!(quoted, "\\r"),
            '\t' => write!(quoted, "\\t"),
            '\u{b}' => write!(quoted, "\\v"),
            c if c.is_ascii_control() => write!(quoted, "\\x{:02x}", u32::from(c)),
            c if c.is_control() || c != ' ' && c.is_whitespace() => write!(quoted, "\\u{:04x}", u32::from(c)),
            c => write!(quoted, "{c}"),
        };
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_query_stays_on_one_line() {
        for (query, printed) in [
            ("sum(rate(x[300s]))by(b,a)", "sum by (b, a) (rate(x[5m]))"),
            ("x{b='1',a=~\"2\"}@5 offset -1h", "x{a=~\"2\",b=\"1\"} @ 5.000 offset -1h"),
            ("a+on()group_left b", "a + on () group_left () b"),
            ("max_over_time(x[1h30m:] @ end())", "max_over_time(x[1h30m:] @ end())"),
            ("topk(3,-x)without()", "topk without () (3, -x)"),
            ("(1e3 > bool 2)*Inf", "(1000 > bool 2) * +Inf"),
            ("x{a!~`\\d`,b=~'\\\\Qc'}", r#"x{a!~"\\d",b=~"\\Qc"}"#),
        ] {
            assert_eq!(format(query).as_deref(), Ok(printed));
        }
    }

    #[test]
    fn a_long_query_has_one_part_a_line() {
        let query = "sum by (service) (rate(http_server_request_duration_seconds_count{status=~\"5..\"}[1m])) / sum(rate(x[1m]))";
        let expected = "  sum by (service) (rate(http_server_request_duration_seconds_count{status=~\"5..\"}[1m]))\n/\n  sum(rate(x[1m]))";
        assert_eq!(format(query).as_deref(), Ok(expected));
    }

    #[test]
    fn a_number_written_as_a_duration_is_refused() {
        assert!(matches!(format("x > 5m"), Err(QueryError::Unsupported(_))));
        for query in ["x[5m:1m] offset 1h", "x[5m : 30s] offset -1h", "x > 0xd", "x > 1e3", "a5m > 1"] {
            assert!(format(query).is_ok(), "{query}");
        }
    }
}
