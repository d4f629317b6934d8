//! Where a file is wrong. A contract is no YAML, but its mistakes are told in the same way.

pub use yaml::{Error, Problem};
