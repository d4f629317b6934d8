//! The command line of Firedrill: parses, wires the crates together and supervises child processes.
//!
//! One binary holds every role. `firedrill up` starts itself again as `firedrill run ROLE` for each service, the
//! telemetry backend, the console and the load generator, so that each of them is a real process that can be
//! killed, measured and restarted on its own. What the roles do is in their own crates; nothing here knows how an
//! order is placed or a span is stored.

pub mod audit;
pub mod called;
pub mod child;
pub mod cli;
pub mod commands;
pub mod dashboards;
pub mod doses;
pub mod drill;
pub mod failure;
pub mod faulty_run;
pub mod home;
#[cfg(unix)]
pub mod live;
pub mod load_control;
pub mod native;
pub mod objectives;
pub mod otlp;
pub mod ports;
pub mod profiles;
pub mod run_file;
pub mod runbook;
pub mod runtime;
pub mod sender;
pub mod settings_control;
pub mod stack;
pub mod stack_control;
pub mod supervisor;
pub mod up;
pub mod view;
