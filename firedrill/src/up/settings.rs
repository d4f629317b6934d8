//! What `up` was asked for, in the words of the fleet.

use std::time::Duration;

use crate::{cli::Stack, home::Home, ports::Ports};

/// Everything the fleet needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where state lies.
    pub home: Home,
    /// Which backends hold the telemetry.
    pub stack: Stack,
    /// Which ports to take.
    pub ports: Ports,
    /// The token of listeners that change state.
    pub admin_token: String,
    /// How long telemetry is kept.
    pub retention: Duration,
    /// The traffic; none sends none.
    pub load: Option<LoadSettings>,
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
