//! `firedrill drill start --tutorial`: one easy drill, step by step. What a newcomer is shown is what anybody can do: each look is a
//! real command, run here and now.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Parser as _;
use drills::{
    grade::{Answer, Grade},
    scenario::{self, Difficulty},
    session::{Happened, Phase, Session},
};

use super::{
    super::{logs, query, trace},
    answer, output, words,
};
use crate::{
    called,
    cli::{Cli, Command, DrillStart},
    drill::{
        answer::give,
        auto::mitigate,
        begin::{Asked, begin},
        overhear::{self, Heard},
        sealed::Sealed,
        store::Store,
        told::way,
    },
    failure::{Code, Failure, Outcome},
    home::Home,
};

/// The fastest, so that nobody waits for long.
const SPEED: f64 = 8.0;
/// Decides what is decided where nobody names another one, so that two newcomers see the same.
const SEED: u64 = 1;
const YOU: &str = "you";

/// Leads through it; good when the answer was right.
pub(super) async fn run(home: &Home, options: &DrillStart, json: bool) -> Outcome {
    let asked = Asked {
        id: Some(easy()?),
        seed: Some(options.which.seed.unwrap_or(SEED)),
        minutes: options.minutes,
        speed: SPEED,
        participants: vec![YOU.to_owned()],
    };
    let (scenario, _) = begin(home, asked).await?;
    let store = Store::of(home);
    output::print(&format!(
        "This is a drill, and you are led through it. Something will go wrong with the running stack, really, and nothing that you can look \
         at names it. `{}` ends it at any time.\n\n\
         All that people are told at the beginning:\n\n  {}\n\n\
         1. The page. Now shoppers shop, and all is well. Wait for somebody to call: half a minute or so.\n",
        called::command(home, &["drill", "stop"]),
        scenario.brief.trim().replace('\n', "\n  ")
    ));
    let session = store.until(|session| session.phase != Phase::Calm).await?;
    let Some(page) = session.paged.as_ref().filter(|_| session.phase == Phase::Investigating) else {
        return Err(Failure::not_good(words::standing(home, &session)));
    };
    output::print(&format!("  {}\n", page.text));
    let led = lead(home, &store, &session).await;
    if led.is_err() {
        // Nobody is left who could end it; one that has ended by itself is no trouble.
        drop(store.record(Happened::Stopped));
    }
    let (session, grade) = led?;
    output::print(&format!("\n{}\n", words::grade(&grade)));
    output::print(&format!(
        "That was it. `{}` tells how it went, and what each signal showed. The next one is yours alone: `{}`.",
        called::command(home, &["drill", "report"]),
        called::command(home, &["drill", "start"])
    ));
    if json {
        output::json(&answer::object(&session, &grade));
    }
    Ok(if grade.correct.is_whole() { Code::Good } else { Code::NotGood })
}

/// The first easy one that there is a way through.
fn easy() -> Result<String, Failure> {
    for id in scenario::ids() {
        let found = scenario::find(id).map_err(Failure::not_good)?;
        if found.difficulty == Difficulty::Easy && !found.way.is_empty() && !found.places.is_empty() {
            return Ok(found.id);
        }
    }
    Err(Failure::not_good("there is no easy drill"))
}

/// From the page to the answer.
async fn lead(home: &Home, store: &Store, session: &Session) -> Result<(Session, Grade), Failure> {
    let sealed = Sealed::of(home, session)?;
    let truth = sealed.truth();
    for (nth, look) in way(&sealed.scenario, session).into_iter().enumerate() {
        output::print(&format!(
            "\n{}. Look at the {}:\n\n  {}\n",
            nth + 2,
            look.signal,
            called::command(home, &look.words)
        ));
        enter("run it")?;
        show(home, &look.words).await?;
        output::print(&format!("\n  What is to be seen: {}", look.what));
    }
    if let Some(remedy) = sealed.scenario.remedies(&truth).find(|remedy| remedy.works) {
        let ops = remedy.ops.iter().map(|ops| format!("  ops {ops}\n")).collect::<String>();
        output::print(&format!(
            "\nSo users can be helped, before all is understood:\n\n{ops}\n  {}\n",
            remedy.why
        ));
        enter("do it")?;
        mitigate(home, store, &sealed).await?;
        let well = store.last()?.recovered_ms.is_some();
        output::print(if well {
            "  Users are well again."
        } else {
            "  Users are not yet as well as before."
        });
    }
    let evidence = session.paged.as_ref().and_then(|told| told.trace.clone());
    let answer = Answer {
        service: truth.service.clone(),
        operation: truth.operations.first().cloned(),
        cause: Some(truth.cause),
        evidence,
    };
    output::print(&format!(
        "\nThe answer says which service, which operation, why, and what shows it:\n\n  {}\n\n  {}.\n",
        called::command(home, &spoken(&answer)),
        truth.cause.plain()
    ));
    enter("answer")?;
    give(home, YOU, answer).await
}

/// The command that gives this answer.
fn spoken(answer: &Answer) -> Vec<String> {
    let cause = answer.cause.map(|cause| cause.name().to_owned());
    let parts = [
        ("--service", &answer.service),
        ("--operation", &answer.operation),
        ("--cause", &cause),
        ("--evidence", &answer.evidence),
    ];
    let mut words = vec!["drill".to_owned(), "answer".to_owned()];
    for (option, value) in parts {
        words.extend(value.iter().flat_map(|value| [option.to_owned(), value.clone()]));
    }
    words
}

/// Runs what was shown, as if it had been typed.
async fn show(home: &Home, words: &[String]) -> Result<(), Failure> {
    let line = std::iter::once("firedrill").chain(words.iter().map(String::as_str));
    let cli = Cli::try_parse_from(line).map_err(|e| Failure::not_good(e.to_string()))?;
    let outcome = match cli.command {
        Command::Query(options) => query::run(home, &options, false).await,
        Command::Logs(options) => logs::run(home, &options, false).await,
        Command::Trace(options) => trace::run(home, &options, false).await,
        _ => Err(Failure::not_good(format!("{words:?} is no look"))),
    };
    overhear::note(home, Heard::Look, words, &outcome);
    outcome.map(drop)
}

/// Waits for Enter at a terminal; elsewhere there is nobody to wait for. The end of the input ends the drill.
fn enter(what: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(());
    }
    output::progress(&format!("  [Enter to {what}] "));
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) => Err(Failure::not_good("the drill was left before its end")),
        Ok(_) => Ok(()),
        Err(e) => Err(Failure::environment(format!("cannot ask at this terminal: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_easy_drill_and_its_answer_can_be_typed() {
        assert!(scenario::ids().contains(&easy().expect("one").as_str()));
        let answer =
            Answer { service: Some("shop".into()), evidence: Some("ab".into()), ..Answer::default() };
        assert_eq!(spoken(&answer), ["drill", "answer", "--service", "shop", "--evidence", "ab"]);
    }
}
