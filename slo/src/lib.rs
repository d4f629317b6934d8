//! Objectives as code: OpenSLO specs, and the Prometheus rules that are made from them.
//!
//! This crate reads, generates and lints rules. It starts no server and keeps no state.

pub mod files;
pub mod generate;
pub mod lint;
pub mod place;
pub mod rules;
pub mod spec;
pub mod yaml;
