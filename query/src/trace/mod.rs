//! One trace with its logs, as a tree: what the terminal and the web page show.
//!
//! [`assemble`] is pure; [`load`], [`logs_of_trace`] and [`find_by_correlation`] ask the APIs. Nothing here draws.

mod assemble;
mod fetch;
mod gaps;
mod node;
mod order;

pub use assemble::{Tree, assemble};
pub use fetch::{Loaded, find_by_correlation, load, logs_of_trace, logs_with};
pub use gaps::Gap;
pub use node::{Kind, Link, Node, Place};
