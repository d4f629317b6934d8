//! Notes in a drill that goes on what its participants look at and what they change, by the commands that they use.

use drills::session::{Happened, Phase};

use super::store::Store;
use crate::{
    cli::{Command, Ops, Runbook},
    failure::{Code, Outcome},
    home::Home,
};

/// What a command will have been in a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A look at something.
    Look,
    /// A change.
    Act,
}

/// What there is to note of a command.
pub fn heard(command: &Command) -> Option<Heard> {
    match command {
        Command::Trace(_) | Command::Logs(_) | Command::Query(_) | Command::Investigate(_) => {
            Some(Heard::Look)
        }
        // What it carries out is noted where it does.
        Command::Runbook(Runbook::Run(_)) => Some(Heard::Look),
        Command::Ops(Ops::Get(_) | Ops::History(_)) => Some(Heard::Look),
        Command::Ops(_) => Some(Heard::Act),
        _ => None,
    }
}

/// Notes it, if a drill goes on. The command has been done: nothing that goes wrong here is its failure.
pub fn note(home: &Home, heard: Heard, words: &[String], outcome: &Outcome) {
    let store = Store::of(home);
    let going_on = |phase: &Phase| !matches!(phase, Phase::Over(_));
    if !store.session().is_ok_and(|session| session.is_some_and(|session| going_on(&session.phase))) {
        return;
    }
    let by = std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "you".to_owned());
    let happened = match heard {
        Heard::Look => Happened::Looked { by, what: words.join(" ") },
        Heard::Act if matches!(outcome, Ok(Code::Good)) => {
            Happened::Acted { by, ops: words.get(1..).unwrap_or_default().join(" ") }
        }
        Heard::Act => return,
    };
    drop(store.record(happened));
}

/// The words of the command line from the command's name on, without what every command has.
pub fn words(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut words = Vec::new();
    let mut arguments = arguments.skip(1);
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--json" => {}
            "--home" => drop(arguments.next()),
            home if home.starts_with("--home=") => {}
            _ => words.push(word),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_command_has_is_left_out() {
        let given = ["firedrill", "--home", "x", "ops", "--json", "rollback", "--home=x", "order-service"];
        assert_eq!(words(given.map(str::to_owned).into_iter()), ["ops", "rollback", "order-service"]);
    }
}
