//! The settings of a service's own telemetry.

use telemetry::config::Sampler;
use telemetry::{LogLevel, Metrics};

use crate::settings::List;

/// Names of the levels.
static LEVELS: [(&str, LogLevel); 5] = [
    ("configured", LogLevel::Configured),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

/// An hour: further off, a clock is not slow or fast but wrong in its date.
const FURTHEST_OFF: i64 = 3_600_000;

/// Lists them.
pub(crate) fn list(list: &mut List, metrics: &Metrics) {
    let controls = metrics.controls().clone();
    let level = list.choice(
        "log.level",
        &LEVELS,
        LogLevel::Configured,
        "The least level of log lines that are written; configured: as RUST_LOG says",
    );
    let queue = list.count(
        "otlp.queue_size",
        "records",
        1..=1,
        controls.queue_size(),
        "How many spans, and how many log records, may wait for export; others are dropped",
    );
    let sampler = controls.sampler();
    let ratio = list.number(
        "trace.sample_ratio",
        "",
        0.0..=1.0,
        sampler.ratio,
        "The share of traces that are recorded, of those that begin here",
    );
    let parent_based = list.flag(
        "trace.parent_based",
        sampler.parent_based,
        "Whether the caller's decision to record a trace holds here, too",
    );
    let offset = list.integer(
        "clock.offset_ms",
        "ms",
        -FURTHEST_OFF..=FURTHEST_OFF,
        0,
        "Added to the clock that spans and log lines take their times from",
    );
    list.watch(&["log.", "otlp.", "trace.", "clock."], move || {
        controls.set_log_level(level.get());
        controls.set_queue_size(queue.count());
        controls.set_sampler(Sampler { ratio: ratio.get(), parent_based: parent_based.get() });
        controls.set_clock_offset(offset.get());
    });
}
