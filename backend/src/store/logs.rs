//! Reading logs: entries of the matching streams in a time range, newest or oldest first, and what streams there are.
//! Filters of the query language run in the caller's [`Sink`]; here only time, streams and index keys decide.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use memchr::memmem;
use rusqlite::{Connection, params};

use super::Store;
use super::block::{Damaged, Reader};
use super::read::{blocks_of_key, read_block, within};
use super::segment::ReadError;
use crate::labels::Labels;
use crate::matcher::Matcher;

/// What is read.
#[derive(Debug, Clone)]
pub(crate) struct LogQuery {
    /// Conditions on stream labels. Several sets: a stream that satisfies any of them counts.
    pub(crate) selectors: Vec<Vec<Matcher>>,
    /// From (inclusive) and to (exclusive), nanoseconds.
    pub(crate) range: Range<i64>,
    /// Index keys that every wanted entry has; empty when the index cannot help.
    pub(crate) keys: Vec<i64>,
    pub(crate) deadline: Instant,
}

/// A log entry as stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) stream: &'a Arc<Labels>,
    pub(crate) ts_ns: i64,
    pub(crate) line: &'a str,
    /// Structured metadata, laid out as pairs.
    pub(crate) metadata: &'a [(&'a str, &'a str)],
}

/// Takes entries, in no strict order.
pub(crate) trait Sink {
    /// Whether an entry of this time span could still matter.
    fn wants(&self, times: Range<i64>) -> bool;

    /// A text that every wanted line holds, where there is one.
    fn needle(&self) -> Option<&str> {
        None
    }

    /// Whether the entry of this line could matter; it is taken apart only then.
    fn wants_line(&mut self, _line: &str) -> bool {
        true
    }

    fn entry(&mut self, entry: Entry<'_>);
}

/// A stream with what it holds in a range.
#[derive(Debug, Default, Clone)]
pub(crate) struct StreamStats {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
}

impl Store {
    /// Feeds the matching entries to `sink`, whole blocks at a time.
    pub(crate) fn scan_logs(
        &self,
        query: &LogQuery,
        forward: bool,
        sink: &mut dyn Sink,
    ) -> Result<(), ReadError> {
        // Segments are read newest first; for `forward` that costs some reading, never a wrong answer, because the
        // sink keeps the oldest entries whatever order they come in.
        self.each_segment(|connection| {
            let streams = matching_streams(connection, &query.selectors)?;
            if streams.is_empty() {
                return Ok(true);
            }
            let mut blocks = match query.keys.split_first() {
                Some((first, rest)) => {
                    let mut blocks = blocks_of_key(connection, *first)?;
                    for key in rest {
                        let others = blocks_of_key(connection, *key)?;
                        blocks.retain(|b| others.binary_search(b).is_ok());
                    }
                    blocks.into_iter().map(|b| (b, query.range.clone())).collect()
                }
                None => blocks_in_range(connection, &streams, &query.range)?,
            };
            if forward {
                blocks.sort_by_key(|(_, times)| times.start);
            } else {
                blocks.sort_by_key(|(_, times)| std::cmp::Reverse(times.end));
            }
            for (block, times) in blocks {
                within(query.deadline)?;
                if sink.wants(times) {
                    read_entries(connection, block, &streams, &query.range, sink)?;
                }
            }
            Ok(true)
        })
    }

