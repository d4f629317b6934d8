//! The command line's words. Parsing only: what a command does is in [`crate::commands`].

mod dashboards;
mod drill;
mod investigate;
mod load;
mod mistake;
mod ops;
mod runbook;
mod slo;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ::slo::generate::Speed;
use clap::{Args, Parser, Subcommand};

pub use self::{
    dashboards::{Dashboards, DashboardsCheck, DashboardsDir},
    drill::{
        Drill, DrillAnswer, DrillBench, DrillList, DrillReport, DrillRun, DrillServe, DrillStart,
        DrillVerify, drill_bounds,
    },
    investigate::{Investigate, Way},
    load::{Faults, Load},
    ops::{Ops, OpsDeploy, OpsHistory, OpsRestart, OpsRollback, OpsScale, OpsSet, OpsShow},
    runbook::{Runbook, RunbookRun, RunbookShow},
    slo::{Slo, SloEngine, SloGenerate, SloLive, SloMutate, SloSimulate, SloTest},
};
use crate::{child::role::Role, ports::Ports};

/// Incident drills on real services: traces, metrics and logs joined by one correlation id.
#[derive(Debug, Parser)]
#[command(name = "firedrill", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// What all commands share.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Folder of the running stack [default: .firedrill]
    #[arg(long, global = true, env = "FIREDRILL_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// End with one JSON object on the last line of standard output: the result, or {"error": "why there is none"}
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything: three services, the telemetry backend, the console and traffic
    Up(Up),
    /// Start the telemetry backend alone, for any program that speaks OTLP
    Backend(Backend),
    /// Send seeded traffic to the running services and report on it
    #[command(
        after_help = "Exit code: 0 good; 98 the generator itself was late, so that its figures say nothing; 99 a threshold of the \
                            profile failed. Where both are so it is 98, and the report tells of both."
    )]
    Load(Load),
    /// Send known requests and prove that traces, logs and metrics tell the same story
    Audit(Audit),
    /// Draw one trace as a tree with its log lines in place
    Trace(Trace),
    /// Print the log lines that match a LogQL query, or draw what a LogQL metric query counts
    Logs(Logs),
    /// Evaluate a PromQL expression now, or draw it over time
    Query(Query),
    /// Say from telemetry alone what is wrong: which service, which operation, why
    Investigate(Investigate),
    /// Read what an alert means, and run its diagnosis on the stack that is up
    #[command(subcommand)]
    Runbook(Runbook),
    /// Practise on an incident: get a page, find out why, answer, and be told how it went
    #[command(subcommand)]
    Drill(Drill),
    /// Check what this machine has and what is running
    Doctor,
    /// Check the Grafana dashboards: what their panels show, and how they are written
    #[command(subcommand)]
    Dashboards(Dashboards),
    /// Make alerting rules from objectives, and test them
    #[command(subcommand)]
    Slo(Slo),
    /// Operate the running services: settings, restarts, more instances, a version beside the one that runs
    #[command(subcommand)]
    Ops(Ops),
    /// One role of a stack, as `up` starts it
    #[command(hide = true)]
    Run(Run),
    /// Another program of a stack, kept for `up`
    #[command(hide = true)]
    Keep(Keep),
    /// Ask one address and tell by the exit code whether it answers well: a container's health check
    #[command(hide = true)]
    Probe(Probe),
}

/// Options of `up`.
#[derive(Clone, Debug, Args)]
pub struct Up {
    /// Which backends hold the telemetry
    #[arg(long, value_enum, default_value_t = Stack::Embedded)]
    pub stack: Stack,
    /// Where the backends of --stack external are
    #[command(flatten)]
    pub external: External,
    /// Keep only the traces that are worth it: with --stack native, errors, slow ones and a tenth of the rest
    #[arg(long)]
    pub tail_sampling: bool,
    /// Stop by itself after this time, such as 20s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub run_for: Option<Duration>,
    /// Requests per second of the traffic
    #[arg(long, default_value_t = 20.0, value_parser = rate, allow_negative_numbers = true)]
    pub rps: f64,
    /// Seed of the traffic
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Shape of the traffic: a profile's name or a TOML file
    #[arg(long, default_value = "steady")]
    pub profile: String,
    /// The documented ports, or whatever is free
    #[arg(long, value_enum, default_value_t = Ports::Standard)]
    pub ports: Ports,
    /// Send no traffic
    #[arg(long)]
    pub no_load: bool,
    /// How long telemetry is kept, such as 24h
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = duration)]
    pub retention: Duration,
    /// Divide the windows of all alerts by this, from 1 to 60: an incident of an hour in a minute
    #[arg(long, value_name = "K", default_value_t = Speed::REAL, value_parser = self::slo::speed)]
    pub speed: Speed,
}

/// The backends of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stack {
    /// The one built in
    Embedded,
    /// The real programs, started here: OpenTelemetry Collector, Jaeger, Prometheus, Loki, Alertmanager
    Native,
    /// Such as run already, wherever they are
    External,
}

