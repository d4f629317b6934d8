//! The outbox: an event is written with the order it tells of, in one transaction, and delivered later, at least once.
//! The receiver keeps an event once by its id.

pub(crate) mod relay;
mod settings;
pub(crate) mod store;

pub(crate) use settings::OutboxSettings;
