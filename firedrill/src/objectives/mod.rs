//! Objectives on this side of the `slo` crate: what exists in a stack that rules may refer to, and the folder of rules.

pub mod builtin;
pub mod folder;
pub mod world;
