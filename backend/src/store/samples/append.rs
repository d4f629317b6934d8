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
    /// The series already has a later sample.
    OutOfOrder,
    /// The series has another value at this time.
    Duplicate,
    /// The time is older than what is kept, or further ahead of the clock than clocks differ.
    OutOfBounds,
}

impl Refused {
    /// In the words that senders know.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::TooManySeries => "too many series: there is no room for new ones",
            Self::OutOfOrder => "out of order sample",
            Self::Duplicate => "duplicate sample for timestamp",
            Self::OutOfBounds => "out of bounds",
        }
    }
}

/// Appends many samples under one lock.
pub(crate) struct Appender<'a> {
    pub(super) inner: RwLockWriteGuard<'a, Inner>,
    pub(super) max_series: usize,
    /// The earliest and the latest time that are taken.
    pub(super) earliest_ms: i64,
    pub(super) latest_ms: i64,
}

impl Appender<'_> {
    /// Stores one sample and answers the series' id. The latest sample again is taken and changes nothing.
    ///
    /// # Errors
    /// [`Refused`]; nothing was stored.
    pub(crate) fn append(&mut self, labels: &Labels, t: i64, v: f64) -> Result<u32, Refused> {
        self.append_pairs(labels.iter(), t, v)
    }

    /// The same for a series whose labels, sorted by name and not empty, are not yet a set.
    ///
    /// # Errors
    /// [`Refused`]; nothing was stored.
    pub(crate) fn append_pairs<'l>(
        &mut self,
        labels: impl Iterator<Item = (&'l str, &'l str)> + Clone,
        t: i64,
        v: f64,
    ) -> Result<u32, Refused> {
        self.check_time(t)?;
        let inner = &mut *self.inner;
        let id = match inner.find(labels.clone()) {
            Some(id) => id,
            None if inner.series.len() >= self.max_series => {
                inner.refuse_series(self.max_series);
                return Err(Refused::TooManySeries);
            }
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
        self.check_time(t)?;
        self.inner.append(id, t, v)
    }

    /// The series with these labels.
    pub(crate) fn find<'l>(&self, labels: impl Iterator<Item = (&'l str, &'l str)> + Clone) -> Option<u32> {
        self.inner.find(labels)
    }

    /// Whether a sample of a series, or of a new one, could be stored. Stores nothing.
    ///
    /// # Errors
    /// [`Refused`], but never for want of room.
    pub(crate) fn check(&self, series: Option<u32>, t: i64, v: f64) -> Result<(), Refused> {
        self.check_time(t)?;
        let series = series.and_then(|id| self.inner.series.get(&id));
        series.map_or(Ok(()), |s| s.check(t, v).map(|_| ()))
    }

    fn check_time(&self, t: i64) -> Result<(), Refused> {
        if (self.earliest_ms..=self.latest_ms).contains(&t) { Ok(()) } else { Err(Refused::OutOfBounds) }
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
