//! Metric samples in memory: compressed chunks per series, an index over labels, bounded in series and bytes.
//! Samples are lost at a restart; the scrape interval is short and history of metrics is not what a drill needs.

mod chunk;
mod exemplars;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, RwLock};

use crate::Config;
use crate::labels::{Labels, NAME};
use crate::matcher::Matcher;
use crate::stats::SampleGauges;

pub(crate) use chunk::{Chunk, Sample, is_stale, stale};
pub(crate) use exemplars::{Exemplar, MAX_CHARS};

/// Samples per chunk: few enough that dropping the oldest frees little by little.
const CHUNK_SAMPLES: usize = 240;
/// What a series costs beside its chunks; an estimate that keeps the bound honest.
const SERIES_BYTES: usize = 640;

/// Type, help and unit of a metric family.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub(crate) struct Metadata {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: String,
}

/// Why a sample was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The series is new and there is no room for it.
    TooManySeries,
    /// The series already has a sample at this time or later.
    OutOfOrder,
}

/// A series as a query sees it: a snapshot that later appends do not change.
#[derive(Debug, Clone)]
pub(crate) struct SeriesView {
    pub(crate) labels: Labels,
    chunks: Vec<Arc<Chunk>>,
    open: Chunk,
}

impl SeriesView {
    /// Samples with `start < t <= end`, in order, staleness markers included.
    pub(crate) fn samples(&self, start: i64, end: i64) -> impl Iterator<Item = Sample> {
        self.chunks
            .iter()
            .map(AsRef::as_ref)
            .chain([&self.open])
            .filter(move |c| c.len() > 0 && c.max_t() > start && c.min_t() <= end)
            .flat_map(Chunk::iter)
            .filter(move |s| s.t > start && s.t <= end)
    }

    /// A series from plain samples.
    #[cfg(test)]
    pub(crate) fn from_samples(labels: Labels, samples: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let mut open = Chunk::default();
        for (t, v) in samples {
            open.push(t, v);
        }
        Self { labels, chunks: Vec::new(), open }
    }
}

#[derive(Debug)]
struct Series {
    labels: Labels,
    chunks: VecDeque<Arc<Chunk>>,
    open: Chunk,
}

impl Series {
    fn bytes(&self) -> usize {
        self.chunks.iter().map(|c| c.bytes() + 16).sum::<usize>() + self.open.bytes() + SERIES_BYTES
    }

    fn min_t(&self) -> i64 {
        self.chunks.front().map_or(self.open.min_t(), |c| c.min_t())
    }
}

#[derive(Debug, Default)]
struct Inner {
    series: HashMap<u32, Series>,
    ids: HashMap<Labels, u32>,
    next_id: u32,
    /// name -> value -> series.
    index: BTreeMap<Arc<str>, BTreeMap<Arc<str>, BTreeSet<u32>>>,
    strings: HashSet<Arc<str>>,
    exemplars: exemplars::Exemplars,
    metadata: BTreeMap<String, BTreeSet<Metadata>>,
    /// Sealed and open chunks' bytes, brought up to date by `maintain`.
    bytes: usize,
}

/// All samples.
#[derive(Debug)]
pub(crate) struct Samples {
    inner: RwLock<Inner>,
    max_series: usize,
    max_bytes: usize,
    retention_ms: i64,
}

/// Appends many samples under one lock.
pub(crate) struct Appender<'a> {
    inner: std::sync::RwLockWriteGuard<'a, Inner>,
    max_series: usize,
}

impl Samples {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            inner: RwLock::default(),
            max_series: config.max_series,
            max_bytes: config.metrics_bytes,
            retention_ms: i64::try_from(config.retention.as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        // A panic while appending leaves at worst one series short of a sample: reading on is right.
        self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn appender(&self) -> Appender<'_> {
        let inner = self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        Appender { inner, max_series: self.max_series }
    }

