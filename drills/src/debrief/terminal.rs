//! The debrief for a terminal: plain text.

use super::{
    Debrief,
    model::{clock, took},
};
use std::fmt::Write as _;

/// The debrief as plain text. Control characters of what people typed are left out: a terminal would obey them.
#[must_use]
pub fn terminal(debrief: &Debrief) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "Drill {} (seed {})\n{}\n", debrief.scenario, debrief.seed, debrief.outcome);
    let _ = writeln!(out, "What was true\n  {}\n  cause: {}\n", plain(&debrief.truth), debrief.cause);
    if let Some(grade) = &debrief.grade {
        let _ = writeln!(out, "Grade: {} of 100", grade.score);
        for line in &grade.lines {
            let _ = writeln!(out, "  {:>4}  {}: {}", line.points, line.what, plain(&line.why));
        }
        out.push('\n');
    }
    let measures = &debrief.measures;
    let _ = writeln!(
        out,
        "Known after {}, located after {}, mitigated after {}\n",
        took(measures.ttd_s),
        took(measures.ttl_s),
        took(measures.ttm_s)
    );
    let _ = writeln!(out, "What happened");
    for moment in &debrief.timeline {
        let mark = if moment.was_known { ' ' } else { '*' };
        let _ = writeln!(out, "  {:>6} {mark} {}", clock(moment.at_s), plain(&moment.what));
    }
    let _ = writeln!(out, "  (*: not known then)");
    if !debrief.shown.is_empty() {
        let _ = writeln!(out, "\nThe shortest way to it");
        for shown in &debrief.shown {
            let _ = writeln!(out, "  {}: {}\n      {}", shown.signal, plain(&shown.what), shown.command);
        }
    }
    if !debrief.mitigations.is_empty() {
        let _ = writeln!(out, "\nWhat helps and what does not");
        for (ops, works, why) in &debrief.mitigations {
            let _ = writeln!(out, "  {} ops {ops}: {why}", if *works { "+" } else { "-" });
        }
    }
    let _ = writeln!(out, "\nSealed at the start: {}", debrief.ledger);
    out
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::hostile;
    use super::*;

    #[test]
    fn it_tells_truth_grade_and_timeline_on_lines_of_their_own() {
        let text = terminal(&hostile());
        for words in [
            "Requests wait for a connection",
            "Grade: 0 of 100",
            "0:40   page: orders are slow",
            "+ ops rollback order-service, ops deploy",
            "0:10 * the trouble began",
        ] {
            assert!(text.contains(words), "{words:?} in {text}");
        }
        assert!(text.contains("</script> second | line"), "one line stays one: {text}");
    }
}
