//! Metric samples in memory: compressed chunks per series, an index over labels, bounded in series and bytes. A log on disk
//! lets a restart keep them.

mod append;
mod bits;
mod chunk;
mod exemplars;
mod index;
mod log;
mod postings;
mod retain;
mod scaled;
mod series;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::stats::{SampleGauges, Stats};
use crate::{Config, Error};

pub(crate) use append::{Appender, Refused};
use chunk::Chunk;
pub(crate) use chunk::{Sample, is_stale, stale};
pub(crate) use exemplars::{Exemplar, MAX_CHARS};
use index::Inner;
use log::Buffer;
pub(crate) use log::LogHandle;
pub(crate) use postings::Cardinality;
use series::Series;
pub(crate) use series::{SeriesView, Span};

/// How far ahead of the clock a sample may be, as in Prometheus. Later ones would never be too old to hold.
const AHEAD_MS: i64 = 10 * 60 * 1000;

/// Type, help and unit of a metric family.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub(crate) struct Metadata {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: String,
}

/// How many there are of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) count: usize,
}

/// All samples.
#[derive(Debug)]
pub(crate) struct Samples {
    inner: RwLock<Inner>,
    max_series: usize,
    max_bytes: usize,
    retention_ms: i64,
    held_since: AtomicI64,
}

impl Samples {
    /// Samples in memory alone.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            inner: RwLock::default(),
            held_since: AtomicI64::new(i64::MIN),
            max_series: config.max_series,
            max_bytes: config.metrics_bytes,
            retention_ms: i64::try_from(config.retention.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// The samples that the log holds, and whatever is appended from now on goes into it.
    ///
    /// # Errors
    /// The log's folder cannot be used.
    pub(crate) fn open(config: &Config, stats: &Arc<Stats>) -> Result<(Arc<Self>, LogHandle), Error> {
        let samples = Arc::new(Self::new(config));
        let handle = log::start(config, &samples, stats)?;
        Ok((samples, handle))
    }

    /// From now on, what is appended is gathered for the log.
    fn begin_log(&self) {
        self.write().log = Some(Buffer::new(1));
    }

    /// What was gathered since it was taken last.
    fn take_log(&self) -> Buffer {
        self.write().log.as_mut().map(Buffer::take).unwrap_or_default()
    }

    /// The same, and all chunks that are growing; what is gathered from now on describes its series anew.
    fn turn_log(&self) -> (Buffer, Vec<(u32, Labels, Chunk)>) {
        let mut inner = self.write();
        let epoch = inner.log.as_ref().map_or(0, |log| log.epoch).wrapping_add(1);
        let gathered = inner.log.replace(Buffer::new(epoch)).unwrap_or_default();
        let growing = inner.series.iter_mut().filter_map(|(id, series)| {
            let chunk = series.head.chunk()?;
            series.described = epoch;
            Some((*id, series.labels.clone(), chunk))
        });
        (gathered, growing.collect())
    }

    // A panic while appending leaves at worst one series short of a sample: going on is right.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn appender(&self) -> Appender<'_> {
        let now = crate::time::now_ms();
        Appender {
            inner: self.write(),
            max_series: self.max_series,
            earliest_ms: now.saturating_sub(self.retention_ms).max(0),
            latest_ms: now + AHEAD_MS,
        }
    }

    /// Snapshots of the series that satisfy all matchers and have samples in `start < t <= end`, sorted by labels.
    pub(crate) fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesView> {
        let inner = self.read();
        let mut found: Vec<SeriesView> = inner
            .matching(matchers)
            .into_iter()
            .filter_map(|id| inner.series.get(&id)?.view(start, end))
            .collect();
        drop(inner);
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    /// Calls `f` with each series that satisfies any of the sets of matchers (with every series when there is no set) and
    /// has samples within the span.
    fn each(&self, sets: &[Vec<Matcher>], span: Span, mut f: impl FnMut(&Series)) {
        let inner = self.read();
        let all = [Vec::new()];
        for set in if sets.is_empty() { &all[..] } else { sets } {
            let series = inner.matching(set).into_iter().filter_map(|id| inner.series.get(&id));
            series.filter(|s| s.overlaps(span)).for_each(&mut f);
        }
    }

    /// The label sets of series that satisfy any of the sets of matchers.
    pub(crate) fn series(&self, sets: &[Vec<Matcher>], span: Span) -> BTreeSet<Labels> {
        let mut found = BTreeSet::new();
        self.each(sets, span, |series| {
            found.insert(series.labels.clone());
        });
        found
    }

    /// The names of their labels.
    pub(crate) fn label_names(&self, sets: &[Vec<Matcher>], span: Span) -> BTreeSet<Arc<str>> {
        if sets.is_empty() && span.is_everything() {
            return self.read().postings.names().cloned().collect();
        }
        let mut found = BTreeSet::new();
        self.each(sets, span, |series| {
            for (name, _) in series.labels.pairs() {
                if !found.contains(name) {
                    found.insert(Arc::clone(name));
                }
            }
        });
        found
    }

    /// The values of one of their labels.
    pub(crate) fn label_values(&self, name: &str, sets: &[Vec<Matcher>], span: Span) -> BTreeSet<Arc<str>> {
        if sets.is_empty() && span.is_everything() {
            return self.read().postings.values(name).map(|(value, _)| Arc::clone(value)).collect();
        }
        let mut found = BTreeSet::new();
        self.each(sets, span, |series| {
            if let Some((_, value)) = series.labels.pairs().iter().find(|(n, _)| &**n == name)
                && !found.contains(value)
            {
                found.insert(Arc::clone(value));
            }
        });
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
            max_time_ms: inner.series.values().map(Series::max_t).max().unwrap_or(0),
        }
    }

