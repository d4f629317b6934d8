//! Prometheus' recording and alerting rules: read from files, evaluated, and carried on.
//!
//! `file` reads what `definition` describes; `evaluate` asks a rule's query and says what is to be stored; `alert` carries
//! alerts from one evaluation to the next, with the templates of their labels and annotations. All of that is pure.
//! [`offline`] lets it run over virtual time, for tests of rules; `live` lets it run over the backend's own store.

pub(crate) mod alert;
pub(crate) mod definition;
pub(crate) mod evaluate;
pub(crate) mod file;
pub(crate) mod live;
mod memory;
pub mod offline;
mod order;
#[cfg(test)]
mod tests;

pub use live::RuleFiles;
