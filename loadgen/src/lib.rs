//! Seeded, partly open load: plan, pacing, ledger, report.

mod bearer;
pub mod client;
pub mod faults;
pub mod leases;
mod meter;
pub mod nearest;
pub mod place;
pub mod plan;
pub mod profile;
pub mod progress;
pub mod relay;
pub mod report;
mod run;
pub mod serve;
pub mod span;
pub mod stats;

pub use meter::Meter;
pub use report::Report;
pub use run::{EXIT_GOOD, EXIT_OVERLOAD, EXIT_THRESHOLD, Options, Point, run, run_url};
