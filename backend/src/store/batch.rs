//! What ingest hands to the writer: records already laid out as bytes, with just enough beside them to index.
//! Building a batch is pure; ids that belong to a segment are given out by the writer.

use std::collections::HashSet;

use super::block::{hash, put_bytes};

/// Spans and logs accepted by one request.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The records' bodies, end to end.
    pub(crate) data: Vec<u8>,
    pub(crate) spans: Vec<SpanIn>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) logs: Vec<LogIn>,
    /// Label sets of the logs' streams, as JSON.
    pub(crate) streams: Vec<String>,
    /// Index keys of all records.
    pub(crate) keys: Vec<i64>,
    /// Hashes of the spans' tags.
    pub(crate) tags: Vec<u32>,
    /// Which of them all spans of an origin share, by origin.
    pub(crate) shared_tags: Vec<(u32, u32)>,
}

/// The resource and scope that a span came from.
#[derive(Debug, PartialEq, Eq, Hash, Clone)]
pub(crate) struct Origin {
    pub(crate) service: String,
    /// The OTLP `Resource`, encoded.
    pub(crate) resource: Vec<u8>,
    /// The OTLP `InstrumentationScope`, encoded.
    pub(crate) scope: Vec<u8>,
}

/// A span name seen in a service.
#[derive(Debug, PartialEq, Eq, Hash, Clone)]
pub(crate) struct Operation {
    pub(crate) service: String,
    pub(crate) name: String,
    /// OTLP span kind.
    pub(crate) kind: u8,
}

/// One span on its way to disk.
#[derive(Debug)]
pub(crate) struct SpanIn {
    pub(crate) trace: [u8; 16],
    pub(crate) start_ns: i64,
    pub(crate) duration_ns: i64,
    pub(crate) op_hash: u32,
    pub(crate) origin: u32,
    pub(crate) body: (u32, u32),
    pub(crate) keys: (u32, u32),
    /// Hashes of the tags that are its own.
    pub(crate) tags: (u32, u32),
}

/// One log entry on its way to disk.
#[derive(Debug)]
pub(crate) struct LogIn {
    pub(crate) stream: u32,
    pub(crate) ts_ns: i64,
    pub(crate) body: (u32, u32),
    pub(crate) keys: (u32, u32),
}

/// The index key of a trace.
pub(crate) fn trace_key(trace: &[u8; 16]) -> i64 {
    hash(&[b"trace", trace])
}

/// The index key of a span attribute.
pub(crate) fn tag_key(name: &str, value: &str) -> i64 {
    hash(&[b"tag", name.as_bytes(), value.as_bytes()])
}

/// The index key of a log entry's metadata.
pub(crate) fn metadata_key(name: &str, value: &str) -> i64 {
    hash(&[b"meta", name.as_bytes(), value.as_bytes()])
}

/// A short hash of a span name; equal names have equal hashes, and readers compare the name itself too.
pub(crate) fn op_hash(name: &str) -> u32 {
    hash(&[name.as_bytes()]) as u32
}

impl Batch {
    /// What the batch weighs in the queue.
    pub(crate) fn bytes(&self) -> usize {
        self.data.len()
            + self.spans.len() * size_of::<SpanIn>()
            + self.logs.len() * size_of::<LogIn>()
            + self.keys.len() * 8
            + self.tags.len() * 4
            + self.streams.iter().map(String::len).sum::<usize>()
            + self.origins.iter().map(|o| o.service.len() + o.resource.len() + o.scope.len()).sum::<usize>()
            + self.operations.iter().map(|o| o.service.len() + o.name.len()).sum::<usize>()
    }

    /// Spans and log entries.
    pub(crate) fn items(&self) -> usize {
        self.spans.len() + self.logs.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items() == 0
    }

    /// Encodes a message as a record body and says where it lies.
    pub(crate) fn put_message(&mut self, message: &impl prost::Message) -> (u32, u32) {
        let from = self.data.len();
        // Encoding into a Vec cannot run out of room.
        let _ = message.encode(&mut self.data);
        (from as u32, self.data.len() as u32)
    }

    /// Lays out a log entry: the line, then pairs of metadata.
    pub(crate) fn put_log<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        line: &str,
        metadata: &[(K, V)],
    ) -> (u32, u32) {
        let from = self.data.len();
        put_bytes(&mut self.data, line.as_bytes());
        for (k, v) in metadata {
            put_bytes(&mut self.data, k.as_ref().as_bytes());
            put_bytes(&mut self.data, v.as_ref().as_bytes());
        }
        (from as u32, self.data.len() as u32)
    }

    pub(crate) fn body(&self, (from, to): (u32, u32)) -> &[u8] {
        &self.data[from as usize..to as usize]
    }

    pub(crate) fn keys(&self, (from, to): (u32, u32)) -> &[i64] {
        &self.keys[from as usize..to as usize]
    }

    /// Hashes of all tags of a span.
    pub(crate) fn tags_of(&self, span: &SpanIn) -> impl Iterator<Item = u32> {
        let of = |(from, to): (u32, u32)| self.tags[from as usize..to as usize].iter().copied();
        of(self.shared_tags[span.origin as usize]).chain(of(span.tags))
    }
}

/// Remembers which operations of a request were already noted.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashSet<(u32, u32, u8)>);

impl Seen {
    pub(crate) fn is_new(&mut self, origin: u32, op_hash: u32, kind: u8) -> bool {
        self.0.insert((origin, op_hash, kind))
    }
}
