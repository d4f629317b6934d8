//! Rate, errors and duration per service, from the services' own request metrics.

use query::{
    Error, Prometheus, TraceId, UnixNanos, Window,
    prometheus::{ExemplarSeries, Sample, Series},
};
use std::{collections::BTreeMap, time::Duration};

const RATE: &str = "sum by (service) (rate(http_server_request_duration_seconds_count[1m]))";
const FAILED: &str =
    "sum by (service) (rate(http_server_request_duration_seconds_count{status=~\"5..\"}[1m]))";
const BUCKETS: &str = "http_server_request_duration_seconds_bucket";

/// What the sparklines show, and in what steps.
const REACH: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_secs(10);
const POINTS: usize = 31;

/// How the services do, and which questions failed.
#[derive(Debug, Default)]
pub(super) struct Red {
    pub(super) services: Vec<Service>,
    pub(super) errors: Vec<Error>,
}

/// One service. Rates are per second, durations in seconds; an absent value is one the API has none for.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) rate: Option<f64>,
    /// Of all requests of the last minute, the share that was answered with 5xx.
    pub(super) error_ratio: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) rate_line: Vec<Option<f64>>,
    pub(super) error_line: Vec<Option<f64>>,
    pub(super) p95_line: Vec<Option<f64>>,
    /// The slowest request of the last minutes that is known by its trace, with its duration.
    pub(super) slowest: Option<(TraceId, f64)>,
}

fn quantile(q: &str) -> String {
    format!("histogram_quantile({q}, sum by (service, le) (rate({BUCKETS}[1m])))")
}

/// Asks for everything at once.
pub(super) async fn now(prometheus: &Prometheus, now: UnixNanos) -> Red {
    let window = Window { start: now.before(REACH), end: now };
    let (p50, p95, p99) = (quantile("0.50"), quantile("0.95"), quantile("0.99"));
    let (rate, failed, p50, p95, p99, exemplars) = tokio::join!(
        prometheus.range(RATE, window, STEP),
        prometheus.range(FAILED, window, STEP),
        prometheus.instant(&p50, Some(now)),
        prometheus.range(&p95, window, STEP),
        prometheus.instant(&p99, Some(now)),
        prometheus.exemplars(BUCKETS, window),
    );
    let mut errors = Vec::new();
    let mut series = |answer: Result<query::prometheus::Answer, Error>| match answer {
        Ok(answer) => lines(answer.data.into_series(), window.start),
        Err(error) => {
            errors.push(error);
            BTreeMap::new()
        }
    };
    let (mut rate, mut failed, mut p95) = (series(rate), series(failed), series(p95));
    let mut samples = |answer: Result<query::prometheus::Answer, Error>| match answer {
        Ok(answer) => values(answer.data.into_samples()),
        Err(error) => {
            errors.push(error);
            BTreeMap::new()
        }
    };
    let (p50, p99) = (samples(p50), samples(p99));
    let slowest = exemplars.map(|series| slowest(&series)).unwrap_or_else(|error| {
        errors.push(error);
        BTreeMap::new()
    });

    let names: Vec<String> = rate.keys().cloned().collect();
    let service = |name: String| {
        let rate_line = rate.remove(&name).unwrap_or_default();
        let failed_line = failed.remove(&name).unwrap_or_else(|| vec![None; POINTS]);
        let error_line: Vec<_> =
            rate_line.iter().zip(failed_line).map(|(&all, failed)| ratio(failed, all)).collect();
        let p95_line = p95.remove(&name).unwrap_or_default();
        let last = |line: &[Option<f64>]| line.last().copied().flatten();
        Service {
            rate: last(&rate_line),
            error_ratio: last(&error_line),
            p50: p50.get(&name).copied(),
            p95: last(&p95_line),
            p99: p99.get(&name).copied(),
            slowest: slowest.get(&name).copied(),
            rate_line,
            error_line,
            p95_line,
            name,
        }
    };
    Red { services: names.into_iter().map(service).collect(), errors }
}

/// The share of requests that failed. A service that never failed has no series of failures: that is zero, not
/// unknown, as long as it had requests at all.
fn ratio(failed: Option<f64>, all: Option<f64>) -> Option<f64> {
    let all = all.filter(|&all| all > 0.0)?;
    Some(failed.unwrap_or(0.0) / all)
}

fn name_of(labels: &query::Labels) -> String {
    labels.get("service").cloned().unwrap_or_default()
}

fn values(samples: Vec<Sample>) -> BTreeMap<String, f64> {
    let pairs = samples.into_iter().map(|sample| (name_of(&sample.labels), sample.point.value));
    pairs.filter(|(_, value)| value.is_finite()).collect()
}

/// One slot per step; a slot without a point stays empty.
fn lines(series: Vec<Series>, start: UnixNanos) -> BTreeMap<String, Vec<Option<f64>>> {
    let line = |series: Series| {
        let mut slots = vec![None; POINTS];
        for point in series.points {
            let since = point.time.0.saturating_sub(start.0);
            // Prometheus keeps milliseconds, so a point may seem to lie a little before its step.
            let slot = (since as f64 / STEP.as_nanos() as f64).round();
            if (0.0..POINTS as f64).contains(&slot) && point.value.is_finite() {
                slots[slot as usize] = Some(point.value);
            }
        }
        (name_of(&series.labels), slots)
    };
    series.into_iter().map(line).collect()
}

fn slowest(series: &[ExemplarSeries]) -> BTreeMap<String, (TraceId, f64)> {
    let mut slowest: BTreeMap<String, (TraceId, f64)> = BTreeMap::new();
    for ExemplarSeries { series_labels, exemplars } in series {
        for exemplar in exemplars {
            let Some(id) = exemplar.labels.get("trace_id").and_then(|id| id.parse().ok()) else { continue };
            let best = slowest.entry(name_of(series_labels)).or_insert((id, exemplar.value));
            if exemplar.value > best.1 {
                *best = (id, exemplar.value);
            }
        }
    }
    slowest
}

#[cfg(test)]
mod tests {
    use super::*;
    use query::{Labels, prometheus::Point};

    fn labels() -> Labels {
        [("service".to_owned(), "a".to_owned())].into()
    }

    #[test]
    fn points_fall_into_their_steps_and_gaps_stay_open() {
        let start = UnixNanos(1_700_000_000_123_456_789);
        let at = |second: u64| UnixNanos::from_micros(1_700_000_000_123_000 + second * 1_000_000);
        let points = vec![
            Point { time: at(0), value: 1.0 },
            Point { time: at(300), value: 2.0 },
            Point { time: at(310), value: 3.0 },
        ];
        let line = &lines(vec![Series { labels: labels(), points }], start)["a"];
        assert_eq!((line.len(), line[0], line[1], line[30]), (POINTS, Some(1.0), None, Some(2.0)));
    }

    #[test]
    fn a_service_that_never_failed_has_no_errors_and_an_idle_one_has_no_ratio() {
        assert_eq!(ratio(None, Some(2.0)), Some(0.0));
        assert_eq!(ratio(Some(1.0), Some(4.0)), Some(0.25));
        assert_eq!(ratio(Some(0.0), Some(0.0)), None);
        assert_eq!(ratio(Some(1.0), None), None);
    }
}
