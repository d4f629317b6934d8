//! The words of `firedrill runbook`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::investigate::within_a_day;

/// What to do with runbooks.
#[derive(Clone, Debug, Subcommand)]
pub enum Runbook {
    /// List the alerts that have a runbook, with what each means
    List,
    /// Print the runbook of an alert
    Show(RunbookShow),
    /// Run the diagnosis of an alert on the stack that is up, and say what is abnormal and what to do about it
    Run(RunbookRun),
}

/// Options of `runbook show`.
#[derive(Clone, Debug, Args)]
pub struct RunbookShow {
    /// The alert, such as OrderPlacementSlow
    pub alert: String,
}

/// Options of `runbook run`.
#[derive(Clone, Debug, Args)]
pub struct RunbookRun {
    /// The alert, such as OrderPlacementSlow
    pub alert: String,
    /// How long it has been wrong, until now; the time before it, as long, is what it is compared with
    #[arg(long, default_value = "5m", value_name = "TIME", value_parser = within_a_day)]
    pub since: Duration,
    /// Carry out what fits, after a question at the terminal
    #[arg(long)]
    pub mitigate: bool,
    /// Ask nothing: carry out the first thing that fits
    #[arg(long, requires = "mitigate")]
    pub yes: bool,
}
