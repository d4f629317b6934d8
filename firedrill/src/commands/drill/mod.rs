//! `firedrill drill`: a drill, from its begin to its debrief. What a drill is made of is in [`crate::drill`].

mod answer;
mod facilitator;
mod list;
mod player;
mod report;
mod run;
mod start;
mod status;
mod tutorial;
mod verify;
mod words;

use drills::session::Happened;

use super::{output, signal};
use crate::{
    cli::Drill,
    drill::{keeper, sealed::Sealed, store::Store},
    failure::{Code, Failure, Outcome},
    home::Home,
};

/// Dispatches.
pub(super) async fn run(home: &Home, command: &Drill, json: bool) -> Outcome {
    match command {
        Drill::List(options) => list::run(options, json),
        Drill::Start(options) if options.tutorial => tutorial::run(home, options, json).await,
        Drill::Start(options) => start::run(home, options, json).await,
        Drill::Status => status::run(home, json),
        Drill::Hint(options) => {
            let (hint, left) = hint(home, &options.by)?;
            match json {
                true => output::json(&serde_json::json!({"hint": hint, "left": left})),
                false => {
                    output::print(&format!(
                        "{hint}\n({left} left; each costs {} points)",
                        drills::grade::HINT
                    ));
                }
            }
            Ok(Code::Good)
        }
        Drill::Note(options) => {
            let happened = Happened::Noted { by: options.by.by.clone(), text: options.text.clone() };
            status::tell(home, &Store::of(home).record(happened)?, json);
            Ok(Code::Good)
        }
        Drill::Answer(options) => answer::run(home, options, json).await,
        Drill::Stop => {
            status::tell(home, &Store::of(home).record(Happened::Stopped)?, json);
            Ok(Code::Good)
        }
        Drill::Report(options) => report::run(home, options, json).await,
        Drill::Run(options) => run::run(home, options, json).await,
        Drill::Serve(options) => player::serve(home, options, json).await,
        Drill::Bench(options) => player::bench(home, options, json).await,
        Drill::Verify(options) => verify::run(home, options, json).await,
        Drill::Keep => {
            let mut stop = signal::StopAsked::listen()?;
            keeper::keep(home, stop.asked()).await.map(|()| Code::Good)
        }
    }
}

/// The next hint, and how many are left. Taken before it is told: who asks has had it.
fn hint(home: &Home, by: &str) -> Result<(String, usize), Failure> {
    let store = Store::of(home);
    let session = store.last()?;
    let sealed = Sealed::of(home, &session)?;
    let taken = usize::try_from(session.hints).unwrap_or(usize::MAX);
    let Some(hint) = sealed.scenario.hints.get(taken) else {
        return Err(Failure::not_good("there are no more hints"));
    };
    store.record(Happened::Hinted { by: by.to_owned() })?;
    Ok((hint.clone(), sealed.scenario.hints.len() - taken - 1))
}
