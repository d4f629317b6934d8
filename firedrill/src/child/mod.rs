//! A supervised process: what the parent and the child agree on, and the roles a child can have.
//!
//! The agreement is three pipes and nothing else, so it holds on every system:
//! - standard input stays open as long as the parent wants the child to run. When it closes, because the parent asked
//!   for it or because the parent is gone (SIGKILL included), the child drains and ends;
//! - the first line of standard output says where the child listens, as one JSON object; what follows is its log, and among
//!   it, as JSON objects too, what the person at the terminal is told;
//! - standard error is for the one line that explains a start that failed, with exit code 3.

pub(crate) mod environment;
#[cfg(unix)]
pub mod keeper;
pub mod lifeline;
pub mod listening;
mod priority;
pub mod role;
pub mod said;
