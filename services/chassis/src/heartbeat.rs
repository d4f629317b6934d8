//! A heartbeat of the runtime: a task that is due ten times a second, and by how much it came too late. Where the workers are busy
//! with something else than waiting, every request waits as long; no span of a request shows that.

use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use telemetry::Metrics;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_millis(100);

/// From 1 ms, which is how exact the timer is.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Beats until `stop`.
pub(crate) async fn run(metrics: Metrics, stop: CancellationToken) {
    let delay = Histogram::new(BUCKETS);
    metrics.register(|registry| {
        registry.register(
            "runtime_heartbeat_delay_seconds",
            "How much later than it was due a task ran that is due every 100 ms",
            delay.clone(),
        );
    });
    loop {
        let due = Instant::now() + EVERY;
        if stop.run_until_cancelled(sleep_until(due)).await.is_none() {
            return;
        }
        delay.observe(due.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(metrics: &Metrics, bound: &str) -> u64 {
        let text = metrics.encode();
        let bound = format!("le=\"{bound}\"");
        let is_it =
            |line: &&str| line.starts_with("runtime_heartbeat_delay_seconds_bucket") && line.contains(&bound);
        let line = text.lines().find(is_it).unwrap_or_else(|| panic!("{bound}: {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_that_comes_too_late_is_seen_as_such() {
        let metrics = Metrics::new("test-service", "0");
        let stop = CancellationToken::new();
        let beating = tokio::spawn(run(metrics.clone(), stop.clone()));
        tokio::task::yield_now().await;
        // The clock goes on by half a second while nothing runs, as when a worker is busy.
        tokio::time::advance(Duration::from_millis(500)).await;
        tokio::task::yield_now().await;
        assert_eq!((late(&metrics, "0.25"), late(&metrics, "0.5")), (0, 1));
        stop.cancel();
        beating.await.unwrap();
    }
}
