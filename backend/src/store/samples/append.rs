//! Appending: many samples under one lock, each refused alone when it does not fit.

use std::sync::RwLockWriteGuard;

use super::Metadata;
use super::exemplars::Exemplar;
use super::index::Inner;
use crate::labels::Labels;

/// Why a sample was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The series is new and there is no room for it.
    TooManySeries,
    /// The series already has a sample at this time or later.
    OutOfOrder,
    /// The time is before 1970, or further ahead of the clock than clocks differ.
    OutOfBounds,
}

/// Appends many samples under one lock.
pub(crate) struct Appender<'a> {
    pub(super) inner: RwLockWriteGuard<'a, Inner>,
    pub(super) max_series: usize,
    /// The latest time that is taken.
    pub(super) latest_ms: i64,
}

impl Appender<'_> {
    /// Stores one sample and answers the series' id.
    ///
    /// # Errors
    /// [`Refused`]; nothing was stored.
    pub(crate) fn append(&mut self, labels: &Labels, t: i64, v: f64) -> Result<u32, Refused> {
        self.check(t)?;
        let inner = &mut *self.inner;
        let id = match inner.ids.get(labels) {
            Some(id) => *id,
            None if inner.series.len() >= self.max_series => return Err(Refused::TooManySeries),
            None => inner.create(labels),
        };
        inner.append(id, t, v)?;
        Ok(id)
    }

    /// Stores a sample of a known series.
    ///
    /// # Errors
    /// The sample is not newer than the last one, or out of bounds.
    pub(crate) fn append_to(&mut self, id: u32, t: i64, v: f64) -> Result<(), Refused> {
        self.check(t)?;
        self.inner.append(id, t, v)
    }

    fn check(&self, t: i64) -> Result<(), Refused> {
        if (0..=self.latest_ms).contains(&t) { Ok(()) } else { Err(Refused::OutOfBounds) }
    }

    pub(crate) fn exemplar(&mut self, id: u32, exemplar: Exemplar) {
        self.inner.exemplars.push(id, exemplar);
    }

    /// Notes a family's metadata; the number of families is bounded like that of series.
    pub(crate) fn describe(&mut self, family: &str, metadata: Metadata) {
        let inner = &mut *self.inner;
        if inner.metadata.len() < self.max_series || inner.metadata.contains_key(family) {
            let entries = inner.metadata.entry(family.to_owned()).or_default();
            if entries.len() < 8 {
                entries.insert(metadata);
            }
        }
    }
}
