//! The web pages: the services now, the latest orders, one trace with its logs.
//!
//! Rendered on the server, without any script, from what the three APIs answer through `query` at the moment of the
//! request: the console stores nothing, caches nothing and changes nothing. [`run`] serves it; [`router`] is the same
//! without a socket.

mod chart;
mod correlation;
mod deadline;
mod gate;
mod home;
mod layout;
mod links;
mod problem;
mod search;
mod serve;
mod statics;
mod trace;

pub use serve::{Config, router, run};
