//! A drill on the running stack: begun by a command, kept by a process of its own, answered by other commands. What they have in
//! common is the session's journal in the home, so that none of them has to live as long as the drill.

pub mod answer;
pub mod auto;
pub mod begin;
mod charts;
mod evidence;
pub mod keeper;
mod lookout;
pub mod overhear;
mod restore;
pub mod sealed;
pub mod store;
pub mod told;
