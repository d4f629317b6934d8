//! Which of several instances of a service gets the next request: by share, healthy ones only.
//!
//! It sends no request but its probes, retries nothing and knows no service: how a request is sent, and what is done about one
//! that failed, is its client's own.

mod balancer;
mod endpoint;
mod group;
mod health;
pub mod probe;
mod share;

pub use balancer::{Balancer, Chosen, Shown};
pub use endpoint::{Endpoint, MOST, Wrong};
pub use group::Group;
pub use health::Told;
