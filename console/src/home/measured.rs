//! Since when the services are measured, and what rates follow from windows that reach to before that.
//!
//! `rate(…[1m])` divides by a minute also when there are samples of ten seconds only, so in the first minute after a
//! start every rate would read too low. The window is therefore no longer than what has been measured.

use query::{UnixNanos, prometheus::Sample};
use std::{collections::BTreeMap, time::Duration};

/// For each service that has answered requests, when its first sample was taken, in seconds since 1970, as far back as
/// the lines reach.
pub(super) const QUESTION: &str = "min by (service) (min_over_time(timestamp(process_start_time_seconds)[6m:1s])) \
                                   and on (service) http_server_request_duration_seconds_count";

/// The window of services that have been measured for longer than that.
pub(super) const WHOLE: Duration = Duration::from_secs(60);
/// The shortest in which a scrape each second leaves the two samples that a rate needs.
const LEAST: Duration = Duration::from_secs(3);
/// What a line begins with, at least: from two or three samples a rate can come out twice too high.
const SETTLED_S: f64 = 5.0;

/// When the first sample of each service was taken, where that is known.
#[derive(Debug, Default)]
pub(super) struct Measured {
    since_s: BTreeMap<String, f64>,
}

fn seconds(time: UnixNanos) -> f64 {
    time.0 as f64 / 1e9
}

impl Measured {
    pub(super) fn new(samples: Vec<Sample>) -> Self {
        let since = |sample: Sample| Some((sample.labels.get("service")?.clone(), sample.point.value));
        Self { since_s: samples.into_iter().filter_map(since).filter(|(_, s)| s.is_finite()).collect() }
    }

    /// The window for all services: whole seconds, and no longer than the youngest has been measured.
    pub(super) fn window(&self, now: UnixNanos) -> Duration {
        let youngest = self.since_s.values().copied().reduce(f64::max);
        let Some(youngest) = youngest else { return WHOLE };
        // A window is open at its beginning, so the next whole second is the one that holds the first sample. `as`
        // saturates, which a clock that runs behind needs.
        let length = Duration::from_secs((seconds(now) - youngest).floor() as u64 + 1);
        length.clamp(LEAST, WHOLE)
    }

    /// The rate of a service at a moment of the past, out of what was computed over `window`: divided by the time that
    /// was measured until then. Nothing if that was too short to say.
    pub(super) fn rate(&self, service: &str, at: UnixNanos, window: Duration, rate: f64) -> Option<f64> {
        let Some(since) = self.since_s.get(service) else { return Some(rate) };
        let measured = seconds(at) - since;
        (measured >= SETTLED_S).then(|| rate * window.as_secs_f64() / measured.min(window.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use query::{Labels, prometheus::Point};

    const START: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

    fn measured(since: &[(&str, f64)]) -> Measured {
        let sample = |&(name, later): &(&str, f64)| Sample {
            labels: Labels::from([("service".to_owned(), name.to_owned())]),
            point: Point { time: START, value: seconds(START) + later },
        };
        Measured::new(since.iter().map(sample).collect())
    }

    fn after(seconds: f64) -> UnixNanos {
        START.after(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn the_window_grows_with_the_youngest_service_up_to_a_minute() {
        let services = measured(&[("a", 0.0), ("b", 4.0)]);
        let window = |at: f64| services.window(after(at)).as_secs();
        assert_eq!([4.5, 10.0, 21.4, 63.5, 3_000.0].map(window), [3, 7, 18, 60, 60]);
        assert_eq!(measured(&[]).window(START), WHOLE, "unknown is taken for long ago");
        assert_eq!(measured(&[("a", 90.0)]).window(START), LEAST, "a clock that runs behind");
    }

    #[test]
    fn a_rate_of_the_first_seconds_is_not_divided_by_the_whole_window() {
        let services = measured(&[("a", 0.0)]);
        let rate = |at: f64| services.rate("a", after(at), WHOLE, 3.0);
        assert_eq!(
            [2.0, 15.0, 30.0, 60.0, 600.0].map(rate),
            [None, Some(12.0), Some(6.0), Some(3.0), Some(3.0)]
        );
        assert_eq!(services.rate("b", after(2.0), WHOLE, 3.0), Some(3.0));
    }
}
