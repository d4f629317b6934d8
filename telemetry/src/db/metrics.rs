//! The `db_client_*` families. Pool states are read at scrape time, so that they cost a request nothing.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;

use super::resizable::Resizable;

/// From 50 µs, an indexed read, to 5 s, the busy time-out.
const BUCKETS: [f64; 14] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Operation {
    operation: &'static str,
    collection: &'static str,
    outcome: &'static str,
}

/// What the pool records while it works.
pub(super) struct PoolMetrics {
    operations: Family<Operation, Histogram, fn() -> Histogram>,
    wait: Histogram,
    turn: Histogram,
    timeouts: Counter,
    pending: std::sync::Arc<AtomicI64>,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl PoolMetrics {
    pub(super) fn register(metrics: &crate::Metrics, pool: &Resizable) -> Self {
        let this = Self {
            operations: Family::new_with_constructor(histogram as fn() -> Histogram),
            wait: histogram(),
            turn: histogram(),
            timeouts: Counter::default(),
            pending: std::sync::Arc::default(),
        };
        metrics.register(|registry| {
            registry.register(
                "db_client_operation_duration_seconds",
                "Time of one database statement, by operation, collection (none for BEGIN and its like) and outcome",
                this.operations.clone(),
            );
            registry.register(
                "db_client_connections_wait_time_seconds",
                "Time a caller waited for a connection of the pool",
                this.wait.clone(),
            );
            registry.register(
                "db_client_write_turn_wait_time_seconds",
                "Time a writer waited for its turn, before it asked for a connection",
                this.turn.clone(),
            );
            registry.register(
                "db_client_connections_timeouts",
                "Callers that gave up waiting for a connection",
                this.timeouts.clone(),
            );
            registry.register_collector(Box::new(PoolState {
                pool: pool.clone(),
                pending: std::sync::Arc::clone(&this.pending),
            }));
        });
        this
    }

    pub(super) fn operation(
        &self,
        operation: &'static str,
        collection: &'static str,
        outcome: &'static str,
        elapsed: Duration,
    ) {
        let labels = Operation { operation, collection, outcome };
        self.operations.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }

    pub(super) fn waited(&self, elapsed: Duration) {
        self.wait.observe(elapsed.as_secs_f64());
    }

    pub(super) fn waited_for_turn(&self, elapsed: Duration) {
        self.turn.observe(elapsed.as_secs_f64());
    }

    pub(super) fn timed_out(&self) {
        self.timeouts.inc();
    }

    /// Counts one waiting caller until the guard is dropped, however the wait ends.
    pub(super) fn pending(&self) -> Pending<'_> {
        self.pending.fetch_add(1, Ordering::Relaxed);
        Pending(&self.pending)
    }
}

pub(super) struct Pending<'a>(&'a AtomicI64);

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct PoolState {
    pool: Resizable,
    pending: std::sync::Arc<AtomicI64>,
}

impl fmt::Debug for PoolState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolState").finish_non_exhaustive()
    }
}

impl Collector for PoolState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let pool = self.pool.pool();
        let idle = i64::try_from(pool.num_idle()).unwrap_or(i64::MAX);
        let used = (i64::from(pool.size()) - idle).max(0);
        let mut usage = encoder.encode_descriptor(
            "db_client_connections_usage",
            "Open connections of the pool, by state",
            None,
            MetricType::Gauge,
        )?;
        for (state, value) in [("idle", idle), ("used", used)] {
            ConstGauge::new(value).encode(usage.encode_family(&[("state", state)])?)?;
        }
        let gauges = [
            (
                "db_client_connections_pending_requests",
                "Callers waiting for a connection at this moment",
                self.pending.load(Ordering::Relaxed),
            ),
            (
                "db_client_connections_max",
                "The most connections the pool may open",
                i64::from(pool.options().get_max_connections()),
            ),
        ];
        for (name, help, value) in gauges {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)?;
        }
        Ok(())
    }
}
