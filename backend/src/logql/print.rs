//! Writes a query anew, as Loki's `format_query` does: on one line, or, where that is longer than a hundred characters, each
//! part on a line of its own.

mod pretty;

use super::ast::{
    Aggregate, Choice, Condition, Format, Grouping, LineFilter, LineText, Many, Matching, Metric, Query,
    RangeAggregation, RangeOp, Stage, Unit, Unwrap,
};
use crate::matcher::{Matcher, Op};

pub(crate) use pretty::pretty;

fn selector(matchers: &[Matcher]) -> String {
    let printed: Vec<String> = matchers.iter().map(|m| matcher(&m.name, &m.op)).collect();
    format!("{{{}}}", printed.join(", "))
}

fn matcher(name: &str, op: &Op) -> String {
    let (symbol, text) = match op {
        Op::Equal(text) => ("=", text.as_str()),
        Op::NotEqual(text) => ("!=", text.as_str()),
        Op::Regex(regex) => ("=~", regex.source()),
        Op::NotRegex(regex) => ("!~", regex.source()),
    };
    format!("{name}{symbol}{}", quote(text))
}

fn stages(stages: &[Stage]) -> String {
    stages.iter().map(stage).collect::<Vec<_>>().join(" ")
}

fn query(query: &Query) -> String {
    let selector = selector(&query.selector);
    if query.stages.is_empty() { selector } else { format!("{selector} {}", stages(&query.stages)) }
}

fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Line(filter) => line(filter),
        Stage::Label(one) => format!("| {}", condition(one)),
        Stage::Json(paths) if paths.is_empty() => "| json".to_owned(),
        Stage::Json(paths) => {
            format!("| json {}", joined(paths, |(name, path)| format!("{name}={}", quote(path.source()))))
        }
        Stage::Logfmt { strict, keep_empty, fields } => {
            let mut text = "| logfmt".to_owned();
            for flag in
                [strict.then_some("--strict"), keep_empty.then_some("--keep-empty")].into_iter().flatten()
            {
                text = format!("{text} {flag}");
            }
            if fields.is_empty() {
                return text;
            }
            format!("{text} {}", joined(fields, |(name, from)| format!("{name}={}", quote(from))))
        }
        Stage::Regexp(regex) => format!("| regexp {}", quote(regex.source())),
        Stage::Pattern(pattern) => format!("| pattern {}", quote(pattern.source())),
        Stage::Unpack => "| unpack".to_owned(),
        Stage::LineFormat(template) => format!("| line_format {}", quote(template.source())),
        Stage::LabelFormat(formats) => format!("| label_format {}", label_formats(formats)),
        Stage::Drop(choices) => format!("| drop {}", joined(choices, choice)),
        Stage::Keep(choices) => format!("| keep {}", joined(choices, choice)),
        Stage::Decolorize => "| decolorize".to_owned(),
    }
}

/// What stands behind `label_format`.
pub(super) fn label_formats(formats: &[(String, Format)]) -> String {
    joined(formats, |(name, format)| match format {
        Format::Rename(from) => format!("{name}={from}"),
        Format::Template(template) => format!("{name}={}", quote(template.source())),
    })
}

fn choice(choice: &Choice) -> String {
    choice.op.as_ref().map_or_else(|| choice.name.clone(), |op| matcher(&choice.name, op))
}

fn joined<T>(items: &[T], print: impl Fn(&T) -> String) -> String {
    items.iter().map(print).collect::<Vec<_>>().join(",")
}

fn line(filter: &LineFilter) -> String {
    lines(filter).into_iter().map(|(whole, _)| whole).collect::<Vec<_>>().join(" ")
}

/// The filters that one stands for, and each with its first text alone. Of several texts none: the same as one filter each.
fn lines(filter: &LineFilter) -> Vec<(String, String)> {
    let one = |text: &LineText| {
        let (kind, printed) = match text {
            LineText::Contains(text) => ("=", quote(text)),
            LineText::Matches(regex) => ("~", quote(regex.source())),
            LineText::Pattern(pattern) => (">", quote(pattern.source())),
            LineText::Ip(filter) => ("=", format!("ip({})", quote(filter.source()))),
        };
        (format!("{}{kind}", if filter.keep { "|" } else { "!" }), printed)
    };
    let texts: Vec<(String, String)> = filter.texts.iter().map(one).collect();
    let first = texts.first().map(|(op, text)| format!("{op} {text}")).unwrap_or_default();
    if filter.keep {
        let others = texts.iter().skip(1).map(|(_, text)| format!(" or {text}"));
        return vec![(first.clone() + &others.collect::<String>(), first)];
    }
    texts.iter().map(|(op, text)| format!("{op} {text}")).map(|text| (text.clone(), text)).collect()
}

