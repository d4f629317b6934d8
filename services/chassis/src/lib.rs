//! What the three services do alike and no domain knows: configuration, the life of a process, bounded HTTP serving, problem
//! answers, probes.
//!
//! It holds no business type and no SQL: two services that shared one would have to be changed together.

pub mod base;
pub mod bearer;
pub mod clock;
mod document;
pub mod env;
pub mod extract;
mod heartbeat;
pub mod launch;
pub mod layers;
pub mod limits;
mod objects;
mod observed;
pub mod page;
pub mod places;
pub mod probes;
pub mod problem;
pub mod retention;
pub mod serve;
pub mod settings;
pub mod start;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod work;
mod wrong;
