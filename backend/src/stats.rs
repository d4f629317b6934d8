//! What the backend says of itself: counters by signal, rendered as Prometheus text with the prefix `backend_`.
//! It keeps no history; whoever wants one scrapes it.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one signal, in items (spans, records, samples) except `requests_refused`.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    /// Items that are stored and readable.
    pub(crate) ingested: AtomicU64,
    /// Items refused one by one, or with all others of a request that the store had no room for: the sender was told. Of a
    /// request that was refused unread nobody knows how many there were.
    pub(crate) refused: AtomicU64,
    /// Items lost after they were accepted.
    pub(crate) dropped: AtomicU64,
    /// Requests refused as malformed or too large.
    pub(crate) bad_requests: AtomicU64,
    /// Requests refused for want of room (in memory, in the queue, on disk), or because the store has stopped.
    pub(crate) busy_requests: AtomicU64,
}

/// All counters and the gauges that the store keeps up to date.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) spans: Signal,
    pub(crate) logs: Signal,
    pub(crate) samples: Signal,
    /// Spans stored but not measured under labels of their own, or not paired, for want of room.
    pub(crate) unmeasured_spans: AtomicU64,
    /// Log records that were stored before, and left out.
    pub(crate) repeated_logs: AtomicU64,
    pub(crate) bad_queries: AtomicU64,
    pub(crate) queue_bytes: AtomicU64,
    pub(crate) stored_spans: AtomicU64,
    pub(crate) stored_logs: AtomicU64,
    pub(crate) stored_bytes: AtomicU64,
    pub(crate) segments: AtomicU64,
    pub(crate) segments_set_aside: AtomicU64,
    pub(crate) segments_dropped: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) failed_flushes: AtomicU64,
    /// 1 while the disk takes nothing.
    pub(crate) disk_refuses: AtomicU64,
    /// Bytes of the files that samples are read back from.
    pub(crate) sample_log_bytes: AtomicU64,
    pub(crate) sample_log_writes: AtomicU64,
    pub(crate) sample_log_failures: AtomicU64,
    /// 1 while samples are not written to disk.
    pub(crate) sample_log_behind: AtomicU64,
    pub(crate) scrapes: AtomicU64,
    pub(crate) scrapes_failed: AtomicU64,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Relaxed);
}

/// What the sample store reports when it is asked.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SampleGauges {
    pub(crate) series: usize,
    pub(crate) bytes: usize,
    pub(crate) chunks: usize,
    pub(crate) exemplars: usize,
    pub(crate) min_time_ms: i64,
    pub(crate) max_time_ms: i64,
}

impl Stats {
    /// The text exposition format.
    pub(crate) fn render(&self, samples: SampleGauges) -> String {
        let mut out = String::with_capacity(4096);
        let mut family = |name: &str, kind: &str, help: &str, rows: &[(&str, u64)]| {
            let _ = writeln!(out, "# HELP backend_{name} {help}\n# TYPE backend_{name} {kind}");
            for (labels, value) in rows {
                let _ = writeln!(out, "backend_{name}{labels} {value}");
            }
        };
        let get = |c: &AtomicU64| c.load(Relaxed);
        let signals = [
            ("{signal=\"spans\"}", &self.spans),
            ("{signal=\"logs\"}", &self.logs),
            ("{signal=\"samples\"}", &self.samples),
        ];
        let by_signal = |f: fn(&Signal) -> &AtomicU64| signals.map(|(labels, s)| (labels, get(f(s))));

        family("ingested_spans_total", "counter", "Spans stored.", &[("", get(&self.spans.ingested))]);
        family(
            "ingested_log_records_total",
            "counter",
            "Log records stored.",
            &[("", get(&self.logs.ingested))],
        );
        family(
            "ingested_samples_total",
            "counter",
            "Metric samples stored.",
            &[("", get(&self.samples.ingested))],
        );
        let refused = by_signal(|s| &s.refused);
        family("refused_items_total", "counter", "Items read and refused; the sender was told.", &refused);
        let dropped = by_signal(|s| &s.dropped);
        family("dropped_items_total", "counter", "Items lost after they were accepted.", &dropped);
        let bad = by_signal(|s| &s.bad_requests);
        family("bad_requests_total", "counter", "Malformed or too large ingest requests.", &bad);
        let busy = by_signal(|s| &s.busy_requests);
        family("busy_requests_total", "counter", "Ingest requests refused for want of room.", &busy);
        family(
            "unmeasured_spans_total",
            "counter",
            "Spans that the metrics made of spans lack or count as overflow, for want of room.",
            &[("", get(&self.unmeasured_spans))],
        );
        family(
            "repeated_log_records_total",
            "counter",
            "Log records that were stored before, and left out.",
            &[("", get(&self.repeated_logs))],
        );
        family(
            "bad_queries_total",
            "counter",
            "Queries answered with a 4xx.",
            &[("", get(&self.bad_queries))],
        );
        family(
            "queue_bytes",
            "gauge",
            "Bytes accepted and not yet on disk.",
            &[("", get(&self.queue_bytes))],
        );
        family("stored_spans", "gauge", "Spans on disk.", &[("", get(&self.stored_spans))]);
        family("stored_log_records", "gauge", "Log records on disk.", &[("", get(&self.stored_logs))]);
        family("stored_bytes", "gauge", "Bytes of spans and logs on disk.", &[("", get(&self.stored_bytes))]);
        family("segments", "gauge", "Store files in use.", &[("", get(&self.segments))]);
        family(
            "segments_set_aside_total",
            "counter",
            "Damaged store files set aside.",
            &[("", get(&self.segments_set_aside))],
        );
        family(
            "segments_dropped_total",
            "counter",
            "Store files dropped by age or size.",
            &[("", get(&self.segments_dropped))],
        );
        family("flushes_total", "counter", "Batches written to disk.", &[("", get(&self.flushes))]);
        let failed = [("", get(&self.failed_flushes))];
        family("failed_flushes_total", "counter", "Writes that the disk or the store refused.", &failed);
        let refuses = [("", get(&self.disk_refuses))];
        family(
            "disk_refuses",
            "gauge",
            "1 while ingest is refused because the disk takes no data.",
            &refuses,
        );
        let log_bytes = [("", get(&self.sample_log_bytes))];
        family("sample_log_bytes", "gauge", "Bytes of metric samples on disk.", &log_bytes);
        let log_writes = [("", get(&self.sample_log_writes))];
        family("sample_log_writes_total", "counter", "Writes of metric samples to disk.", &log_writes);
        let log_failures = [("", get(&self.sample_log_failures))];
        family(
            "sample_log_failures_total",
            "counter",
            "Writes of metric samples that the disk refused.",
            &log_failures,
        );
        let behind = [("", get(&self.sample_log_behind))];
        family("sample_log_behind", "gauge", "1 while metric samples are not written to disk.", &behind);
        family("scrapes_total", "counter", "Scrapes tried.", &[("", get(&self.scrapes))]);
        family("scrapes_failed_total", "counter", "Scrapes that failed.", &[("", get(&self.scrapes_failed))]);
        family("series", "gauge", "Metric series in memory.", &[("", samples.series as u64)]);
        family("sample_bytes", "gauge", "Bytes of metric samples in memory.", &[("", samples.bytes as u64)]);
        family("chunks", "gauge", "Chunks of metric samples in memory.", &[("", samples.chunks as u64)]);
        family("exemplars", "gauge", "Exemplars in memory.", &[("", samples.exemplars as u64)]);
        out
    }
}
