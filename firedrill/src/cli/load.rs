//! The words of `load`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use loadgen::faults::Request;

use super::{duration, rate};

/// Options of `load`.
#[derive(Clone, Debug, Args)]
pub struct Load {
    /// Shape of the traffic: a profile's name or a TOML file
    #[arg(long, default_value = "steady")]
    pub profile: String,
    /// Requests per second [default: the profile's]
    #[arg(long, value_parser = rate, allow_negative_numbers = true)]
    pub rps: Option<f64>,
    /// How long, such as 30s [default: the profile's]
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub run_for: Option<Duration>,
    /// Seed of the plan
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Send as fast as this many connections can, instead of on a schedule
    #[arg(long, value_name = "CONNECTIONS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub closed: Option<u16>,
    /// The generator's own lag at p99 beyond which the run is void, such as 10ms
    #[arg(long, default_value = "10ms", value_name = "TIME", value_parser = duration)]
    pub lag_budget: Duration,
    /// Write the report of the run as one HTML file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write one line per step as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// List the profiles and end
    #[arg(long)]
    pub list_profiles: bool,
    /// What the services shall suffer meanwhile
    #[command(flatten)]
    pub faults: Faults,
}

/// Options of `load` that are about faults.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Faults")]
pub struct Faults {
    /// Let the services suffer a fault: NAME, NAME@START+LENGTH or NAME@START+LENGTH,PARAMETER=VALUE; may be given more than
    /// once. What is left out, the seed decides
    #[arg(long, value_name = "FAULT", conflicts_with = "closed")]
    pub fault: Vec<Request>,
    /// Draw a schedule of faults from the seed
    #[arg(long, conflicts_with_all = ["fault", "closed"])]
    pub chaos: bool,
    /// Tell what a run suffered, by its id or `last`, and end
    #[arg(long, value_name = "RUN")]
    pub reveal: Option<String>,
    /// List the faults and end
    #[arg(long)]
    pub list_faults: bool,
    /// Carry out each --fault once per seed, and check that it occurred, that users felt it, and that all is as before afterwards
    #[arg(long, conflicts_with_all = ["chaos", "closed", "html", "csv"])]
    pub verify_faults: bool,
    /// Verify all faults
    #[arg(long, requires = "verify_faults", conflicts_with = "fault")]
    pub all: bool,
    /// The seeds to verify with
    #[arg(
        long,
        requires = "verify_faults",
        value_delimiter = ',',
        default_value = "1",
        value_name = "SEED,…"
    )]
    pub seeds: Vec<u64>,
    /// Carry out what a run's ledger holds
    #[arg(long, hide = true, value_name = "RUN", conflicts_with_all = ["fault", "chaos", "closed"])]
    pub sealed: Option<String>,
}
