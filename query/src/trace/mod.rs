//! One trace with its logs, as a tree: what the terminal and the web page show.
//!
//! [`assemble`] is pure; [`load`], [`logs_of_trace`], [`find_by_correlation`] and their like ask the APIs. Nothing here draws.

mod assemble;
mod fetch;
mod gaps;
mod node;
mod order;

pub use assemble::{Tree, assemble};
pub use fetch::{
    Loaded, find_by_correlation, load, logs_of_trace, logs_of_traces, logs_of_tree, logs_with, logs_with_any,
};
pub use gaps::Gap;
pub use node::{Kind, Link, Node, Place};
