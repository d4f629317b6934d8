//! Searching traces: by an index key where one of the tags has it, else through the service's spans from the latest
//! backwards.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::value::{is_error, kind_name, status_name, text};
use super::{Origins, Record, StoredSpan};
use crate::store::Store;
use crate::store::batch::{op_hash, tag_key};
use crate::store::block::Reader;
use crate::store::read::{blocks_of_key, read_block, within};
use crate::store::segment::ReadError;

/// Decompressed blocks kept during one search.
const CACHED_BLOCKS: usize = 16;

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
    /// Ids of the matching traces, the latest first.
    pub(crate) fn find_traces(
        &self,
        query: &TraceQuery,
        deadline: Instant,
    ) -> Result<Vec<[u8; 16]>, ReadError> {
        let mut found: Vec<(i64, [u8; 16])> = Vec::new();
        let mut known = HashSet::new();
        self.each_segment(|connection| {
            let mut search = Search {
                connection,
                query,
                origins: Origins::default(),
                found: &mut found,
                known: &mut known,
                deadline,
            };
            match query.tags.iter().find(|(k, _)| query.indexed.contains(k)) {
                Some((name, value)) => search.by_key(tag_key(name, value))?,
                None => search.by_service()?,
            }
            Ok(found.len() < query.limit)
        })?;
        found.sort_by_key(|(start, _)| std::cmp::Reverse(*start));
        found.truncate(query.limit);
        Ok(found.into_iter().map(|(_, trace)| trace).collect())
    }
}

struct Search<'a> {
    connection: &'a Connection,
    query: &'a TraceQuery,
    origins: Origins,
    found: &'a mut Vec<(i64, [u8; 16])>,
    known: &'a mut HashSet<[u8; 16]>,
    deadline: Instant,
}

impl Search<'_> {
    /// Looks only at the blocks that hold the key.
    fn by_key(&mut self, key: i64) -> Result<(), ReadError> {
        for block in blocks_of_key(self.connection, key)?.into_iter().rev() {
            within(self.deadline)?;
            let raw = read_block(self.connection, block)?;
            let mut reader = Reader::new(&raw, 0);
            while !reader.is_at_end() {
                let record = Record::read(&mut reader)?;
                self.consider(&record)?;
            }
        }
        Ok(())
    }

    /// Walks the service's spans from the latest backwards, until enough traces are found.
    fn by_service(&mut self) -> Result<(), ReadError> {
        let service: Option<i64> = self
            .connection
            .prepare_cached("SELECT id FROM services WHERE name = ?1")?
            .query_row([&self.query.service], |r| r.get(0))
            .optional()?;
        let Some(service) = service else { return Ok(()) };
        let op = self.query.operation.as_deref().map(op_hash);
        let mut rows = self.connection.prepare_cached(
            "SELECT block, pos FROM spans WHERE service = ?1 AND start_ns >= ?2 AND start_ns < ?3
             AND (?4 IS NULL OR op = ?4) AND duration_ns >= ?5 AND duration_ns <= ?6 ORDER BY start_ns DESC",
        )?;
        let min = self.query.min_duration_ns.unwrap_or(i64::MIN);
        let max = self.query.max_duration_ns.unwrap_or(i64::MAX);
        let mut rows = rows.query(params![service, self.query.start_ns, self.query.end_ns, op, min, max])?;
        let mut cache: VecDeque<(i64, Vec<u8>)> = VecDeque::new();
        while let Some(row) = rows.next()? {
            within(self.deadline)?;
            let (block, pos): (i64, i64) = (row.get(0)?, row.get(1)?);
            let at = match cache.iter().position(|(id, _)| *id == block) {
                Some(at) => at,
                None => {
                    if cache.len() == CACHED_BLOCKS {
                        cache.pop_front();
                    }
                    cache.push_back((block, read_block(self.connection, block)?));
                    cache.len() - 1
                }
            };
            let record = Record::read(&mut Reader::new(&cache[at].1, pos as usize))?;
            self.consider(&record)?;
            if self.found.len() >= self.query.limit {
                break;
            }
        }
        Ok(())
    }

    fn consider(&mut self, record: &Record<'_>) -> Result<(), ReadError> {
        if self.known.contains(&record.trace) {
            return Ok(());
        }
        let stored = record.decode(self.connection, &mut self.origins)?;
        if matches(&stored, self.query) {
            self.known.insert(record.trace);
            self.found.push((stored.span.start_time_unix_nano as i64, record.trace));
        }
        Ok(())
    }
}

/// Whether a span is what the query looks for. Tags are looked for on the span, its resource and its events.
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
    let has = |attributes: &[KeyValue]| attributes.iter().any(|kv| kv.key == name && text(kv) == value);
    let derived = match name {
        "error" => is_error(&stored.span).then(|| "true".to_owned()),
        "span.kind" => kind_name(stored.span.kind).map(str::to_owned),
        "otel.status_code" => status_name(&stored.span).map(str::to_owned),
        "otel.scope.name" => Some(stored.origin.scope.name.clone()),
        _ => None,
    };
    derived.is_some_and(|v| v == value)
        || has(&stored.span.attributes)
        || has(&stored.origin.resource.attributes)
        || stored
            .span
            .events
            .iter()
            .any(|event| has(&event.attributes) || (name == "event" && event.name == value))
}
