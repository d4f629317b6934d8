//! Reserving and releasing stock. Both are idempotent by reservation id, in any order of arrival:
//!
//! - the same reserve again gives the first answer again;
//! - the same release again changes nothing;
//! - a release that comes first leaves a tombstone, so that the late reserve is refused.

pub mod routes;
mod store;

pub(crate) use store::OLD;
