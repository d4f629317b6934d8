//! Run-time settings: what an operator can read and change while the service runs, each with its unit, its range and what it
//! does.
//!
//! A service lists its settings with [`List`], which hands out a handle for each; the code that a setting is about reads the
//! handle where it acts, so that a change acts at once. What has to be told instead (a pool's size) watches. Changes are
//! atomic, numbered, kept in a file over restarts, and can be taken back; a change on lease takes itself back.
//!
//! It knows no setting itself, and nothing of the public API.

mod access;
mod answer;
mod check;
mod file;
mod handle;
mod lease;
mod list;
mod shared;
mod state;

pub use access::Access;
#[cfg(feature = "testing")]
pub(crate) use access::in_process;
pub(crate) use access::serve;
pub use file::SettingsError;
pub use handle::{Choice, Flag, Integer, Number};
pub use list::List;
pub use shared::Settings;
