//! The words of `firedrill slo`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use slo::{
    generate::Speed,
    simulate::{Part, Slowness},
};

/// What to do with objectives.
#[derive(Clone, Debug, Subcommand)]
pub enum Slo {
    /// Write the Prometheus rules that the objectives ask for
    Generate(SloGenerate),
    /// Hold every alert against its contracts: does it fire, in time, for the right thing, and only then
    Test(SloTest),
    /// Change the rules on purpose and count the changes that a contract notices
    Mutate(SloMutate),
    /// Compute which alert fires when, and how much of the error budget is gone, if this happened
    Simulate(SloSimulate),
    /// Stop, kill and hinder parts of the running stack, and tell which alert fired when and reached whom
    Live(SloLive),
}

/// Options of `slo generate`.
#[derive(Clone, Debug, Args)]
pub struct SloGenerate {
    /// Write nothing; tell whether the folder is what the objectives ask for
    #[arg(long)]
    pub check: bool,
    /// Divide all windows by this, from 1 to 60: an incident of an hour in a minute
    #[arg(long, value_name = "K", default_value_t = Speed::REAL, value_parser = speed)]
    pub speed: Speed,
    /// Folder that holds specs [default: the folder slo, else the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Folder to write the rules to [default: rules, beside the specs]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Who evaluates the rules of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SloEngine {
    /// The one of the embedded backend
    Builtin,
    /// Prometheus' own, by way of `promtool test rules`
    Promtool,
}

/// Options of `slo test`.
#[derive(Clone, Debug, Args)]
pub struct SloTest {
    /// Who evaluates the rules
    #[arg(long, value_enum, default_value_t = SloEngine::Builtin)]
    pub engine: SloEngine,
    /// Folder that holds specs and contracts [default: the folder slo, else the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Only the contracts in whose objective or name this stands
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Leave out the contracts of many days
    #[arg(long)]
    pub skip_slow: bool,
    /// Run this file of unit tests, written for promtool test rules, instead of the contracts; may be given more than once
    #[arg(long, value_name = "FILE", conflicts_with_all = ["engine", "dir", "only", "skip_slow"])]
    pub promtool_file: Vec<PathBuf>,
}

/// Options of `slo mutate`.
#[derive(Clone, Debug, Args)]
pub struct SloMutate {
    /// Who evaluates the rules
    #[arg(long, value_enum, default_value_t = SloEngine::Builtin)]
    pub engine: SloEngine,
    /// Folder that holds specs and contracts [default: the folder slo, else the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Change the rules of this objective [default: one objective of each form]
    #[arg(long, value_name = "NAME")]
    pub slo: Vec<String>,
    /// Make only so many of the changes, evenly spread
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// Only the changes in whose words this stands
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}

/// Options of `slo simulate`.
#[derive(Clone, Debug, Args)]
pub struct SloSimulate {
    /// The objective; without one, those that there are are listed
    #[arg(value_name = "SPEC")]
    pub spec: Option<String>,
    /// The bad share, such as 5%; several one after the other, each with its time: 5%@1h,0%@2h,100%@10m
    #[arg(
        long,
        value_name = "SHARE[@TIME]",
        value_delimiter = ',',
        value_parser = slo::simulate::part,
        conflicts_with = "latency"
    )]
    pub errors: Vec<Part>,
    /// How long every answer takes, such as 800ms or 800ms@10m,50ms@1h: bad is what the objective calls slow
    #[arg(long, value_name = "LATENCY[@TIME]", value_delimiter = ',', value_parser = slo::simulate::slowness)]
    pub latency: Vec<Slowness>,
    /// How long each of them lasts that has no time of its own: whole minutes, at most 30 days
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = slo::contract::time)]
    pub lasts: u32,
    /// Events a second
    #[arg(long, value_name = "R", default_value_t = 10.0)]
    pub traffic: f64,
    /// Events a second while it lasts, where that is another number
    #[arg(long, value_name = "R")]
    pub traffic_during: Option<f64>,
    /// The bad share while all is well
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = share)]
    pub background: f64,
    /// How long all was well before
    #[arg(long, value_name = "TIME", default_value = "3d", value_parser = slo::contract::time)]
    pub history: u32,
    /// Folder that holds specs [default: the folder slo, else the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Options of `slo live`.
#[derive(Clone, Debug, Args)]
pub struct SloLive {
    /// Divide all windows and what is done by this, from 1 to 60; the stack's rules are replaced meanwhile
    #[arg(long, value_name = "K", default_value = "60", value_parser = speed)]
    pub speed: Speed,
    /// Folder that holds specs and live cases [default: the folder slo, else the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Only the cases in whose words this stands
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}

/// How many times faster than real time.
pub(super) fn speed(text: &str) -> Result<Speed, String> {
    let times = text.parse().map_err(|_| "expected a whole number from 1 to 60".to_owned())?;
    Speed::new(times).map_err(|error| error.to_string())
}

/// A share without a time.
fn share(text: &str) -> Result<f64, String> {
    let part = slo::simulate::part(text)?;
    if part.seconds.is_some() { Err("expected a share without a time".into()) } else { Ok(part.share) }
}
