//! A session: what happened, in order, and what follows from it.
//!
//! A session is the fold of its events and nothing else, so that it can be told again after a crash, on another machine, or
//! for a recording. The clock is whoever's who makes the events.

mod event;
mod journal;
mod measures;
mod state;

pub use event::{Event, Happened};
pub use journal::{Journal, JournalError};
pub use measures::Measures;
pub use state::{Note, Outcome, Phase, Refused, Session, TRIES, Told, Try};
