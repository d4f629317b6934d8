//! Bounded, counted ways from the process to an exporter.
//!
//! The SDK's batch processors have bounded queues too, but count failed exports as sent and may answer a shutdown with
//! success though nothing arrived. So a [`Budget`] stands around each: an item takes a place before it is queued and gives
//! it back when its export is over, and what does not arrive is counted once and exactly.

pub(crate) mod budget;
mod counted;
pub(crate) mod logs;
pub(crate) mod spans;

pub(crate) use budget::Budget;
pub(crate) use counted::Counted;
