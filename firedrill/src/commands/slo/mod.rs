//! `firedrill slo`: rules from objectives.

mod generate;

use crate::{
    cli::Slo,
    failure::{Failure, Outcome},
};

/// Dispatches.
pub(super) fn run(command: &Slo, json: bool) -> Outcome {
    match command {
        Slo::Generate(options) => generate::run(options, json),
    }
}

/// Files with a mistake are not good; files that are not there are the environment's fault.
fn unusable(error: slo::files::Unusable) -> Failure {
    match error {
        slo::files::Unusable::Wrong(error) => Failure::not_good(error.to_string()),
        other => Failure::environment(other.to_string()),
    }
}
