//! Metric samples in memory: compressed chunks per series, an index over labels, bounded in series and bytes.
//! Samples are lost at a restart; the scrape interval is short and history of metrics is not what a drill needs.

mod append;
mod chunk;
mod exemplars;
mod index;
mod series;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::RwLock;

use crate::Config;
use crate::labels::{Labels, NAME};
use crate::matcher::Matcher;
use crate::stats::SampleGauges;

pub(crate) use append::{Appender, Refused};
pub(crate) use chunk::{Sample, is_stale, stale};
pub(crate) use exemplars::{Exemplar, MAX_CHARS};
use index::Inner;
use series::Series;
pub(crate) use series::SeriesView;

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

/// All samples.
#[derive(Debug)]
pub(crate) struct Samples {
    inner: RwLock<Inner>,
    max_series: usize,
    max_bytes: usize,
    retention_ms: i64,
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
        Appender { inner, max_series: self.max_series, latest_ms: crate::time::now_ms() + AHEAD_MS }
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
        // Some samples are a little ahead of this clock. Beyond the latest of them nothing is left to hold.
        let latest = inner.series.values().map(Series::max_t).max().unwrap_or(now_ms).max(now_ms);
        while inner.bytes > self.max_bytes && cutoff <= latest {
            // Dropping a twentieth of the time that is left, each round, spreads the loss over all series; at least a
            // second of it, so that there is a last round.
            cutoff = cutoff.saturating_add((latest.saturating_sub(cutoff) / 20).max(1000));
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            prop_assert_eq!(inner.ids.len(), inner.series.len());
            prop_assert_eq!(inner.index.is_empty(), inner.series.is_empty());
        }
    }

    #[test]
    fn a_sample_from_far_ahead_or_before_1970_is_refused() {
        let samples = Samples::new(&config(usize::MAX, 10));
        let mut appender = samples.appender();
        let now = crate::time::now_ms();
        for t in [i64::MIN, -1, now + 3_600_000, i64::MAX] {
            assert_eq!(appender.append(&labels(1), t, 1.0), Err(Refused::OutOfBounds), "{t}");
        }
        drop(appender);
        assert_eq!(samples.gauges().series, 0);
        samples.appender().append(&labels(1), now + 60_000, 1.0).expect("clocks differ");
    }
}
