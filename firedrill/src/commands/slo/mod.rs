//! `firedrill slo`: rules from objectives, and whether they do what their contracts say.

mod generate;
#[cfg(unix)]
mod live;
mod mutate;
mod simulate;
mod test;
mod unit;

use slo::engine::{Engine, EngineError, Promtool};

use crate::{
    cli::{Slo, SloEngine},
    failure::{Failure, Outcome},
    home::Home,
    native::{locate, versions},
    objectives::builtin::Builtin,
};

/// Dispatches.
pub(super) async fn run(home: &Home, command: &Slo, json: bool) -> Outcome {
    match command {
        Slo::Generate(options) => generate::run(options, json),
        Slo::Test(options) if !options.promtool_file.is_empty() => {
            unit::run(&options.promtool_file, &Builtin, json)
        }
        Slo::Test(options) => {
            let engine = engine(options.engine).await?;
            test::run(options, engine.as_ref(), json)
        }
        Slo::Mutate(options) => {
            let engine = engine(options.engine).await?;
            mutate::run(options, engine.as_ref(), json)
        }
        Slo::Simulate(options) => simulate::run(options, json),
        #[cfg(unix)]
        Slo::Live(options) => live::run(home, options, json).await,
        #[cfg(not(unix))]
        Slo::Live(_) => {
            let _ = home;
            Err(Failure::environment(
                "processes are stopped and killed by signals, which needs a Unix system",
            ))
        }
    }
}

/// The engine, ready to be asked.
async fn engine(which: SloEngine) -> Result<Box<dyn Engine>, Failure> {
    match which {
        SloEngine::Builtin => Ok(Box::new(Builtin)),
        SloEngine::Promtool => {
            let program = versions::program("promtool")
                .ok_or_else(|| Failure::environment("this build does not know promtool"))?;
            let search = locate::search(program).await;
            match &search.found {
                Some(found) => Ok(Box::new(Promtool { program: found.path.clone() })),
                None => Err(Failure::environment(format!(
                    "promtool: {}; stack/native/build prometheus builds it",
                    search.told()
                ))),
            }
        }
    }
}

/// The objective of that name, or the nearest name.
fn named<'s>(slos: &'s [slo::spec::Slo], name: &str) -> Result<&'s slo::spec::Slo, Failure> {
    slos.iter().find(|slo| slo.name == *name).ok_or_else(|| {
        let known: Vec<&str> = slos.iter().map(|slo| slo.name.as_str()).collect();
        Failure::arguments(format!(
            "there is no objective {name}; {}",
            loadgen::nearest::suggestion(name, &known)
        ))
    })
}

fn broken(error: &EngineError) -> Failure {
    match error {
        EngineError::Unavailable { .. } => Failure::environment(error.to_string()),
        EngineError::Refused { .. } | EngineError::Strange { .. } => Failure::not_good(error.to_string()),
    }
}