fn condition(one: &Condition) -> String {
    match one {
        Condition::And(a, b) => format!("( {} , {} )", condition(a), condition(b)),
        Condition::Or(a, b) => format!("( {} or {} )", condition(a), condition(b)),
        Condition::Ip { name, keep, filter } => {
            format!("{name}{}ip({})", if *keep { "=" } else { "!=" }, quote(filter.source()))
        }
        // What Loki leaves to the regex engine it writes otherwise.
        Condition::Regex { name, keep: true, regex }
            if !regex.is_simple() && !regex.source().contains('`') =>
        {
            format!("{name}=~`{}`", regex.source())
        }
        Condition::Regex { name, keep, regex } => {
            format!("{name}{}{}", if *keep { "=~" } else { "!~" }, quote(regex.source()))
        }
        Condition::Text { name, op } => matcher(name, op),
        Condition::Number { name, op, value, unit } => {
            let value = match unit {
                Unit::Plain => value.to_string(),
                Unit::Seconds => go_duration((value * 1e9).round() as i64),
                Unit::Bytes => size(*value),
            };
            format!("{name}{}{value}", op.symbol())
        }
    }
}

fn unwrap(unwrap: &Unwrap) -> String {
    let mut text = format!("| unwrap {}", unwrapped(unwrap));
    for filter in &unwrap.filters {
        text += &format!(" | {}", condition(filter));
    }
    text
}

fn unwrapped(unwrap: &Unwrap) -> String {
    match unwrap.conversion {
        Some(conversion) => format!("{conversion}({})", unwrap.label),
        None => unwrap.label.clone(),
    }
}

fn range(range: &RangeAggregation) -> String {
    let mut text = format!("{}(", name_of(range.op));
    if range.op == RangeOp::Quantile {
        text += &format!("{},", range.quantile);
    }
    text += &query(&range.query);
    if let Some(one) = &range.unwrap {
        text += &format!(" {}", unwrap(one));
    }
    text += &format!("[{}]", duration(range.range_ns));
    if range.offset_ns != 0 {
        text += &format!(" offset {}", go_duration(range.offset_ns));
    }
    text += ")";
    text + &range.grouping.as_ref().map(grouping).unwrap_or_default()
}

fn grouping(grouping: &Grouping) -> String {
    format!(" {} ({})", if grouping.without { "without" } else { "by" }, grouping.labels.join(","))
}

fn metric(one: &Metric) -> String {
    match one {
        Metric::Number(n) => float(*n),
        Metric::Vector(n) => format!("vector({n:.6})"),
        Metric::Range(one) => range(one),
        Metric::Aggregate { op, count, grouping: by, inner } => {
            let is_plain = by.labels.is_empty() && !by.without;
            let by = if is_plain { String::new() } else { grouping(by) };
            let count = if takes_count(*op) { format!("{count},") } else { String::new() };
            format!("{}{by}({count}{})", aggregate(*op), metric(inner))
        }
        Metric::Binary { op, is_bool, matching: by, left, right } => {
            let op = format!("{}{}", op.symbol(), if *is_bool { " bool" } else { "" });
            format!("({} {op}{} {})", metric(left), matching(by, ","), metric(right))
        }
        Metric::LabelReplace { inner, to, replacement, from, regex } => {
            let texts = [to, replacement, from].map(|t| quote(t));
            format!("label_replace({},{},{})", metric(inner), texts.join(","), quote(regex.source()))
        }
    }
}

/// What stands between an operator and its right side.
fn matching(matching: &Matching, comma: &str) -> String {
    if !matching.on && matching.labels.is_empty() {
        return String::new();
    }
    let group = match matching.many {
        Many::Neither => "",
        Many::Left => "group_left",
        Many::Right => "group_right",
    };
    let include = if matching.include.is_empty() {
        String::new()
    } else {
        format!(" ({})", matching.include.join(comma))
    };
    let word = if matching.on { "on" } else { "ignoring" };
    format!(" {word} ({}) {group}{include}", matching.labels.join(comma))
}

fn takes_count(op: Aggregate) -> bool {
    matches!(op, Aggregate::Topk | Aggregate::Bottomk)
}

