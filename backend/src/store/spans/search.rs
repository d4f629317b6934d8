//! Searching traces: the blocks that may hold what is looked for, by an index key where one of the tags has it, else by
//! their summaries, from the latest backwards; in them, the spans whose row does not speak against it.

use std::time::Instant;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::latest::Latest;
use super::{Origins, Record, StoredSpan, tags};
use crate::store::Store;
use crate::store::batch::{op_hash, tag_key};
use crate::store::block::{Damaged, Reader};
use crate::store::read::{blocks_of_key, read_block, within};
use crate::store::segment::ReadError;
use crate::store::span_index::{self, Row, row_bits, tag_hash};

/// A search for traces that hold at least one span like this.
#[derive(Debug, Default, Clone)]
pub(crate) struct TraceQuery {
    pub(crate) service: String,
    pub(crate) operation: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) min_duration_ns: Option<i64>,
    pub(crate) max_duration_ns: Option<i64>,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    pub(crate) limit: usize,
    /// Names of the attributes that are indexed.
    pub(crate) indexed: Vec<String>,
}

impl Store {
    /// Ids of the matching traces, those with the latest matching spans first.
    pub(crate) fn find_traces(
        &self,
        query: &TraceQuery,
        deadline: Instant,
    ) -> Result<Vec<[u8; 16]>, ReadError> {
        let mut latest = Latest::new(query.limit);
        let sought: Vec<u32> = query.tags.iter().map(|(name, value)| tag_hash(name, value)).collect();
        let op_hash = query.operation.as_deref().map(op_hash);
        self.each_segment(|connection| {
            let service: Option<u32> = connection
                .prepare_cached("SELECT id FROM services WHERE name = ?1")?
                .query_row([&query.service], |r| r.get(0))
                .optional()?;
            let Some(service) = service else { return Ok(true) };
            let mut filter_keys = vec![span_index::service_hash(service)];
            filter_keys.extend(op_hash.map(span_index::op_key));
            filter_keys.extend(&sought);
            let mut search = Search {
                connection,
                query,
                service,
                op_hash,
                filter_keys,
                row_bits: sought.iter().fold(0, |bits, tag| bits | row_bits(*tag)),
                origins: Origins::default(),
                latest: &mut latest,
                deadline,
            };
            match query.tags.iter().find(|(name, _)| query.indexed.contains(name)) {
                Some((name, value)) => search.by_key(tag_key(name, value))?,
                None => search.by_summary()?,
            }
            Ok(true)
        })?;
        Ok(latest.into_ids())
    }
}

/// The search of one segment.
struct Search<'a> {
    connection: &'a Connection,
    query: &'a TraceQuery,
    service: u32,
    op_hash: Option<u32>,
    /// What a block's filter must hold.
    filter_keys: Vec<u32>,
    /// Bits that a row must have.
    row_bits: u128,
    origins: Origins,
    latest: &'a mut Latest,
    deadline: Instant,
}

impl Search<'_> {
    /// Looks only at the blocks that hold the key.
    fn by_key(&mut self, key: i64) -> Result<(), ReadError> {
        for block in blocks_of_key(self.connection, key)?.into_iter().rev() {
            self.block(block)?;
        }
        Ok(())
    }

    /// Walks the blocks from the latest backwards, until none can hold a later span than those found.
    fn by_summary(&mut self) -> Result<(), ReadError> {
        let mut blocks = self.connection.prepare_cached(
            "SELECT block, max_start_ns, min_duration_ns, max_duration_ns, filter FROM span_blocks
             WHERE max_start_ns >= ?1 AND min_start_ns < ?2 ORDER BY max_start_ns DESC",
        )?;
        let from = self.query.start_ns.max(self.latest.floor());
        let mut blocks = blocks.query(params![from, self.query.end_ns])?;
        let (min, max) = self.durations();
        while let Some(summary) = blocks.next()? {
            within(self.deadline)?;
            if summary.get::<_, i64>(1)? <= self.latest.floor() {
                break;
            }
            if summary.get::<_, i64>(2)? > max || summary.get::<_, i64>(3)? < min {
                continue;
            }
            let filter = summary.get_ref(4)?.as_blob().map_err(|_| Damaged)?;
            if self.filter_keys.iter().all(|key| span_index::may_hold(filter, *key)) {
                self.block(summary.get(0)?)?;
            }
        }
        Ok(())
    }

    /// Looks at the spans of a block whose rows allow it.
    fn block(&mut self, block: i64) -> Result<(), ReadError> {
        within(self.deadline)?;
        let mut rows = self.connection.prepare_cached("SELECT rows FROM span_rows WHERE block = ?1")?;
        let mut rows = rows.query([block])?;
        let Some(packed) = rows.next()? else { return Ok(()) };
        let packed = packed.get_ref(0)?.as_blob().map_err(|_| Damaged)?;
        let plausible: Vec<Row> = span_index::rows(packed).filter(|row| self.allows(row)).collect();
        if plausible.is_empty() {
            return Ok(());
        }
        let raw = read_block(self.connection, block)?;
        for row in plausible {
            let record = Record::read(&mut Reader::new(&raw, row.pos as usize))?;
            if self.latest.wants(&record.trace, row.start_ns) {
                let stored = record.decode(self.connection, &mut self.origins)?;
                if matches(&stored, self.query) {
                    self.latest.add(record.trace, row.start_ns);
                }
            }
        }
        Ok(())
    }

    fn allows(&self, row: &Row) -> bool {
        let (min, max) = self.durations();
        row.service == self.service
            && row.tags & self.row_bits == self.row_bits
            && (min..=max).contains(&row.duration_ns)
            && (self.query.start_ns..self.query.end_ns).contains(&row.start_ns)
            && self.op_hash.is_none_or(|op| op == row.op_hash)
    }

    fn durations(&self) -> (i64, i64) {
        (self.query.min_duration_ns.unwrap_or(i64::MIN), self.query.max_duration_ns.unwrap_or(i64::MAX))
    }
}

/// Whether a span is what the query looks for. Tags are looked for on the span, its resource, its scope and its events.
fn matches(stored: &StoredSpan, query: &TraceQuery) -> bool {
    let span = &stored.span;
    let start = span.start_time_unix_nano as i64;
    let duration = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano) as i64;
    stored.origin.service == query.service
        && (query.start_ns..query.end_ns).contains(&start)
        && query.operation.as_ref().is_none_or(|op| *op == span.name)
        && query.min_duration_ns.is_none_or(|min| duration >= min)
        && query.max_duration_ns.is_none_or(|max| duration <= max)
        && query.tags.iter().all(|(name, value)| has_tag(stored, name, value))
}

fn has_tag(stored: &StoredSpan, name: &str, value: &str) -> bool {
    let mut found = false;
    tags::of_span(&stored.span, |n, v| found |= n == name && v == value);
    let origin = &stored.origin;
    tags::of_origin(&origin.resource, &origin.scope, |n, v| found |= n == name && v == value);
    found
}