    /// The matching streams that have entries in the range.
    pub(crate) fn streams(
        &self,
        selectors: &[Vec<Matcher>],
        range: &Range<i64>,
    ) -> Result<HashMap<Arc<Labels>, StreamStats>, ReadError> {
        let mut found: HashMap<Arc<Labels>, StreamStats> = HashMap::new();
        self.each_segment(|connection| {
            let streams = matching_streams(connection, selectors)?;
            let mut rows = connection.prepare_cached(
                "SELECT stream, sum(entries), sum(bytes), count(*) FROM runs WHERE min_ns < ?1 AND max_ns >= ?2 GROUP BY stream",
            )?;
            let mut rows = rows.query(params![range.end, range.start])?;
            while let Some(row) = rows.next()? {
                if let Some(labels) = streams.get(&row.get(0)?) {
                    let stats = found.entry(Arc::clone(labels)).or_default();
                    stats.entries += row.get::<_, i64>(1)? as u64;
                    stats.bytes += row.get::<_, i64>(2)? as u64;
                    stats.blocks += row.get::<_, i64>(3)? as u64;
                }
            }
            Ok(true)
        })?;
        Ok(found)
    }
}

pub(super) fn matching_streams(
    connection: &Connection,
    selectors: &[Vec<Matcher>],
) -> Result<HashMap<i64, Arc<Labels>>, ReadError> {
    let mut rows = connection.prepare_cached("SELECT id, labels FROM streams")?;
    let mut rows = rows.query([])?;
    let mut streams = HashMap::new();
    while let Some(row) = rows.next()? {
        let json = row.get_ref(1)?.as_str().map_err(|_| Damaged)?;
        let pairs: Vec<(String, String)> = serde_json::from_str(json).map_err(|_| Damaged)?;
        let labels = Labels::new(pairs);
        let wanted = |set: &Vec<Matcher>| set.iter().all(|m| m.matches(labels.get(&m.name)));
        if selectors.is_empty() || selectors.iter().any(wanted) {
            streams.insert(row.get(0)?, Arc::new(labels));
        }
    }
    Ok(streams)
}

/// How a stream's labels are stored.
pub(crate) fn encode_stream(labels: &Labels) -> String {
    let pairs: Vec<(&str, &str)> = labels.iter().collect();
    serde_json::to_string(&pairs).unwrap_or_default()
}

/// Blocks that hold entries of the streams in the range, with the times they span.
fn blocks_in_range(
    connection: &Connection,
    streams: &HashMap<i64, Arc<Labels>>,
    range: &Range<i64>,
) -> Result<Vec<(i64, Range<i64>)>, ReadError> {
    let mut blocks: HashMap<i64, Range<i64>> = HashMap::new();
    let mut rows = connection.prepare_cached(
        "SELECT block, min_ns, max_ns FROM runs WHERE stream = ?1 AND min_ns < ?2 AND max_ns >= ?3",
    )?;
    for stream in streams.keys() {
        let mut rows = rows.query(params![stream, range.end, range.start])?;
        while let Some(row) = rows.next()? {
            let (min, max): (i64, i64) = (row.get(1)?, row.get(2)?);
            let times = blocks.entry(row.get(0)?).or_insert(min..max);
            times.start = times.start.min(min);
            times.end = times.end.max(max);
        }
    }
    Ok(blocks.into_iter().collect())
}

pub(super) fn read_entries(
    connection: &Connection,
    block: i64,
    streams: &HashMap<i64, Arc<Labels>>,
    range: &Range<i64>,
    sink: &mut dyn Sink,
) -> Result<(), ReadError> {
    let raw = read_block(connection, block)?;
    let mut search = sink.needle().map(|needle| Search::new(needle, &raw));
    let mut reader = Reader::new(&raw, 0);
    let mut metadata = Vec::new();
    while !reader.is_at_end() {
        let stream = reader.varint()? as i64;
        let ts_ns = i64::from_le_bytes(reader.array()?);
        let body = reader.bytes()?;
        if let Some(search) = &mut search
            && !search.is_before(reader.at())
        {
            if search.is_over() {
                return Ok(());
            }
            continue;
        }
        let Some(labels) = streams.get(&stream).filter(|_| range.contains(&ts_ns)) else { continue };
        let mut body = Reader::new(body, 0);
        let line = body.str()?;
        if !sink.wants_line(line) {
            continue;
        }
        metadata.clear();
        while !body.is_at_end() {
            metadata.push((body.str()?, body.str()?));
        }
        sink.entry(Entry { stream: labels, ts_ns, line, metadata: &metadata });
    }
    Ok(())
}

/// Looks for a text in a whole block, which is much faster than in each of its lines.
struct Search<'b> {
    finder: memmem::Finder<'b>,
    raw: &'b [u8],
    /// Where the text stands next.
    next: Option<usize>,
}

impl<'b> Search<'b> {
    fn new(needle: &str, raw: &'b [u8]) -> Self {
        let finder = memmem::Finder::new(needle).into_owned();
        let next = finder.find(raw);
        Self { finder, raw, next }
    }

    /// Whether the text stands in the record that ends at `end`; records are asked for in their order.
    fn is_before(&mut self, end: usize) -> bool {
        let found = self.next.is_some_and(|next| next < end);
        if found {
            self.next = self.finder.find(&self.raw[end..]).map(|at| end + at);
        }
        found
    }

    fn is_over(&self) -> bool {
        self.next.is_none()
    }
}
