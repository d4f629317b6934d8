//! Objectives as code: OpenSLO specs, the Prometheus rules that are made from them, and contracts that say when each
//! alert must fire and when not.
//!
//! This crate reads, generates, lints, scores and changes rules, and scores what alerts did on a running stack. It starts no server and keeps no state; the only program
//! that it runs is `promtool`, as one of the engines that answer when an alert fires.

pub mod contract;
pub mod engine;
pub mod files;
pub mod generate;
pub mod lint;
pub mod live;
pub mod mutate;
pub mod place;
pub mod rules;
pub mod simulate;
pub mod spec;
pub mod unit_test;
