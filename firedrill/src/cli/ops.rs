//! The words of `firedrill ops`.

use clap::{Args, Subcommand};

/// What an operator does.
#[derive(Clone, Debug, Subcommand)]
pub enum Ops {
    /// Show a service's settings: values, defaults, what they take and what they do
    Get(OpsShow),
    /// Change settings of a service, all or none of them
    Set(OpsSet),
    /// Remove what was deployed; where nothing was, go back to the settings before the last change, or of an earlier revision
    Rollback(OpsRollback),
    /// List what was changed, and when
    History(OpsHistory),
    /// Let a service drain, end and begin again
    Restart(OpsRestart),
    /// Run another version beside the one that runs, for a share of the requests
    Deploy(OpsDeploy),
    /// Run so many instances of a service
    Scale(OpsScale),
}

/// Options of `ops get`.
#[derive(Clone, Debug, Args)]
pub struct OpsShow {
    /// The service, such as order-service
    pub service: String,
    /// Only these settings, such as db.pool.max_connections, or all of one area, such as db
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
}

/// Options of `ops history`.
#[derive(Clone, Debug, Args)]
pub struct OpsHistory {
    /// The service, such as order-service
    pub service: String,
}

/// Options of `ops set`.
#[derive(Clone, Debug, Args)]
pub struct OpsSet {
    /// The service, such as order-service
    pub service: String,
    /// What to change, such as db.pool.max_connections=4
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = change)]
    pub changes: Vec<(String, String)>,
}

/// Options of `ops rollback`.
#[derive(Clone, Debug, Args)]
pub struct OpsRollback {
    /// The service, such as order-service
    pub service: String,
    /// The revision to go back to [default: the one before the last change]
    #[arg(long, value_name = "REVISION")]
    pub to: Option<u64>,
}

/// Options of `ops restart`.
#[derive(Clone, Debug, Args)]
pub struct OpsRestart {
    /// The service, such as order-service
    pub service: String,
    /// Only this instance of it, such as order-service-2 [default: all, one after the other]
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
}

/// Options of `ops deploy`. The version is that of the service, not of this program.
#[derive(Clone, Debug, Args)]
#[command(disable_version_flag = true)]
pub struct OpsDeploy {
    /// The service, such as order-service
    pub service: String,
    /// The version that the new instance says it is of
    #[arg(long, value_name = "VERSION")]
    pub version: String,
    /// A setting of the new instance; may be given more than once
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = change)]
    pub settings: Vec<(String, String)>,
    /// Its part of the requests, above 0 and at most 1
    #[arg(long, default_value_t = 0.5)]
    pub share: f64,
    /// Remove it by itself after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub lease: Option<f64>,
}

/// Options of `ops scale`.
#[derive(Clone, Debug, Args)]
pub struct OpsScale {
    /// The service, such as order-service
    pub service: String,
    /// How many instances
    pub instances: u32,
}

fn change(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as db.pool.max_connections=4".into()),
    }
}
