//! Where profiles of traffic are found: the ones built in, and the folder on disk that overrides them.

use std::path::PathBuf;

use loadgen::profile::{self, Profile};

use crate::failure::Failure;

/// Reads a profile by its name or file; the failure names the nearest right word.
pub fn load(name: &str) -> Result<Profile, Failure> {
    profile::load(name, &folders()).map_err(|e| Failure::arguments(e.to_string()))
}

/// The names that can be given.
pub fn names() -> Vec<String> {
    profile::names_in(&folders())
}

/// The folder of a checkout, when the command runs in one.
fn folders() -> Vec<PathBuf> {
    vec![PathBuf::from("loadgen/profiles")]
}