fn aggregate(op: Aggregate) -> &'static str {
    match op {
        Aggregate::Sum => "sum",
        Aggregate::Avg => "avg",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
        Aggregate::Count => "count",
        Aggregate::Stddev => "stddev",
        Aggregate::Stdvar => "stdvar",
        Aggregate::Topk => "topk",
        Aggregate::Bottomk => "bottomk",
        Aggregate::Sort => "sort",
        Aggregate::SortDesc => "sort_desc",
    }
}

fn name_of(op: RangeOp) -> &'static str {
    match op {
        RangeOp::Count => "count_over_time",
        RangeOp::Rate => "rate",
        RangeOp::RateCounter => "rate_counter",
        RangeOp::Bytes => "bytes_over_time",
        RangeOp::BytesRate => "bytes_rate",
        RangeOp::Sum => "sum_over_time",
        RangeOp::Avg => "avg_over_time",
        RangeOp::Min => "min_over_time",
        RangeOp::Max => "max_over_time",
        RangeOp::First => "first_over_time",
        RangeOp::Last => "last_over_time",
        RangeOp::Stddev => "stddev_over_time",
        RangeOp::Stdvar => "stdvar_over_time",
        RangeOp::Quantile => "quantile_over_time",
        RangeOp::Absent => "absent_over_time",
    }
}

/// A text in quotes, as Go writes it.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            '\u{7}' => out += "\\a",
            '\u{8}' => out += "\\b",
            '\u{c}' => out += "\\f",
            '\u{b}' => out += "\\v",
            c if u32::from(c) < 0x20 || c == '\u{7f}' => out += &format!("\\x{:02x}", u32::from(c)),
            c if c.escape_debug().len() > 1 && c != '\'' => out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// The shortest text, with an exponent from 1e21 and below 1e-4.
fn float(f: f64) -> String {
    if f.is_nan() {
        return "NaN".to_owned();
    }
    if f.is_infinite() {
        return if f > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if f != 0.0 && (f.abs() < 1e-4 || f.abs() >= 1e21) {
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    f.to_string()
}

/// A duration as Prometheus writes it: the largest units that divide it, down from years, without those that are zero.
fn duration(ns: i64) -> String {
    let mut ms = ns.abs() / 1_000_000;
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if ns < 0 { "-" } else { "" });
    let units = [
        ("y", 365 * 86_400_000, true),
        ("w", 7 * 86_400_000, true),
        ("d", 86_400_000, false),
        ("h", 3_600_000, false),
        ("m", 60_000, false),
        ("s", 1000, false),
        ("ms", 1, false),
    ];
    for (name, unit, is_exact) in units {
        if (!is_exact || ms % unit == 0) && ms >= unit {
            text += &format!("{}{name}", ms / unit);
            ms %= unit;
        }
    }
    text
}

/// A duration as Go writes it: `1h2m3.5s`, `1.5ms`.
fn go_duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let all = ns.unsigned_abs();
    if all == 0 {
        return "0s".to_owned();
    }
    let below = |unit: f64, name: &str| format!("{sign}{}{name}", all as f64 / unit);
    match all {
        0..1_000 => below(1.0, "ns"),
        1_000..1_000_000 => below(1e3, "µs"),
        1_000_000..1_000_000_000 => below(1e6, "ms"),
        _ => {
            let minutes = all / 60_000_000_000;
            let seconds = (all % 60_000_000_000) as f64 / 1e9;
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// A size in decimal units, with one digit behind the point below ten.
fn size(bytes: f64) -> String {
    if bytes < 10.0 {
        return format!("{bytes}B");
    }
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let at = (bytes.log10() / 3.0).floor().clamp(0.0, 6.0);
    let value = (bytes / 1000f64.powf(at) * 10.0 + 0.5).floor() / 10.0;
    let unit = units[at as usize];
    if value < 10.0 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_durations_and_sizes_are_written_as_go_does() {
        assert_eq!(quote("a\"\\\n\u{1}é'"), r#""a\"\\\n\x01é'""#);
        assert_eq!(
            [300, 5_400, 86_400, 691_200].map(|s| duration(s * 1_000_000_000)),
            ["5m", "1h30m", "1d", "8d"]
        );
        assert_eq!(duration(1_500_000_000), "1s500ms");
        assert_eq!([300_000_000_000, -1_500_000_000, 1_500_000].map(go_duration), ["5m0s", "-1.5s", "1.5ms"]);
        assert_eq!([5.0, 1000.0, 82_854_982.0].map(size), ["5B", "1.0kB", "83MB"]);
    }
}
