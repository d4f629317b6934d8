//! Rate, errors and duration per service, from the services' own request metrics.

use super::measured::{Measured, QUESTION, WHOLE};
use crate::deadline::Deadline;
use query::{
    Api, Error, Prometheus, TraceId, UnixNanos, Window,
    prometheus::{Answer, ExemplarSeries, Sample, Series},
};
use std::{collections::BTreeMap, time::Duration};

const COUNT: &str = "http_server_request_duration_seconds_count";
const BUCKETS: &str = "http_server_request_duration_seconds_bucket";

/// What the sparklines show, and in what steps.
const REACH: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_secs(10);
const POINTS: usize = 31;

/// How the services do, and which questions failed.
#[derive(Debug)]
pub(super) struct Red {
    pub(super) services: Vec<Service>,
    /// Over what time it was counted: a minute, or as long as there are samples.
    pub(super) window: Duration,
    pub(super) errors: Vec<Error>,
}

/// One service. Rates are per second, durations in seconds; an absent value is one the API has none for.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) rate: Option<f64>,
    /// Of all requests of the window, the share that was answered with 5xx.
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

/// Asks for everything at once, as soon as it is known over what window.
pub(super) async fn now(prometheus: &Prometheus, now: UnixNanos, deadline: Deadline) -> Red {
    let api = (Api::Prometheus, prometheus.base());
    let since = prometheus.instant(QUESTION, Some(now));
    let measured = match deadline.ask(api, "since when the services are measured", since).await {
        Ok(answer) => Measured::new(answer.data.into_samples()),
        Err(error) => return Red { services: Vec::new(), window: WHOLE, errors: vec![error] },
    };
    let window = measured.window(now);
    let over = format!("{}s", window.as_secs());
    let quantile =
        |q: &str| format!("histogram_quantile({q}, sum by (service, le) (rate({BUCKETS}[{over}])))");
    let rate_of = |labels: &str| format!("sum by (service) (rate({COUNT}{labels}[{over}]))");

    let reach = Window { start: now.before(REACH), end: now };
    let line = async |expr: String| deadline.ask(api, &expr, prometheus.range(&expr, reach, STEP)).await;
    let value = async |expr: String| deadline.ask(api, &expr, prometheus.instant(&expr, Some(now))).await;
    let (rate, failed, p95, p50, p99, exemplars) = tokio::join!(
        line(rate_of("")),
        line(rate_of("{status=~\"5..\"}")),
        line(quantile("0.95")),
        value(quantile("0.50")),
        value(quantile("0.99")),
        deadline.ask(api, "the slowest requests", prometheus.exemplars(BUCKETS, reach)),
    );
    let mut errors = Vec::new();
    let mut series = |answer: Result<Answer, Error>| match answer {
        Ok(answer) => lines(answer.data.into_series(), reach.start),
        Err(error) => {
            errors.push(error);
            BTreeMap::new()
        }
    };
    let (mut rate, mut failed, mut p95) = (series(rate), series(failed), series(p95));
    let mut samples = |answer: Result<Answer, Error>| match answer {
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
        // The window ends with the last point and is filled there; it was not at the points of the first minute.
        let (rate_now, error_now) = (last(&rate_line), last(&error_line));
        let at = |slot: usize| reach.start.after(STEP * u32::try_from(slot).unwrap_or(u32::MAX));
        let true_rate = |(slot, rate): (usize, Option<f64>)| measured.rate(&name, at(slot), window, rate?);
        let rate_line = rate_line.into_iter().enumerate().map(true_rate).collect();
        Service {
            rate: rate_now,
            error_ratio: error_now,
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
    Red { services: names.into_iter().map(service).collect(), window, errors }
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
