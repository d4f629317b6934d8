//! A runbook that was run: each step with its answer, what is abnormal, and what to do about it.

use super::{BOLD, DIM, GREEN, Look, RED, Style, YELLOW, chart::short, clean, cut, query::selector, span};
use crate::runbook::{
    Remedy, Value,
    report::{Answer, Found, Line, Report, State},
};
use query::{LogEntry, time::duration_text, trace::Tree};

/// The most values of a step.
const VALUES: usize = 6;
/// Where what belongs to a step begins.
const INDENT: &str = "               ";

/// The report as text. `command` makes words into a command line that can be typed.
#[must_use]
pub fn render(report: &Report, look: Look, command: &dyn Fn(&[String]) -> String) -> String {
    let since = span(report.since);
    let title = format!("{}: the last {since} beside as long before", report.runbook.alert);
    let mut out = look.paint(BOLD, &title) + "\n\n";
    for (at, (step, answer)) in report.steps().enumerate() {
        let (word, style) = word(answer.state());
        let word = look.paint(style, &format!("{word:<10}"));
        out.push_str(&format!("{:>3}  {word}{}\n", at + 1, clean(&step.asks)));
        match answer {
            Answer::Found(found) => {
                values(&mut out, found, look);
                if found.verdict.abnormal {
                    let rule = format!("abnormal: {}", step.rule);
                    out.push_str(&format!(
                        "{INDENT}{}\n{INDENT}{}\n",
                        look.paint(DIM, &rule),
                        spoken(&step.leads, command)
                    ));
                    if let Some(words) = &found.shown_by {
                        out.push_str(&format!("{INDENT}{}\n", clean(&command(words))));
                    }
                }
            }
            Answer::Unanswered(why) => out.push_str(&format!("{INDENT}{}\n", clean(why))),
        }
    }
    out.push('\n');
    out.push_str(&conclusion(report, look, command));
    out
}

fn word(state: State) -> (&'static str, Style) {
    match state {
        State::Normal => ("ok", GREEN),
        State::Abnormal => ("ABNORMAL", RED),
        State::Unanswered => ("?", YELLOW),
    }
}

fn values(out: &mut String, found: &Found, look: Look) {
    let lines = found.lines();
    if lines.is_empty() {
        out.push_str(&format!("{INDENT}{}\n", look.paint(DIM, "no answer: there is nothing of the kind")));
    }
    for line in lines.iter().take(VALUES) {
        out.push_str(&format!("{INDENT}{}\n", value(line, look)));
    }
    if found.now.len() > VALUES {
        out.push_str(&format!("{INDENT}and {} more (--json)\n", found.now.len() - VALUES));
    }
    for example in &found.examples {
        let width = look.width.max(40) - INDENT.len();
        out.push_str(&format!("{INDENT}{}\n", cut(example, width)));
    }
}

fn value(line: &Line<'_>, look: Look) -> String {
    let Value { labels, value } = line.value;
    let style = if line.marked { RED } else { DIM };
    let now = look.paint(style, &short(*value));
    let before = line.before.map_or_else(|| "nothing".to_owned(), short);
    let name = if labels.is_empty() { String::new() } else { format!("  {}", selector(labels)) };
    format!("{now} (before {before}){name}")
}

fn conclusion(report: &Report, look: Look, command: &dyn Fn(&[String]) -> String) -> String {
    let fitting = report.fitting();
    if report.count(State::Abnormal) == 0 {
        return match report.count(State::Unanswered) {
            0 => "Nothing of it is abnormal.\n".to_owned(),
            _ => "Nothing that was answered is abnormal.\n".to_owned(),
        };
    }
    if fitting.is_empty() {
        return "No operation of this page fits: read where the abnormal answers lead.\n".to_owned();
    }
    let mut out = look.paint(BOLD, "What fits") + " (--mitigate carries the first out that you want)\n";
    for Remedy { when, text, ops, .. } in fitting {
        let steps: Vec<String> = when.iter().map(usize::to_string).collect();
        out.push_str(&format!("  {}\n", spoken(text, command)));
        for words in ops {
            let words = [&["ops".to_owned()], words.as_slice()].concat();
            let why = look.paint(DIM, &format!("(step {})", steps.join(" or ")));
            out.push_str(&format!("      {} {why}\n", clean(&command(&words))));
        }
    }
    out
}

