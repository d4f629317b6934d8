//! What commands ask of the running stack, and what they do to it.

use loadgen::{client::Targets, faults};
use query::Stack;

use crate::{failure::Failure, run_file::RunFile};

/// Clients for the three APIs that `run.json` names.
pub fn of(run: &RunFile) -> Result<Stack, Failure> {
    Stack::new(run.url("prometheus")?, run.url("loki")?, run.url("jaeger")?)
        .map_err(|e| Failure::environment(e.to_string()))
}

/// The control listeners of the running stack, for faults.
pub fn controls(run: &RunFile, targets: Targets) -> Result<faults::Stack, Failure> {
    let url = |name: &str| run.urls.get(name).and_then(|url| url.as_deref());
    faults::Stack::new(&run.admin_token, &run.admin_urls, url("control"), url("network"), targets)
        .map_err(|e| Failure::environment(e.to_string()))
}

/// A failed question to an API, as the end of a command.
pub fn failed(error: &query::Error) -> Failure {
    match error.is_unreachable() {
        true => Failure::environment(format!("{error}; is the stack up? `firedrill doctor` tells")),
        false => Failure::not_good(error.to_string()),
    }
}
