//! Changes within an expression: what a slip of a finger or a wrong idea would make of it.

/// A word and what it is taken for.
const WORDS: [(&str, &str, &str); 14] = [
    ("\nand ", "\nor ", "and -> or"),
    (" or ", " and ", "or -> and"),
    ("\nor ", "\nand ", "or -> and"),
    ("unless ", "and ", "unless -> and"),
    ("unless on() ", "unless ", "on() dropped"),
    ("sum(", "avg(", "sum -> avg"),
    ("max(", "min(", "max -> min"),
    ("min(", "max(", "min -> max"),
    ("increase(", "rate(", "increase -> rate"),
    ("rate(", "increase(", "rate -> increase"),
    ("sum_over_time(", "avg_over_time(", "sum_over_time -> avg_over_time"),
    ("avg_over_time(", "sum_over_time(", "avg_over_time -> sum_over_time"),
    ("bool ", "", "bool dropped"),
    ("\n- ", "\n+ ", "- -> +"),
];

/// Comparisons and arithmetic, between spaces.
const OPERATORS: [(&str, &str); 5] =
    [(" > ", " < "), (" >= ", " < "), (" < ", " > "), (" / ", " * "), (" - ", " + ")];

/// Each change in words, and the expression with it.
pub(super) fn changed(expr: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (from, to, what) in WORDS {
        // `rate(` is no part of `increase(`, but `sum(` could be the end of another word.
        let places = expr.match_indices(from).filter(|(at, _)| {
            !from.starts_with(|c: char| c.is_ascii_lowercase())
                || !expr[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        });
        push(&mut all, expr, places.map(|(at, from)| (at, from.len(), to.to_owned(), what.to_owned())));
    }
    for (from, to) in OPERATORS {
        let what = format!("{} -> {}", from.trim(), to.trim());
        let places = expr.match_indices(from);
        push(&mut all, expr, places.map(|(at, from)| (at, from.len(), to.to_owned(), what.clone())));
    }
    push(&mut all, expr, windows(expr).into_iter());
    push(&mut all, expr, numbers(expr).into_iter());
    push(&mut all, expr, matchers(expr).into_iter());
    all.extend(clauses(expr));
    all
}

/// At, length, replacement, words.
type Change = (usize, usize, String, String);

fn push(all: &mut Vec<(String, String)>, expr: &str, changes: impl Iterator<Item = Change>) {
    for (at, length, to, what) in changes {
        let changed = format!("{}{to}{}", &expr[..at], &expr[at + length..]);
        if changed != expr {
            // The second of its kind in one expression is another change.
            let alike = |known: &str| {
                known.strip_prefix(&what).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
            };
            let before = all.iter().filter(|(known, _)| alike(known)).count();
            let what = if before == 0 { what } else { format!("{what} ({})", before + 1) };
            all.push((what, changed));
        }
    }
}

/// `[5m]`: half and double.
fn windows(expr: &str) -> Vec<Change> {
    let mut all = Vec::new();
    for (at, _) in expr.match_indices('[') {
        let Some(length) = expr[at..].find(']') else { continue };
        let window = &expr[at + 1..at + length];
        let digits = window.find(|c: char| !c.is_ascii_digit()).unwrap_or(window.len());
        let (Ok(number), unit) = (window[..digits].parse::<u64>(), &window[digits..]) else { continue };
        let smaller = match unit {
            "d" => format!("{}h", number * 12),
            "h" => format!("{}m", number * 30),
            "m" => format!("{}s", number * 30),
            _ => continue,
        };
        all.push((at + 1, length - 1, smaller, format!("window {window} halved")));
        all.push((at + 1, length - 1, format!("{}{unit}", number * 2), format!("window {window} doubled")));
    }
    all
}

/// Numbers that stand alone: factors, budgets, evidence.
fn numbers(expr: &str) -> Vec<Change> {
    let mut all = Vec::new();
    let mut at = 0;
    for word in expr.split_inclusive([' ', '\n', '(', ')']) {
        let number = word.trim_end_matches([' ', '\n', '(', ')']);
        if let Ok(value) = number.parse::<f64>() {
            let others = if value == 0.0 { vec![1.0] } else { vec![value * 1.25, value * 0.8] };
            for other in others {
                let other = (other * 1e9).round() / 1e9;
                all.push((at, number.len(), other.to_string(), format!("factor {number} -> {other}")));
            }
        }
        at += word.len();
    }
    all
}

/// `label="value"`: turned round, and left out.
fn matchers(expr: &str) -> Vec<Change> {
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(open) = expr[from..].find('{').map(|at| at + from) {
        let Some(close) = expr[open..].find('}').map(|at| at + open) else { break };
        let inside = &expr[open + 1..close];
        let mut at = open + 1;
        for matcher in inside.split(',') {
            let turned = [("=~", "!~"), ("!~", "=~"), ("!=", "="), ("=", "!=")];
            if let Some((op, other)) = turned.into_iter().find(|(op, _)| matcher.contains(op)) {
                let whole = matcher.replacen(op, other, 1);
                all.push((at, matcher.len(), whole, format!("label {matcher} turned round")));
            }
            // With its comma, whichever side that is on.
            let (start, length) = match (at > open + 1, at + matcher.len() < close) {
                (true, _) => (at - 1, matcher.len() + 1),
                (false, true) => (at, matcher.len() + 1),
                (false, false) => (at, matcher.len()),
            };
            all.push((start, length, String::new(), format!("label {matcher} dropped")));
            at += matcher.len() + 1;
        }
        from = close + 1;
    }
    all
}

/// Whole lines left out, and the two windows of an alert swapped.
fn clauses(expr: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = expr.lines().collect();
    let mut all = Vec::new();
    if lines.len() > 1 {
        for left_out in 0..lines.len() {
            let kept: Vec<&str> =
                lines.iter().enumerate().filter(|(n, _)| *n != left_out).map(|(_, line)| *line).collect();
            let text = kept.join("\n");
            let text = ["and ", "or ", "unless on() ", "- "]
                .iter()
                .fold(text.as_str(), |text, word| text.strip_prefix(word).unwrap_or(text))
                .to_owned();
            all.push((format!("line {} dropped", left_out + 1), text));
        }
    }
    if let [long, short, ..] = lines.as_slice()
        && let (Some(first), Some(second)) = (window_of(long), window_of(short))
    {
        let swapped = [long.replacen(first, second, 1), short.replacen(second, first, 1)];
        let rest = lines[2..].iter().map(|line| format!("\n{line}")).collect::<String>();
        all.push(("windows swapped".into(), format!("{}\n{}{rest}", swapped[0], swapped[1])));
        let only = lines[1].replacen(second, first, 1);
        all.push(("short window -> long window".into(), format!("{long}\n{only}{rest}")));
        let only = lines[0].replacen(first, second, 1);
        all.push(("long window -> short window".into(), format!("{only}\n{short}{rest}")));
    }
    all
}

/// `slo:error_ratio:increase1h` in a line.
fn window_of(line: &str) -> Option<&str> {
    let from = line.find("slo:error_ratio:")?;
    let length = line[from..].find('{')?;
    Some(&line[from..from + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_changed_in_each_way() {
        let expr = "slo:error_ratio:increase1h{slo=\"a\"} > 14.4 * 0.001\nand slo:error_ratio:increase5m{slo=\"a\"} > 14.4 * 0.001";
        let all = changed(expr);
        let get = |what: &str| {
            all.iter()
                .find(|(change, _)| change == what)
                .map_or_else(|| panic!("{what}: {all:?}"), |(_, e)| e.as_str())
        };
        assert!(get("and -> or").contains("\nor slo"));
        assert!(get("> -> <").starts_with("slo:error_ratio:increase1h{slo=\"a\"} < 14.4"));
        assert!(get("> -> < (2)").ends_with("{slo=\"a\"} < 14.4 * 0.001"));
        assert!(get("factor 14.4 -> 18").contains("> 18 * 0.001"));
        assert!(get("label slo=\"a\" dropped").starts_with("slo:error_ratio:increase1h{} >"));
        assert!(get("windows swapped").starts_with("slo:error_ratio:increase5m"));
        assert!(get("line 1 dropped").starts_with("slo:error_ratio:increase5m"));
    }

    #[test]
    fn a_count_is_changed_in_each_way() {
        let all = changed("sum(increase(x{a=\"1\",b=~\"2\"}[5m]))\nor sum(increase(x{a=\"1\"}[5m])) * 0");
        let texts: Vec<&str> = all.iter().map(|(_, text)| text.as_str()).collect();
        for (what, text) in [
            ("a dropped label", "sum(increase(x{b=~\"2\"}[5m]))"),
            ("a dropped last label", "sum(increase(x{a=\"1\"}[5m]))\n"),
            ("a label turned round", "b!~\"2\""),
            ("half a window", "[150s]"),
            ("twice a window", "[10m]"),
            ("another function", "sum(rate("),
            ("another number", "* 1"),
        ] {
            assert!(texts.iter().any(|t| t.contains(text)), "{what}: {texts:#?}");
        }
    }
}
