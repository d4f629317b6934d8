//! Objectives on this side of the `slo` crate: what exists in a stack that rules may refer to, the folder of rules, the rules
//! of a running stack, and whom their alerts reach.

pub mod builtin;
pub mod folder;
pub mod laid_out;
pub mod routes;
pub mod world;

use slo::files::Unusable;

use crate::failure::Failure;

/// Files with a mistake are not good; files that are not there are the environment's fault.
impl From<Unusable> for Failure {
    fn from(error: Unusable) -> Self {
        match error {
            Unusable::Wrong(error) => Self::not_good(error.to_string()),
            other => Self::environment(other.to_string()),
        }
    }
}
