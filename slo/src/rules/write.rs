//! The rules file: YAML as a person would write it, the same for the same rules.

use std::fmt::Write as _;

use super::{Group, Kind, Pairs, Rule};

/// The file of these groups, with `head` as comment at its top.
pub fn write(head: &[String], groups: &[Group]) -> String {
    let mut out = String::new();
    comment(&mut out, 0, head);
    out.push_str("groups:\n");
    for group in groups {
        comment(&mut out, 2, &group.comment);
        let _ = writeln!(out, "  - name: {}\n    interval: {}", scalar(&group.name), group.interval);
        pairs(&mut out, 4, "labels", &group.labels);
        out.push_str("    rules:\n");
        for rule in &group.rules {
            write_rule(&mut out, rule);
        }
    }
    out
}

fn write_rule(out: &mut String, rule: &Rule) {
    comment(out, 6, &rule.comment);
    let key = if matches!(rule.kind, Kind::Record(_)) { "record" } else { "alert" };
    let _ = writeln!(out, "      - {key}: {}", rule.name());
    if rule.expr.contains('\n') {
        out.push_str("        expr: |\n");
        for line in rule.expr.lines() {
            let _ = writeln!(out, "          {line}");
        }
    } else {
        let _ = writeln!(out, "        expr: {}", scalar(&rule.expr));
    }
    if let Kind::Alert { hold: Some(hold), .. } = &rule.kind {
        let _ = writeln!(out, "        for: {hold}");
    }
    pairs(out, 8, "labels", &rule.labels);
    if let Kind::Alert { annotations, .. } = &rule.kind {
        pairs(out, 8, "annotations", annotations);
    }
}

fn pairs(out: &mut String, indent: usize, key: &str, pairs: &Pairs) {
    if !pairs.is_empty() {
        let _ = writeln!(out, "{:indent$}{key}:", "");
        for (name, value) in pairs {
            let _ = writeln!(out, "{:indent$}  {name}: {}", "", scalar(value));
        }
    }
}

fn comment(out: &mut String, indent: usize, lines: &[String]) {
    for line in lines {
        let _ = writeln!(out, "{}", format!("{:indent$}# {line}", "").trim_end());
    }
}

/// A value on one line: plain where YAML reads it as this text, else in single quotes.
fn scalar(text: &str) -> String {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    let broken = [": ", " #"].iter().any(|mark| text.contains(mark)) || text.ends_with([':', ' ']);
    if first && !word && !broken { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_read_otherwise_is_quoted() {
        for (text, quoted) in [
            ("sum(rate(x{a=\"b\"}[5m]))", false),
            ("slo:errors:increase1h / 2", false),
            ("note: it's", true),
            ("{{ $value }} failed", true),
            ("14.4", true),
            ("true", true),
            ("a # b", true),
        ] {
            let written = scalar(text);
            assert_eq!(written.starts_with('\''), quoted, "{written}");
            let documents = yaml::documents(&format!("a: {written}\n")).expect("YAML");
            let read = yaml::Reader::of(&documents[0]).fields().expect("a map").required("a").expect("a");
            assert_eq!(read.text().expect("a text"), text);
        }
    }
}
