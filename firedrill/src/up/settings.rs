//! What `up` was asked for, in the words of the fleet.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use slo::generate::Speed;

use crate::{home::Home, ports::Ports};

/// Everything the fleet needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where state lies.
    pub home: Home,
    /// Which backends hold the telemetry.
    pub backends: Backends,
    /// Which ports to take.
    pub ports: Ports,
    /// The token of listeners that change state.
    pub admin_token: String,
    /// How long telemetry is kept.
    pub retention: Duration,
    /// The traffic; none sends none.
    pub load: Option<LoadSettings>,
    /// How many times faster than real time the alerts judge.
    pub speed: Speed,
}

/// The backends of a stack, and what it takes to have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backends {
    /// The one built in.
    Embedded,
    /// The real programs, started natively.
    Native {
        /// Where each of them lies.
        programs: BTreeMap<&'static str, PathBuf>,
        /// Whether the collector keeps only the traces that its tail sampling picks.
        tail_sampling: bool,
    },
    /// Ones that run already: base addresses by the names of listeners.
    External(BTreeMap<String, String>),
}

impl Backends {
    /// The name in `run.json`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Native { .. } => "native",
            Self::External(_) => "external",
        }
    }
}

/// The traffic of a fleet.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// A profile's name or file.
    pub profile: String,
    /// Requests per second.
    pub rps: f64,
    /// Seed of the plan.
    pub seed: u64,
}