/// Base addresses of backends that run already.
#[derive(Clone, Debug, Default, Args)]
pub struct External {
    /// Prometheus API of --stack external
    #[arg(long, value_name = "URL", value_parser = base_address)]
    pub prometheus_url: Option<String>,
    /// Loki API of --stack external
    #[arg(long, value_name = "URL", value_parser = base_address)]
    pub loki_url: Option<String>,
    /// Jaeger API of --stack external
    #[arg(long, value_name = "URL", value_parser = base_address)]
    pub jaeger_url: Option<String>,
    /// OTLP over HTTP of --stack external
    #[arg(long, value_name = "URL", value_parser = base_address)]
    pub otlp_url: Option<String>,
    /// Alertmanager API of --stack external, if there is one
    #[arg(long, value_name = "URL", value_parser = base_address)]
    pub alertmanager_url: Option<String>,
}

/// Options of `backend`.
#[derive(Clone, Debug, Args)]
pub struct Backend {
    /// The documented ports, or whatever is free
    #[arg(long, value_enum, default_value_t = Ports::Standard)]
    pub ports: Ports,
    /// How long telemetry is kept, such as 24h
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = duration)]
    pub retention: Duration,
    /// Scrape targets, a JSON file as Prometheus' file_sd reads it
    #[arg(long, value_name = "FILE")]
    pub scrape: Option<PathBuf>,
    /// A file of Prometheus' rules to evaluate; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// The address of an Alertmanager that is told of alerts; may be given more than once [default: the built-in one]
    #[arg(long, value_name = "URL")]
    pub alertmanager: Vec<String>,
    /// What the built-in Alertmanager does, in Alertmanager's format [default: it prints every notification]
    #[arg(long, value_name = "FILE")]
    pub alertmanager_file: Option<PathBuf>,
}

/// Options of `audit`.
#[derive(Clone, Debug, Args)]
pub struct Audit {
    /// How many requests to send
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub requests: u32,
    /// Seed of the requests
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many requests are under way at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: u16,
}

/// Options of `trace`.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Trace {
    /// The trace id, 32 hex digits
    pub id: Option<String>,
    /// Find the trace by the correlation id of its request
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub correlation: Option<String>,
}

/// Options of `logs`.
#[derive(Clone, Debug, Args)]
pub struct Logs {
    /// LogQL, such as '{service_name="order-service"} |= "confirmed"'
    pub query: String,
    /// How far back, such as 15m
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = duration)]
    pub since: Duration,
    /// At most this many lines, the newest
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub limit: u32,
    /// Go on with the lines that come, until Ctrl-C; with --json one object per line
    #[arg(long, short)]
    pub follow: bool,
}

/// Options of `query`.
#[derive(Clone, Debug, Args)]
pub struct Query {
    /// PromQL.
    #[arg(
        help = "PromQL, such as 'sum by (service) (rate(http_server_request_duration_seconds_count[1m]))'"
    )]
    pub expression: String,
    /// Draw it over this time until now, such as 15m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub since: Option<Duration>,
    /// Ask again every second, until Ctrl-C; with --json one answer per line
    #[arg(long, short)]
    pub follow: bool,
}

/// Options of `run`.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// The role
    #[arg(value_enum)]
    pub role: Role,
    /// A listener to bind
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = crate::child::listening::parse_pair)]
    pub listen: Vec<(String, SocketAddr)>,
    /// Run until asked to terminate: no parent holds standard input open, as in a container
    #[arg(long)]
    pub alone: bool,
}

/// Options of `probe`.
#[derive(Clone, Debug, Args)]
pub struct Probe {
    /// What to ask, such as http://127.0.0.1:5003/ready
    pub url: String,
}

/// Options of `keep`.
#[derive(Clone, Debug, Args)]
pub struct Keep {
    /// A listener that the program will bind
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = crate::child::listening::parse_pair)]
    pub listen: Vec<(String, SocketAddr)>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub program: Vec<std::ffi::OsString>,
}

/// Reads `20s`, `5m`, `1h30m`, `500ms`, `7d`, `2w`; a day has 24 hours, and zero is no time to do anything in.
fn duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::Span>().ok();
    let read = span.and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok());
    let read = read.and_then(|duration| Duration::try_from(duration).ok());
    match read {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected a time above zero, such as 20s, 5m, 1h or 7d".into()),
    }
}

/// Reads a base address without a slash at its end.
fn base_address(text: &str) -> Result<String, String> {
    let base = text.trim_end_matches('/');
    let valid = reqwest::Url::parse(base).is_ok_and(|url| url.scheme() == "http" && url.query().is_none());
    match valid {
        true => Ok(base.to_owned()),
        false => Err("expected an address such as http://127.0.0.1:9090; there is no TLS here".into()),
    }
}

/// Reads requests per second.
fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 100_000.0 => Ok(rate),
        _ => Err("expected requests per second above 0 and at most 100000".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_words_of_the_command_line_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(duration("1w 12h"), Ok(Duration::from_secs(7 * 86_400 + 43_200)));
        for wrong in ["", "0s", "-5s", "20", "soon", "1mo", "1y", "9999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_value_is_said_and_not_taken_for_an_option() {
        let said = |words: &[&str]| Cli::try_parse_from(words).expect_err("a mistake").to_string();
        for command in ["up", "load"] {
            let error = said(&["firedrill", command, "--rps", "-1"]);
            assert!(error.contains("invalid value '-1'") && error.contains("above 0"), "{error}");
        }
        let error = said(&["firedrill", "trace", "--correlation", ""]);
        assert!(error.contains("--correlation <ID>"), "{error}");
    }

    #[test]
    fn a_rate_is_positive_and_finite() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "NaN", "inf", "many"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
