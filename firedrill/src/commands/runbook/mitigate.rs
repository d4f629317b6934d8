//! Carries out what fits, with the code of `firedrill ops`, after a question each.

use std::io::BufRead as _;

use super::{ops, output};
use crate::{
    called,
    drill::overhear::{self, Heard},
    failure::{Failure, Outcome},
    home::Home,
    runbook::{Remedy, check::operation},
};

/// Asks for one after the other, in order of preference, and carries out the first that is wanted: whether another one is needed the
/// next run tells. Gives what was done.
pub(super) async fn mitigate(home: &Home, fitting: &[&Remedy], yes: bool) -> Result<Vec<String>, Failure> {
    for remedy in fitting {
        if yes || is_wanted(home, remedy)? {
            return carry_out(home, remedy).await;
        }
    }
    Ok(Vec::new())
}

async fn carry_out(home: &Home, remedy: &Remedy) -> Result<Vec<String>, Failure> {
    let mut done = Vec::new();
    for words in &remedy.ops {
        let operation = operation(words).map_err(Failure::arguments)?;
        let words = [&["ops".to_owned()], words.as_slice()].concat();
        output::note(&called::command(home, &words));
        let outcome: Outcome = ops::run(home, &operation, false).await;
        overhear::note(home, Heard::Act, &words, &outcome);
        outcome?;
        done.push(words[1..].join(" "));
    }
    Ok(done)
}

/// Asks at the terminal. The end of the input is no consent.
fn is_wanted(home: &Home, remedy: &Remedy) -> Result<bool, Failure> {
    let mut question = format!("\n{}\n", remedy.text);
    for words in &remedy.ops {
        let words = [&["ops".to_owned()], words.as_slice()].concat();
        question.push_str(&format!("    {}\n", called::command(home, &words)));
    }
    question.push_str("Do it? [y/N] ");
    output::progress(&question);
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|e| Failure::environment(format!("cannot ask at this terminal: {e}; give --yes")))?;
    Ok(is_consent(&line))
}

fn is_consent(line: &str) -> bool {
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_consent() {
        for (line, wanted) in
            [("y\n", true), ("Yes\n", true), ("\n", false), ("", false), ("no\n", false), ("yy", false)]
        {
            assert_eq!(is_consent(line), wanted, "{line:?}");
        }
    }
}
