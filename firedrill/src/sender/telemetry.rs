//! Telemetry of the commands that send requests themselves: their root spans go where the services' spans go.

use loadgen::client::SeededIds;

use crate::{failure::Failure, otlp, run_file::RunFile};

/// Every root span of a request comes from the load generator, whichever command sends it.
const SERVICE_NAME: &str = "loadgen";

/// Starts to export spans to the running stack's backend, unless the environment names another place. Log lines are
/// not exported and not printed: standard output is the command's own.
pub fn start(run: &RunFile) -> Result<::telemetry::Telemetry, Failure> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let ours = otlp::variables(run.url("otlp_http")?, run.url("otlp_grpc").ok(), given);
    let lookup = |name: &str| match name {
        "LOG_EXPORT" => Some("none".to_owned()),
        _ => ours.get(name).cloned().or_else(|| given(name)),
    };
    let mut config = ::telemetry::Config::read(SERVICE_NAME, env!("CARGO_PKG_VERSION"), lookup)
        .map_err(|e| Failure::environment(e.to_string()))?;
    config.stdout = false;
    ::telemetry::Builder::new(config)
        .id_generator(SeededIds::default())
        .install()
        .map_err(|e| Failure::environment(e.to_string()))
}