/// The words of a page, with the commands in them as this program is called.
fn spoken(text: &str, command: &dyn Fn(&[String]) -> String) -> String {
    let parts = text.split('`').enumerate().map(|(nth, part)| match part.strip_prefix("firedrill ") {
        Some(words) if nth % 2 == 1 => {
            command(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        }
        _ => part.to_owned(),
    });
    clean(&parts.collect::<Vec<_>>().join("`")).into_owned()
}

/// A log line in short.
#[must_use]
pub fn line_of_log(entry: &LogEntry) -> String {
    let fields: Vec<String> =
        super::pairs(entry).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (level, message) = (entry.level(), clean(entry.message()));
    format!("{} {} {message} {}", entry.time.clock(), clean(&level), fields.join(" "))
}

/// A trace in short: how long it took, and which of its spans took most of that itself.
#[must_use]
pub fn line_of_trace(tree: &Tree) -> String {
    let slowest = tree.nodes.iter().max_by_key(|node| node.self_us());
    let most = slowest.map_or_else(String::new, |node| {
        let name = format!("{} {}", node.service, node.span.operation_name);
        format!(", most of it in {}: {}", clean(&name), duration_text(node.self_us()))
    });
    format!("{} {}{most}", tree.id, duration_text(tree.duration_us))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use query::Labels;

    use super::*;
    use crate::runbook::{Verdict, read};

    const PAGE: &str = "# Slow\n## Meaning\nSlow.\n## Impact\nPeople wait.\n## Diagnosis\n\
        1. Who waits? They do.\n```promql\n# abnormal: > 1\na\n```\n2. Who logs? The log.\n```logql\n# abnormal: any\n{a=\"b\"}\n```\n\
        ## Mitigation\n- Take it back.\n```ops\n# when abnormal: 1\nrollback shop\n```\n";

    fn told(value: f64) -> String {
        let labels = Labels::from([("peer".to_owned(), "stock\u{1b}".to_owned())]);
        let verdict = match value > 1.0 {
            true => Verdict { abnormal: true, marked: vec![0] },
            false => Verdict::default(),
        };
        let before = vec![Value { labels: labels.clone(), value: 0.25 }];
        let shown_by = Some(vec!["query".to_owned(), "a".to_owned()]);
        let now = vec![Value { labels, value }];
        let found = Found { now, before, verdict, shown_by, examples: Vec::new() };
        let report = Report {
            runbook: read("p.md", "Slow", PAGE).expect("a page"),
            since: Duration::from_secs(300),
            answers: vec![Answer::Found(found), Answer::Unanswered("nothing answers".to_owned())],
        };
        let command = |words: &[String]| format!("firedrill {}", words.join(" "));
        render(&report, Look { color: false, width: 80 }, &command)
    }

    #[test]
    fn an_abnormal_step_tells_where_it_leads_and_what_fits() {
        assert_eq!(
            told(3.5),
            "Slow: the last 5 minutes beside as long before\n\n  \
             1  ABNORMAL  Who waits?\n               \
             3.5 (before 0.25)  {peer=\"stock\\u001b\"}\n               \
             abnormal: > 1\n               They do.\n               firedrill query a\n  \
             2  ?         Who logs?\n               nothing answers\n\n\
             What fits (--mitigate carries the first out that you want)\n  \
             Take it back.\n      firedrill ops rollback shop (step 1)\n"
        );
    }

    #[test]
    fn commands_in_the_words_of_a_page_are_those_of_this_program() {
        let command = |words: &[String]| format!("bin/firedrill {} --home x", words.join(" "));
        let text = "Ask (`firedrill trace ID`), not `up`, firedrill says.";
        assert_eq!(
            spoken(text, &command),
            "Ask (`bin/firedrill trace ID --home x`), not `up`, firedrill says."
        );
    }

    #[test]
    fn a_normal_step_is_told_in_short() {
        let text = told(0.5);
        assert!(text.contains("  1  ok        Who waits?\n               0.5 (before 0.25)"), "{text}");
        assert!(
            !text.contains("They do.") && text.ends_with("Nothing that was answered is abnormal.\n"),
            "{text}"
        );
    }
}
