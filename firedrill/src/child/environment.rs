//! What a child reads from its environment, and the log of those children that send no telemetry.

use std::str::FromStr;

use crate::failure::Failure;

/// A variable that has to be there.
pub(super) fn text(name: &str) -> Result<String, Failure> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(Failure::environment(format!(
            "the environment variable {name} is not set; `firedrill up` sets it"
        ))),
    }
}

/// A variable that has to hold a number.
pub(super) fn number<T: FromStr>(name: &str) -> Result<T, Failure> {
    let value = text(name)?;
    value.parse().map_err(|_| Failure::environment(format!("{name}={value} is not a number in range")))
}

/// Logs one plain line per event to `output`; without `RUST_LOG`, from `level` on.
pub(crate) fn plain_log<W>(output: fn() -> W, level: &str)
where
    W: std::io::Write + 'static,
{
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // A second call in one process finds a subscriber already there, which is what it wants.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(output).with_ansi(false).try_init();
}