    /// Snapshots of the series that satisfy all matchers and have samples in `start < t <= end`, sorted by labels.
    pub(crate) fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesView> {
        let inner = self.read();
        let mut found: Vec<SeriesView> = inner
            .matching(matchers)
            .into_iter()
            .filter_map(|id| {
                let series = inner.series.get(&id)?;
                let overlaps = |c: &Chunk| c.len() > 0 && c.max_t() > start && c.min_t() <= end;
                let chunks: Vec<_> = series.chunks.iter().filter(|c| overlaps(c)).cloned().collect();
                let open = if overlaps(&series.open) { series.open.clone() } else { Chunk::default() };
                (!chunks.is_empty() || open.len() > 0).then(|| SeriesView {
                    labels: series.labels.clone(),
                    chunks,
                    open,
                })
            })
            .collect();
        drop(inner);
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    /// Exemplars of the series that satisfy the matchers, in the inclusive range.
    pub(crate) fn exemplars(
        &self,
        matchers: &[Matcher],
        start: i64,
        end: i64,
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        let inner = self.read();
        let mut found: Vec<_> = inner
            .matching(matchers)
            .into_iter()
            .filter_map(|id| {
                let exemplars = inner.exemplars.of(id, start, end);
                let labels = inner.series.get(&id)?.labels.clone();
                (!exemplars.is_empty()).then_some((labels, exemplars))
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Type, help and unit of each metric family, by name.
    pub(crate) fn metadata(&self) -> BTreeMap<String, BTreeSet<Metadata>> {
        self.read().metadata.clone()
    }

    pub(crate) fn gauges(&self) -> SampleGauges {
        let inner = self.read();
        SampleGauges {
            series: inner.series.len(),
            bytes: inner.bytes,
            chunks: inner.series.values().map(|s| s.chunks.len() + 1).sum(),
            exemplars: inner.exemplars.len(),
            min_time_ms: inner.series.values().map(Series::min_t).min().unwrap_or(0),
            max_time_ms: inner.series.values().map(|s| s.open.max_t()).max().unwrap_or(0),
        }
    }

    /// Counts of the index: series per metric name, values per label name, series per label pair.
    pub(crate) fn cardinality(&self) -> Cardinality {
        let inner = self.read();
        let names = inner.index.get(NAME);
        Cardinality {
            series_by_name: names
                .map(|values| values.iter().map(|(v, ids)| (v.to_string(), ids.len())).collect())
                .unwrap_or_default(),
            values_by_label: inner.index.iter().map(|(k, values)| (k.to_string(), values.len())).collect(),
            series_by_pair: inner
                .index
                .iter()
                .flat_map(|(k, values)| values.iter().map(move |(v, ids)| (format!("{k}={v}"), ids.len())))
                .collect(),
        }
    }

    /// Drops samples that are too old, then the oldest until the bound on bytes holds, then empty series.
    pub(crate) fn maintain(&self, now_ms: i64) {
        let mut inner = self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut cutoff = now_ms.saturating_sub(self.retention_ms);
        inner.drop_before(cutoff);
        let oldest = inner.series.values().map(Series::min_t).min().unwrap_or(now_ms);
        cutoff = cutoff.max(oldest);
        while inner.bytes > self.max_bytes && cutoff < now_ms {
            // Dropping a twentieth of the time that is left, each round, spreads the loss over all series.
            cutoff += ((now_ms - cutoff) / 20).max(1000);
            inner.drop_before(cutoff);
        }
        let Inner { exemplars, series, .. } = &mut *inner;
        exemplars.forget(now_ms.saturating_sub(self.retention_ms), |id| series.contains_key(&id));
    }
}

/// What `/api/v1/status/tsdb` shows.
#[derive(Debug)]
pub(crate) struct Cardinality {
    pub(crate) series_by_name: Vec<(String, usize)>,
    pub(crate) values_by_label: Vec<(String, usize)>,
    pub(crate) series_by_pair: Vec<(String, usize)>,
}

impl Appender<'_> {
    /// Stores one sample and answers the series' id.
    ///
    /// # Errors
    /// [`Refused`]; nothing was stored.
    pub(crate) fn append(&mut self, labels: &Labels, t: i64, v: f64) -> Result<u32, Refused> {
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
    /// The sample is not newer than the last one.
    pub(crate) fn append_to(&mut self, id: u32, t: i64, v: f64) -> Result<(), Refused> {
        self.inner.append(id, t, v)
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

impl Inner {
    fn create(&mut self, labels: &Labels) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        // Shared strings: thousands of series repeat the same few names and values.
        let shared: Vec<(Arc<str>, Arc<str>)> =
            labels.pairs().iter().map(|(k, v)| (self.intern(k), self.intern(v))).collect();
        let labels = Labels::new(shared);
        for (k, v) in labels.pairs() {
            self.index.entry(Arc::clone(k)).or_default().entry(Arc::clone(v)).or_default().insert(id);
        }
        self.ids.insert(labels.clone(), id);
        self.series.insert(id, Series { labels, chunks: VecDeque::new(), open: Chunk::default() });
        self.bytes += SERIES_BYTES;
        id
    }

    fn intern(&mut self, text: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.strings.get(text) {
            return Arc::clone(known);
        }
        self.strings.insert(Arc::clone(text));
        Arc::clone(text)
    }

    fn append(&mut self, id: u32, t: i64, v: f64) -> Result<(), Refused> {
        let Some(series) = self.series.get_mut(&id) else { return Err(Refused::OutOfOrder) };
        let last = if series.open.len() > 0 {
            series.open.max_t()
        } else {
            series.chunks.back().map_or(i64::MIN, |c| c.max_t())
        };
        if t <= last {
            return Err(Refused::OutOfOrder);
        }
        series.open.push(t, v);
        if series.open.len() >= CHUNK_SAMPLES {
            let mut full = std::mem::take(&mut series.open);
            full.shrink();
            self.bytes += full.bytes();
            series.chunks.push_back(Arc::new(full));
        }
        Ok(())
    }

    fn matching(&self, matchers: &[Matcher]) -> Vec<u32> {
        let empty = BTreeSet::new();
        // The most selective equality decides whom to look at; the other matchers are checked one by one.
        let smallest = matchers
            .iter()
            .filter_map(|m| {
                m.exact().map(|v| self.index.get(&*m.name).and_then(|i| i.get(v)).unwrap_or(&empty))
            })
            .min_by_key(|ids| ids.len());
        let wanted = |id: &u32| {
            self.series.get(id).is_some_and(|s| matchers.iter().all(|m| m.matches(s.labels.get(&m.name))))
        };
        match smallest {
            Some(ids) => ids.iter().copied().filter(|id| wanted(id)).collect(),
            None => self.series.keys().copied().filter(|id| wanted(id)).collect(),
        }
    }

    fn drop_before(&mut self, cutoff: i64) {
        let mut empty = Vec::new();
        let mut bytes = 0;
        for (id, series) in &mut self.series {
            while series.chunks.front().is_some_and(|c| c.max_t() < cutoff) {
                series.chunks.pop_front();
            }
            if series.open.len() > 0 && series.open.max_t() < cutoff {
                series.open = Chunk::default();
            }
            if series.chunks.is_empty() && series.open.len() == 0 {
                empty.push(*id);
            } else {
                bytes += series.bytes();
            }
        }
        if !empty.is_empty() {
            for id in empty {
                self.remove(id);
            }
            // Held by nothing but the set itself: no series uses the string any more.
            self.strings.retain(|s| Arc::strong_count(s) > 1);
        }
        self.bytes = bytes;
    }

    fn remove(&mut self, id: u32) {
        let Some(series) = self.series.remove(&id) else { return };
        self.ids.remove(&series.labels);
        for (k, v) in series.labels.pairs() {
            if let Some(values) = self.index.get_mut(k)
                && let std::collections::btree_map::Entry::Occupied(mut ids) = values.entry(Arc::clone(v))
            {
                ids.get_mut().remove(&id);
                if ids.get().is_empty() {
                    ids.remove();
                }
            }
            if self.index.get(k).is_some_and(BTreeMap::is_empty) {
                self.index.remove(k);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(metrics_bytes: usize, max_series: usize) -> Config {
        Config { metrics_bytes, max_series, ..Config::default() }
    }

    fn labels(i: usize) -> Labels {
        Labels::new([(NAME, "m"), ("i", i.to_string().as_str())])
    }

    #[test]
    fn two_hours_of_three_thousand_series_a_second_fit_in_48_megabytes() {
        // Counters that move now and then, as request histograms do; a tenth of the series stands for all.
        let samples = Samples::new(&config(usize::MAX, 50_000));
        let (series, seconds) = (300, 7200);
        let ids: Vec<u32> =
            (0..series).map(|i| samples.appender().append(&labels(i), 0, 0.0).expect("room")).collect();
        for second in 1..seconds {
            let mut appender = samples.appender();
            for (i, id) in ids.iter().enumerate() {
                let count = if i % 3 == 0 { second * 7 } else { second / (i as i64 + 2) };
                appender.append_to(*id, second * 1000, count as f64).expect("in order");
            }
        }
        samples.maintain(seconds * 1000);
        let bytes = samples.gauges().bytes * 10;
        assert!(bytes < 48 << 20, "{bytes} bytes");
    }

    #[test]
    fn the_oldest_samples_go_first_when_memory_is_short() {
        let samples = Samples::new(&config(100_000, 100));
        let mut appender = samples.appender();
        for t in 0..40_000i64 {
            appender.append(&labels(t as usize % 4), t * 1000, (t as f64).sin()).expect("in order");
        }
        drop(appender);
        samples.maintain(40_000_000);
        assert!(samples.gauges().bytes <= 100_000);
        assert!(samples.gauges().min_time_ms > 0);
        let newest = samples.select(&[], 39_990_000, 40_000_000);
        assert_eq!(newest.len(), 4);
    }

    #[test]
    fn a_series_whose_samples_are_all_gone_is_gone_from_every_index() {
        let samples =
            Samples::new(&Config { retention: std::time::Duration::from_secs(10), ..config(usize::MAX, 2) });
        samples.appender().append(&labels(1), 1000, 1.0).expect("room");
        samples.appender().append(&labels(2), 15_000, 1.0).expect("room");
        assert_eq!(samples.appender().append(&labels(3), 15_000, 1.0), Err(Refused::TooManySeries));
        samples.maintain(20_000);
        assert_eq!(samples.gauges().series, 1);
        assert_eq!(samples.cardinality().series_by_pair.len(), 2);
        samples.appender().append(&labels(3), 15_000, 1.0).expect("room again");
    }

    #[test]
    fn a_sample_must_be_newer_than_the_last() {
        let samples = Samples::new(&config(usize::MAX, 10));
        let mut appender = samples.appender();
        appender.append(&labels(1), 1000, 1.0).expect("first");
        assert_eq!(appender.append(&labels(1), 1000, 2.0), Err(Refused::OutOfOrder));
    }
}
