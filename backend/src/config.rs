//! What can be set, with defaults that suit a laptop: a day of data, half a gigabyte of disk, little memory.
//! Nothing here is read from the environment; the caller does that.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::{RuleFiles, Screen};

/// How the backend stores and scrapes.
#[derive(Debug)]
pub struct Config {
    /// Folder of the store. Created when missing, if its parent exists.
    pub data_dir: PathBuf,
    /// Spans, logs and samples older than this are dropped.
    pub retention: Duration,
    /// Bytes on disk for spans and logs; the oldest segment is dropped first.
    pub max_bytes: u64,
    /// Most metric series held at once; further new series are refused and counted.
    pub max_series: usize,
    /// Bytes of memory for metric samples; the oldest chunks are dropped first.
    pub metrics_bytes: usize,
    /// Bytes on disk for metric samples, which a restart reads back; the oldest file is dropped first.
    pub metrics_disk_bytes: u64,
    /// A Prometheus `file_sd` JSON file naming the targets to scrape; re-read when it changes.
    pub scrape_file: Option<PathBuf>,
    /// Time between two scrapes of one target.
    pub scrape_interval: Duration,
    /// Prometheus' rules to evaluate. Their files are read again when they change.
    pub rules: RuleFiles,
    /// Time between two evaluations of a group of rules that has no interval of its own; the step of subqueries that name
    /// none, as in Prometheus.
    pub evaluation_interval: Duration,
    /// Labels that alerts get on their way to Alertmanager, and templates know as `$externalLabels`.
    pub external_labels: BTreeMap<String, String>,
    /// Base addresses of the Alertmanagers that are told of alerts.
    pub alertmanagers: Vec<String>,
    /// Span attributes that are indexed, so that a search by them does not read spans.
    pub indexed_tags: Vec<String>,
    /// Structured log metadata that is indexed likewise.
    pub indexed_metadata: Vec<String>,
    /// What the Alertmanager does, in Alertmanager's own format; without it, every notification goes to the screen.
    pub alertmanager_file: Option<PathBuf>,
    /// Where a person reads the notifications of receivers without a channel of their own.
    pub screen: Screen,
    /// Bounds on what the network may bring.
    pub limits: Limits,
}

impl Config {
    /// The step of subqueries that name none, in milliseconds.
    pub(crate) fn subquery_step_ms(&self) -> i64 {
        i64::try_from(self.evaluation_interval.as_millis()).unwrap_or(i64::MAX).max(1)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            retention: Duration::from_secs(24 * 3600),
            max_bytes: 512 << 20,
            max_series: 50_000,
            metrics_bytes: 96 << 20,
            metrics_disk_bytes: 256 << 20,
            scrape_file: None,
            scrape_interval: Duration::from_secs(1),
            rules: RuleFiles::default(),
            evaluation_interval: Duration::from_secs(1),
            external_labels: BTreeMap::new(),
            alertmanagers: Vec::new(),
            indexed_tags: vec!["correlation.id".to_owned()],
            indexed_metadata: vec!["trace_id".to_owned(), "correlation_id".to_owned()],
            alertmanager_file: None,
            screen: Screen::default(),
            limits: Limits::default(),
        }
    }
}

/// Bounds on requests, connections and queries.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest request body in bytes, after decompression.
    pub body_bytes: usize,
    /// Most bytes that the spans, log records, data points, attributes and other parts of one request may take in memory
    /// once they are decoded, without their texts; beyond them ingest answers 413 or `RESOURCE_EXHAUSTED`. It is told before
    /// they are decoded: a span without anything has two bytes in a request and some 250 in memory.
    pub decoded_bytes: usize,
    /// Most bytes of all request bodies together, HTTP and gRPC, while they are read, unpacked, decoded and taken; beyond
    /// them ingest answers 503 or `UNAVAILABLE`. A packed body takes its packed and its unpacked bytes, and what its parts
    /// take once decoded.
    pub bodies_bytes: usize,
    /// Bytes accepted but not yet on disk; beyond them ingest answers 429 or `UNAVAILABLE`.
    pub queue_bytes: usize,
    /// Connections per listener; further ones wait in the accept queue.
    pub connections: usize,
    /// Queries evaluated at once; further ones wait until the query timeout.
    pub concurrent_queries: usize,
    /// Longest a query may take.
    pub query_timeout: Duration,
    /// Longest a client may take to send its request head.
    pub header_timeout: Duration,
    /// Longest a whole exchange may take.
    pub request_timeout: Duration,
    /// Largest scrape answer in bytes.
    pub scrape_bytes: usize,
    /// Longest a scrape may take.
    pub scrape_timeout: Duration,
    /// Most values one PromQL query may hold in memory (8 bytes each).
    pub query_points: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            decoded_bytes: 48 << 20,
            bodies_bytes: 64 << 20,
            queue_bytes: 8 << 20,
            connections: 256,
            concurrent_queries: 8,
            query_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            scrape_bytes: 10 << 20,
            scrape_timeout: Duration::from_secs(1),
            query_points: 4_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mib(bytes: usize) -> String {
        assert_eq!(bytes % (1 << 20), 0);
        format!("{} MiB", bytes >> 20)
    }

    fn seconds(time: Duration) -> String {
        format!("{} s", time.as_secs())
    }

    /// With commas between the thousands.
    fn count(n: usize) -> String {
        let digits = n.to_string();
        let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
        String::from_utf8_lossy(&groups.join(&b',')).into_owned()
    }

    #[test]
    fn the_table_of_bounds_tells_each_default() {
        let Config { max_bytes, max_series, metrics_bytes, metrics_disk_bytes, retention, limits, .. } =
            Config::default();
        let told = [
            ("retention", format!("{} h", retention.as_secs() / 3600)),
            ("max_bytes", mib(max_bytes as usize)),
            ("max_series", count(max_series)),
            ("metrics_bytes", mib(metrics_bytes)),
            ("metrics_disk_bytes", mib(metrics_disk_bytes as usize)),
            ("body_bytes", mib(limits.body_bytes)),
            ("decoded_bytes", mib(limits.decoded_bytes)),
            ("bodies_bytes", mib(limits.bodies_bytes)),
            ("queue_bytes", mib(limits.queue_bytes)),
            ("connections", count(limits.connections)),
            ("concurrent_queries", count(limits.concurrent_queries)),
            ("query_timeout", seconds(limits.query_timeout)),
            ("header_timeout", seconds(limits.header_timeout)),
            ("request_timeout", seconds(limits.request_timeout)),
            ("scrape_bytes", mib(limits.scrape_bytes)),
            ("scrape_timeout", seconds(limits.scrape_timeout)),
            ("query_points", count(limits.query_points)),
        ];
        let readme = include_str!("../README.md");
        for (name, default) in told {
            let rows: Vec<&str> =
                readme.lines().filter(|l| l.starts_with('|') && l.contains(&format!("`{name}`"))).collect();
            assert_eq!(rows.len(), 1, "{name} has a row of its own");
            let bounds = rows[0].split('|').nth(2).unwrap_or_default();
            assert!(
                bounds.split(',').any(|b| b.trim() == default) || bounds.trim() == default,
                "{name}: {default}"
            );
        }
    }
}
