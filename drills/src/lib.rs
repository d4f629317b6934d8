//! Incident drills as data and rules: what a scenario is, what becomes of a session, what an answer is worth, and what is
//! told afterwards.
//!
//! Everything here is pure but [`session::Journal`], which keeps a session on disk. Nothing here starts a fault, sends
//! traffic, asks a backend or looks at a clock: whoever runs a drill does, and tells a session by events.

pub mod debrief;
pub mod evidence;
pub mod grade;
pub mod scenario;
pub mod session;

pub use scenario::Scenario;
