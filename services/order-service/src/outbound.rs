//! Calling a neighbour: time-out, retry within a budget, circuit breaker, bulkhead.
//!
//! From the outside in: retry (`peer`), breaker, bulkhead, the attempt with its span. The rules are pure and take the time
//! as an argument (`backoff`, `breaker`, `budget`); only `peer` and `attempt` wait or touch the network.

mod attempt;
mod backoff;
mod breaker;
mod budget;
mod failure;
mod metrics;
mod peer;
mod policy;
pub(crate) mod settings;

pub use attempt::Answer;
pub use failure::{Failure, Reason};
pub use metrics::OutboundMetrics;
pub use peer::{Call, Peer};
pub use policy::{BreakerPolicy, Policy, RetryPolicy};
