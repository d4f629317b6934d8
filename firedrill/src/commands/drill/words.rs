//! How a drill stands, in words.

use drills::{
    grade::Grade,
    session::{Outcome, Phase, Session},
};

use crate::{called, home::Home};

/// One word for programs.
pub(super) fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Calm => "calm",
        Phase::Investigating => "investigating",
        Phase::Over(Outcome::Solved) => "solved",
        Phase::Over(Outcome::Failed) => "failed",
        Phase::Over(Outcome::Stopped) => "stopped",
        Phase::Over(Outcome::TimedOut) => "timed-out",
        Phase::Over(Outcome::Void(_)) => "void",
    }
}

/// A sentence for people, with what to do next.
pub(super) fn standing(home: &Home, session: &Session) -> String {
    let typed = |words: &[&str]| called::command(home, words);
    match &session.phase {
        Phase::Calm => "All is calm; there is nothing to look for yet.".to_owned(),
        Phase::Investigating => format!(
            "Look with `trace`, `logs` and `query`, act with `ops`, then `{}`.",
            typed(&["drill", "answer"])
        ),
        Phase::Over(Outcome::Void(why)) => format!("The drill is over and does not count: {why}."),
        Phase::Over(_) => format!("The drill is over; `{}` tells what it was.", typed(&["drill", "report"])),
    }
}

/// A grade, line by line.
pub(super) fn grade(grade: &Grade) -> String {
    let mut lines = vec![format!("{} of 100 points", grade.score)];
    lines.extend(grade.lines.iter().map(|line| format!("{:>5}  {}: {}", line.points, line.what, line.why)));
    lines.join("\n")
}
