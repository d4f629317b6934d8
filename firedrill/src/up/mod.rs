//! `up` in its parts: what is started with which environment, the order of start and stop, what is told meanwhile.

mod attendant;
mod control;
mod disk;
mod environment;
pub mod external;
mod figures;
mod first_trace;
mod fleet;
mod links;
mod native;
mod scrape;
mod services;
mod set_aside;
mod settings;
mod stores;
mod terminal;

pub use attendant::Attendant;
pub use fleet::Fleet;
pub use settings::{Backends, LoadSettings, Settings};
