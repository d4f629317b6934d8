//! End-to-end tests: the real binary, real processes, free ports. One file per promise.

#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod harness;

mod alerts;
mod api;
mod architecture;
mod audit;
mod backend_alone;
mod bad_input;
mod commands;
mod compose;
mod console;
mod correlation;
mod crash;
mod dashboards;
mod deleted;
mod drill;
mod faults;
#[cfg(target_os = "linux")]
mod faults_blind;
#[cfg(target_os = "linux")]
mod full_disk;
mod instances;
mod investigate;
mod large_bodies;
mod load;
mod log_export;
mod native_bad_input;
mod native_build;
mod native_processes;
mod native_signals;
mod network;
mod operations;
mod ops;
mod outages;
mod players;
mod read_only;
mod readme;
mod resilience;
mod rules;
mod runbook;
mod saga;
mod same_answers;
mod shutdown;
mod slo;
mod slo_engines;
#[cfg(unix)]
mod slo_live;
mod slo_routing;
mod slo_simulate;
mod slo_unit_files;
mod stack_configurations;
mod telemetry_down;
mod terminal;