    /// Counts of the index.
    pub(crate) fn cardinality(&self) -> Cardinality {
        self.read().postings.cardinality()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::NAME;
    use proptest::prelude::*;

    /// Keeps samples of any time.
    fn config(metrics_bytes: usize, max_series: usize) -> Config {
        let retention = std::time::Duration::from_secs(100 * 365 * 86_400);
        Config { metrics_bytes, max_series, retention, ..Config::default() }
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
        let samples = Samples::new(&config(usize::MAX, 2));
        samples.appender().append(&labels(1), 1000, 1.0).expect("room");
        samples.appender().append(&labels(2), 15_000, 1.0).expect("room");
        assert_eq!(samples.appender().append(&labels(3), 15_000, 1.0), Err(Refused::TooManySeries));
        samples.maintain(samples.retention_ms + 10_000);
        assert_eq!(samples.gauges().series, 1);
        assert_eq!(samples.cardinality().series_by_pair.len(), 2);
        samples.appender().append(&labels(3), 15_000, 1.0).expect("room again");
    }

    #[test]
    fn a_sample_must_be_newer_than_the_last() {
        let samples = Samples::new(&config(usize::MAX, 10));
        let mut appender = samples.appender();
        appender.append(&labels(1), 1000, 1.0).expect("first");
        assert_eq!(appender.append(&labels(1), 1000, 2.0), Err(Refused::Duplicate));
        assert_eq!(appender.append(&labels(1), 999, 1.0), Err(Refused::OutOfOrder));
        appender.append(&labels(1), 1000, 1.0).expect("the same again");
    }

    proptest! {
        #[test]
        fn eviction_ends_within_its_bound_whatever_the_times(
            budget in prop_oneof![Just(0usize), 1usize..20_000],
            now in prop_oneof![Just(0i64), Just(1_700_000_000_000), 0i64..10_000_000],
            series in proptest::collection::vec(
                (0i64..1_800_000_000_000, prop_oneof![Just(0i64), 1i64..5_000, Just(i64::MAX)], 1usize..600),
                0..12,
            ),
        ) {
            let samples = Samples::new(&config(budget, 100));
            for (i, (start, step, count)) in series.into_iter().enumerate() {
                let mut appender = samples.appender();
                for n in 0..count as i64 {
                    let _ = appender.append(&labels(i), start.saturating_add(step.saturating_mul(n)), n as f64);
                }
            }
            samples.maintain(now);
            let inner = samples.read();
            let held: usize = inner.series.values().map(Series::bytes).sum();
            prop_assert_eq!(inner.bytes, held);
            prop_assert!(held <= budget, "{} of {} bytes", held, budget);
            prop_assert_eq!(inner.postings.is_empty(), inner.series.is_empty());
        }
    }

    #[test]
    fn labels_are_found_by_matchers_and_time() {
        let samples = Samples::new(&config(usize::MAX, 10));
        for (i, t) in [(1, 1000), (2, 2000), (3, 3000)] {
            samples.appender().append(&labels(i), t, 1.0).expect("room");
        }
        samples.appender().append(&Labels::new([("other", "x")]), 3000, 1.0).expect("room");
        let of = |op, value| vec![vec![Matcher::new("i", op, value).expect("valid")]];
        let always = Span { start: i64::MIN, end: i64::MAX };
        let values = |sets: &[Vec<Matcher>], span| {
            samples.label_values("i", sets, span).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(values(&[], always), ["1", "2", "3"]);
        assert_eq!(values(&[], Span { start: 1000, end: 2000 }), ["1", "2"]);
        assert_eq!(values(&of("=~", "2|3"), always), ["2", "3"]);
        assert_eq!(values(&of("!=", ""), Span { start: 2500, end: i64::MAX }), ["3"]);
        assert_eq!(values(&[of("=", "1"), of("=", "3")].concat(), always), ["1", "3"]);
        assert_eq!(samples.label_names(&of("=", ""), always).len(), 1);
        assert_eq!(samples.label_names(&[], always).len(), 3);
        assert_eq!(samples.series(&of("!~", "1|2"), always).len(), 2);
    }

    #[test]
    fn a_sample_from_far_ahead_or_long_ago_is_refused() {
        let samples = Samples::new(&Config::default());
        let mut appender = samples.appender();
        let now = crate::time::now_ms();
        for t in [i64::MIN, -1, now - 25 * 3_600_000, now + 3_600_000, i64::MAX] {
            assert_eq!(appender.append(&labels(1), t, 1.0), Err(Refused::OutOfBounds), "{t}");
        }
        drop(appender);
        assert_eq!(samples.gauges().series, 0);
        samples.appender().append(&labels(1), now + 60_000, 1.0).expect("clocks differ");
    }
}
