//! The same data into the real programs and into ours, the same questions to both: the answers must be equal.

mod connectors;
mod programs;
