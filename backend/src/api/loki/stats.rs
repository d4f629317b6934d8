//! The `stats` object that stands beside each result. What it has no counterpart for here is zero.

use std::time::Instant;

use serde_json::{Value, json};

use crate::store::logs::Entry;

/// What a query has read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    pub(super) metadata_bytes: u64,
    /// Lines that passed the pipeline.
    pub(super) kept: u64,
}

impl Read {
    /// A line that was looked at.
    pub(super) fn line(&mut self, line: &str) {
        self.lines += 1;
        self.bytes += line.len() as u64;
    }

    /// Metadata that was looked at, which is that of the lines that pass the first filters.
    pub(super) fn metadata(&mut self, entry: &Entry<'_>) {
        let metadata: usize = entry.metadata.iter().map(|(k, v)| k.len() + v.len()).sum();
        self.bytes += metadata as u64;
        self.metadata_bytes += metadata as u64;
    }
}

/// Prints it, with how many entries or series the answer has.
pub(super) fn stats(read: &Read, returned: usize, started: Instant) -> Value {
    let seconds = started.elapsed().as_secs_f64().max(1e-9);
    json!({
        "summary": {
            "bytesProcessedPerSecond": (read.bytes as f64 / seconds) as u64,
            "linesProcessedPerSecond": (read.lines as f64 / seconds) as u64,
            "totalBytesProcessed": read.bytes, "totalLinesProcessed": read.lines,
            "execTime": seconds, "queueTime": 0, "subqueries": 0,
            "totalEntriesReturned": returned, "splits": 0, "shards": 0,
            "totalPostFilterLines": read.kept, "totalStructuredMetadataBytesProcessed": read.metadata_bytes,
        },
        "querier": {"store": store()},
        "ingester": {
            "totalReached": 0, "totalChunksMatched": 0, "totalBatches": 0, "totalLinesSent": 0, "store": store(),
        },
        "cache": {}, "index": {},
    })
}

fn store() -> Value {
    json!({
        "totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0,
        "queryReferencedStructuredMetadata": false, "chunk": {}, "chunkRefsFetchTime": 0,
    })
}
