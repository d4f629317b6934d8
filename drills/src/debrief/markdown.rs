//! The debrief as markdown, with a blameless postmortem that is filled in as far as facts go.

use super::{
    Debrief,
    model::{clock, took},
};
use std::fmt::Write as _;

/// The debrief as markdown. What people typed is text, whatever it looks like.
#[must_use]
pub fn markdown(debrief: &Debrief) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# Drill {}\n\n{}\n", escaped(&debrief.scenario), escaped(&debrief.brief));
    let _ = writeln!(out, "- Outcome: {}", escaped(&debrief.outcome));
    let _ = writeln!(out, "- Truth: {} (`{}`)", escaped(&debrief.truth), debrief.cause);
    let people: Vec<String> = debrief.participants.iter().map(|name| escaped(name)).collect();
    let _ = writeln!(out, "- Participants: {}", people.join(", "));
    let _ = writeln!(out, "- Seed {}, sealed at the start: `{}`", debrief.seed, debrief.ledger);
    let measures = &debrief.measures;
    let _ = writeln!(
        out,
        "- Known after {}, located after {}, mitigated after {}\n",
        took(measures.ttd_s),
        took(measures.ttl_s),
        took(measures.ttm_s)
    );
    if let Some(grade) = &debrief.grade {
        let _ = writeln!(
            out,
            "## Grade: {} of 100\n\n| part | points | of | why |\n|---|---|---|---|",
            grade.score
        );
        for line in &grade.lines {
            let _ =
                writeln!(out, "| {} | {} | {} | {} |", line.what, line.points, line.of, escaped(&line.why));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "## Timeline\n\n| after | | what |\n|---|---|---|");
    for moment in &debrief.timeline {
        let known = if moment.was_known { "" } else { "not known then" };
        let _ = writeln!(out, "| {} | {known} | {} |", clock(moment.at_s), escaped(&moment.what));
    }
    if !debrief.shown.is_empty() {
        let _ = writeln!(out, "\n## The shortest way to it\n");
        for (number, shown) in debrief.shown.iter().enumerate() {
            let _ = writeln!(out, "{}. {}: {}\n", number + 1, escaped(&shown.signal), escaped(&shown.what));
            let _ = writeln!(out, "   ```sh\n   {}\n   ```\n", shown.command.replace('\n', " "));
        }
    }
    postmortem(&mut out, debrief);
    out
}

fn postmortem(out: &mut String, debrief: &Debrief) {
    let _ = writeln!(out, "\n## Postmortem\n\nBlameless: it asks what made this possible, never who.\n");
    let _ = writeln!(out, "### What happened\n\n{}\n", escaped(&debrief.truth));
    let _ = writeln!(out, "### Impact\n\nWho was hurt, how many, for how long:\n");
    let _ = writeln!(
        out,
        "### Detection\n\nPeople knew after {}. What would have told them sooner:\n",
        took(debrief.measures.ttd_s)
    );
    let _ = writeln!(
        out,
        "### Response\n\nLocated after {}, mitigated after {}. What was tried:\n",
        took(debrief.measures.ttl_s),
        took(debrief.measures.ttm_s)
    );
    for (ops, works, why) in &debrief.mitigations {
        let word = if *works { "helps" } else { "does not help" };
        let _ = writeln!(out, "- `ops {}` {word}: {}", ops.replace('`', "'"), escaped(why));
    }
    let _ = writeln!(
        out,
        "\n### Lessons\n\nWhat went well, what was luck, what to change, and who will see to it by when:"
    );
}

/// Text that markdown takes for nothing but text, on one line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::hostile;
    use super::*;

    #[test]
    fn what_people_typed_is_text_and_breaks_no_table() {
        let text = markdown(&hostile());
        assert!(!text.contains("<script>") && !text.contains("<b>"), "{text}");
        let row = text.lines().find(|line| line.contains("second")).unwrap();
        assert_eq!(row.replace("\\|", "").matches('|').count(), 4, "{row}");
        assert!(
            text.contains("## Postmortem") && text.contains("ops rollback order-service, ops deploy"),
            "{text}"
        );
    }
}
