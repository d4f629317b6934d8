//! Where and how a signal goes to the collector: `OTEL_EXPORTER_OTLP_*`, the per-signal form before the general one.

use std::time::Duration;

use super::env::{ConfigError, Env, invalid, parse_millis};
use crate::baggage::percent_decode;

/// Longest an export may take when nothing else is set. Shorter than OpenTelemetry's 10 s, so that a hung collector does
/// not use up the deadline of the drain.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Transport of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Protobuf over HTTP/1.1.
    HttpProtobuf,
    /// gRPC.
    Grpc,
}

/// One signal's way to the collector.
#[derive(Clone, PartialEq, Eq)]
pub struct Otlp {
    /// Transport.
    pub protocol: Protocol,
    /// Full URL for HTTP (with `/v1/traces` or `/v1/logs`), base URL for gRPC. Plain HTTP only.
    pub endpoint: String,
    /// Whether bodies are compressed with gzip.
    pub gzip: bool,
    /// Headers or gRPC metadata to send along.
    pub headers: Vec<(String, String)>,
    /// Longest one export may take, retries included.
    pub timeout: Duration,
}

// Headers hold tokens: they must not reach a log through a `{:?}`.
impl std::fmt::Debug for Otlp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Otlp")
            .field("protocol", &self.protocol)
            .field("endpoint", &self.endpoint)
            .field("gzip", &self.gzip)
            .field("headers", &names)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// The names of one signal.
pub(super) struct Signal {
    /// `TRACES` or `LOGS`.
    pub(super) name: &'static str,
    /// Path below a general HTTP endpoint.
    pub(super) path: &'static str,
    /// Prefix of its queue's variables.
    pub(super) queue: &'static str,
}

pub(super) const TRACES: Signal = Signal { name: "TRACES", path: "v1/traces", queue: "OTEL_BSP" };
pub(super) const LOGS: Signal = Signal { name: "LOGS", path: "v1/logs", queue: "OTEL_BLRP" };

impl Signal {
    fn setting(&self, env: &Env<'_>, what: &str) -> Option<(String, String)> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{what}", self.name);
        let general = format!("OTEL_EXPORTER_OTLP_{what}");
        env.first(&[&own, &general]).map(|(variable, value)| (variable.to_owned(), value))
    }

    /// Whether `OTEL_{SIGNAL}_EXPORTER` leaves this signal on.
    pub(super) fn exported(&self, env: &Env<'_>) -> bool {
        let variable = format!("OTEL_{}_EXPORTER", self.name);
        match env.text(&variable).as_deref() {
            None | Some("otlp") => true,
            Some("none") => false,
            Some(other) => {
                env.ignore(&variable, other, "taken as otlp: use otlp or none");
                true
            }
        }
    }

    /// The signal's OTLP settings.
    pub(super) fn otlp(&self, env: &Env<'_>) -> Result<Otlp, ConfigError> {
        let protocol = self.protocol(env);
        let gzip = self.gzip(env)?;
        let timeout = match self.setting(env, "TIMEOUT") {
            Some((variable, value)) => parse_millis(&variable, &value)?,
            None => DEFAULT_TIMEOUT,
        };
        let of_the_queue = env.millis(&format!("{}_EXPORT_TIMEOUT", self.queue))?;
        let timeout = of_the_queue.map_or(timeout, |limit| timeout.min(limit));
        let headers = match self.setting(env, "HEADERS") {
            Some((variable, value)) => parse_pairs(&variable, &value)?,
            None => Vec::new(),
        };
        Ok(Otlp { protocol, endpoint: self.endpoint(env, protocol)?, gzip, headers, timeout })
    }

    fn protocol(&self, env: &Env<'_>) -> Protocol {
        let Some((variable, value)) = self.setting(env, "PROTOCOL") else { return Protocol::HttpProtobuf };
        match value.as_str() {
            "http/protobuf" => Protocol::HttpProtobuf,
            "grpc" => Protocol::Grpc,
            other => {
                env.ignore(&variable, other, "taken as http/protobuf: use http/protobuf or grpc");
                Protocol::HttpProtobuf
            }
        }
    }

    fn gzip(&self, env: &Env<'_>) -> Result<bool, ConfigError> {
        match self.setting(env, "COMPRESSION") {
            None => Ok(false),
            Some((variable, value)) => match value.as_str() {
                "gzip" => Ok(true),
                "none" => Ok(false),
                other => Err(invalid(&variable, other, "use gzip or none")),
            },
        }
    }

    fn endpoint(&self, env: &Env<'_>, protocol: Protocol) -> Result<String, ConfigError> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", self.name);
        let general = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let Some((variable, value)) = env.first(&[&own, general]) else {
            return Ok(match protocol {
                Protocol::Grpc => "http://127.0.0.1:4317".to_owned(),
                Protocol::HttpProtobuf => format!("http://127.0.0.1:4318/{}", self.path),
            });
        };
        let value = http_url(variable, &value)?;
        // A signal's own endpoint is taken as it stands; the general one is a base.
        if variable == general && protocol == Protocol::HttpProtobuf {
            return Ok(format!("{}/{}", value.trim_end_matches('/'), self.path));
        }
        Ok(value)
    }
}

/// `value` when it is an absolute plain-HTTP URL.
pub(super) fn http_url(variable: &str, value: &str) -> Result<String, ConfigError> {
    let url = reqwest::Url::parse(value)
        .map_err(|error| invalid(variable, value, format!("not a URL ({error}): use http://host:port")))?;
    match url.scheme() {
        "http" if url.host_str().is_some() => Ok(value.to_owned()),
        "https" => Err(invalid(
            variable,
            value,
            "this build speaks plain HTTP only: use an http:// endpoint, such as a collector on this machine that adds TLS",
        )),
        _ => Err(invalid(variable, value, "use http://host:port")),
    }
}

/// `key=value,…` with percent-encoded values, as headers and resource attributes are written.
pub(super) fn parse_pairs(variable: &str, text: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
    members
        .map(|member| {
            let (key, value) = member.split_once('=').map(|(key, value)| (key.trim(), value.trim()))?;
            Some((key.to_owned(), percent_decode(value)?)).filter(|(key, _)| !key.is_empty())
        })
        .map(|pair| {
            // The value may hold a token, so the error does not repeat it.
            pair.ok_or_else(|| {
                invalid(variable, "…", "use key=value pairs separated by commas, values percent-encoded")
            })
        })
        .collect()
}
