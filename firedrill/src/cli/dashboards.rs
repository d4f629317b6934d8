//! The words of `firedrill dashboards`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::duration;

/// What to do with the dashboards.
#[derive(Clone, Debug, Subcommand)]
pub enum Dashboards {
    /// Run the query of every panel against the stack that is up
    Check(DashboardsCheck),
    /// Hold the dashboards against the rules, without a stack
    Lint(DashboardsDir),
}

/// Options of `dashboards check`.
#[derive(Clone, Debug, Args)]
pub struct DashboardsCheck {
    /// Which dashboards.
    #[command(flatten)]
    pub dashboards: DashboardsDir,
    /// How far back the panels look
    #[arg(long, default_value = "5m", value_name = "TIME", value_parser = duration)]
    pub window: Duration,
}

/// Which dashboards.
#[derive(Clone, Debug, Args)]
pub struct DashboardsDir {
    /// Folder of the dashboards [default: the folder dashboards, else the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
