//! The words of `firedrill ops`.

use clap::{Args, Subcommand};

/// What an operator does.
#[derive(Clone, Debug, Subcommand)]
pub enum Ops {
    /// Show a service's settings: values, defaults, what they take and what they do
    Get(OpsShow),
    /// Change settings of a service, all or none of them
    Set(OpsSet),
    /// Go back to the settings before the last change, or to those of an earlier revision
    Rollback(OpsRollback),
    /// List what was changed, and when
    History(OpsHistory),
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

fn change(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as db.pool.max_connections=4".into()),
    }
}
