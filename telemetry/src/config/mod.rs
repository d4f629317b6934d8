//! Configuration, parsed once: OpenTelemetry's standard variables, `LOG_EXPORT`, `LOKI_URL` and `RUST_LOG`.
//!
//! It holds plain values; nothing is opened or started here. Process-wide limits of the SDK (`OTEL_SPAN_*_LIMIT`) are read
//! by the SDK itself.

mod env;
mod otlp;
mod sampler;

use std::time::Duration;

use crate::names::attribute::{SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION};
use env::{Env, invalid};

pub use env::ConfigError;
pub use otlp::{DEFAULT_TIMEOUT, Otlp, Protocol};
pub use sampler::Sampler;

/// Which log events are written when `RUST_LOG` is unset: ours from `info` up, without the HTTP client's connection chatter.
/// `reqwest=off` would be wrong: targets match by prefix, and `reqwest_tracing` would fall silent with it.
pub const DEFAULT_FILTER: &str = "info,hyper_util=off,reqwest::connect=off";
/// How long a drain may take.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(5);

/// Everything [`crate::init`] needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `service.name`, and the label `service` of all metrics.
    pub service_name: String,
    /// `service.version`.
    pub service_version: String,
    /// `service.instance.id`; random unless set.
    pub instance_id: String,
    /// Further resource attributes.
    pub resource: Vec<(String, String)>,
    /// `OTEL_SDK_DISABLED`: no spans, no exported logs; context and correlation id still travel.
    pub disabled: bool,
    /// Which traces are recorded.
    pub sampler: Sampler,
    /// Where spans go; `None` for nowhere.
    pub traces: Option<Otlp>,
    /// Where log records go, besides standard output.
    pub logs: LogExport,
    /// Queue of spans.
    pub span_queue: Queue,
    /// Queue of log records.
    pub log_queue: Queue,
    /// Whether log events are written to standard output as JSON lines.
    pub stdout: bool,
    /// Which log events are written, in the syntax of `RUST_LOG`. Spans are not subject to it.
    pub filter: String,
    /// Longest a drain may take.
    pub drain: Duration,
    /// Choices that are not known here, and what was taken instead. Told as warnings once there is a log.
    pub ignored: Vec<ConfigError>,
}

/// Where log records go, besides standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogExport {
    /// To the collector.
    Otlp(Otlp),
    /// Straight to Loki's push API.
    Loki {
        /// Base URL of Loki.
        url: String,
        /// Longest one push may take.
        timeout: Duration,
    },
    /// Nowhere.
    None,
}

/// A bounded queue in front of an exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Most items held, those under export included; beyond it items are dropped and counted.
    pub capacity: usize,
    /// Most items in one export.
    pub batch: usize,
    /// Longest an item waits for its batch to fill.
    pub delay: Duration,
}

impl Config {
    /// Reads the process environment. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win over the arguments.
    ///
    /// # Errors
    /// When a variable is malformed; the error names it.
    pub fn from_env(service_name: &str, service_version: &str) -> Result<Config, ConfigError> {
        Config::read(service_name, service_version, |variable| std::env::var(variable).ok())
    }

    /// As [`Config::from_env`], with the variables from `lookup`.
    ///
    /// # Errors
    /// When a variable is malformed; the error names it.
    pub fn read(
        service_name: &str,
        service_version: &str,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Config, ConfigError> {
        let env = Env::new(&lookup);
        let mut resource = match env.text("OTEL_RESOURCE_ATTRIBUTES") {
            Some(text) => otlp::parse_pairs("OTEL_RESOURCE_ATTRIBUTES", &text)?,
            None => Vec::new(),
        };
        let named = take(&mut resource, SERVICE_NAME);
        check_propagators(&env);
        let mut config = Config {
            service_name: env.text("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| service_name.to_owned()),
            service_version: take(&mut resource, SERVICE_VERSION)
                .unwrap_or_else(|| service_version.to_owned()),
            instance_id: take(&mut resource, SERVICE_INSTANCE_ID).unwrap_or_else(random_instance_id),
            resource,
            disabled: env.flag("OTEL_SDK_DISABLED"),
            sampler: Sampler::read(&env)?,
            traces: otlp::TRACES.exported(&env).then(|| otlp::TRACES.otlp(&env)).transpose()?,
            logs: LogExport::read(&env)?,
            span_queue: Queue::read(&env, otlp::TRACES.queue, Duration::from_secs(5))?,
            log_queue: Queue::read(&env, otlp::LOGS.queue, Duration::from_secs(1))?,
            stdout: true,
            filter: env.text("RUST_LOG").unwrap_or_else(|| DEFAULT_FILTER.to_owned()),
            drain: DEFAULT_DRAIN,
            ignored: Vec::new(),
        };
        config.ignored = env.into_ignored();
        Ok(config)
    }
}

impl LogExport {
    fn read(env: &Env<'_>) -> Result<LogExport, ConfigError> {
        const VARIABLE: &str = "LOG_EXPORT";
        match env.text(VARIABLE).as_deref() {
            None | Some("otlp") if otlp::LOGS.exported(env) => Ok(LogExport::Otlp(otlp::LOGS.otlp(env)?)),
            None | Some("otlp" | "none") => Ok(LogExport::None),
            Some("loki") => {
                let url = match env.text("LOKI_URL") {
                    Some(url) => otlp::http_url("LOKI_URL", &url)?,
                    None => "http://127.0.0.1:3100".to_owned(),
                };
                Ok(LogExport::Loki { url, timeout: DEFAULT_TIMEOUT })
            }
            Some(other) => Err(invalid(VARIABLE, other, "use otlp, loki or none")),
        }
    }
}

impl Queue {
    fn read(env: &Env<'_>, prefix: &str, default_delay: Duration) -> Result<Queue, ConfigError> {
        let count = "use a whole number above 0";
        let size = |what: &str, default: usize| {
            let variable = format!("{prefix}_{what}");
            match env.number(&variable, default, count)? {
                0 => Err(invalid(&variable, "0", count)),
                number => Ok(number),
            }
        };
        let capacity = size("MAX_QUEUE_SIZE", 2048)?;
        let batch = size("MAX_EXPORT_BATCH_SIZE", 512)?.min(capacity);
        let delay = env.millis(&format!("{prefix}_SCHEDULE_DELAY"))?.unwrap_or(default_delay);
        Ok(Queue { capacity, batch, delay })
    }
}

fn take(pairs: &mut Vec<(String, String)>, key: &str) -> Option<String> {
    let index = pairs.iter().position(|(name, _)| name == key)?;
    Some(pairs.remove(index).1)
}

/// Trace context and baggage are what the services speak, always.
fn check_propagators(env: &Env<'_>) {
    const VARIABLE: &str = "OTEL_PROPAGATORS";
    let Some(value) = env.text(VARIABLE) else { return };
    if !value.split(',').map(str::trim).all(|name| matches!(name, "tracecontext" | "baggage")) {
        env.ignore(VARIABLE, &value, "this build propagates tracecontext,baggage and nothing else");
    }
}

/// A random UUID, version 4.
fn random_instance_id() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
