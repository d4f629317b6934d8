//! Reading spans: a trace by id, a search, the catalogue of services and operations, and who calls whom.
//! It answers OTLP spans with where they came from; turning them into Jaeger's JSON is the API's matter.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::batch::{op_hash, tag_key, trace_key};
use super::block::{Damaged, Reader, decompress};
use super::segment::ReadError;

/// Most spans one dependency graph is computed from; more would not fit a small process.
const GRAPH_SPANS: usize = 1_000_000;
/// Most spans of one trace that are answered.
const TRACE_SPANS: usize = 50_000;
/// Decompressed blocks kept during one search.
const CACHED_BLOCKS: usize = 16;

/// Where a span came from.
#[derive(Debug, Default)]
pub(crate) struct OriginRead {
    pub(crate) service: String,
    pub(crate) resource: Resource,
    pub(crate) scope: InstrumentationScope,
}

/// A span as it was sent, with its origin.
#[derive(Debug, Clone)]
pub(crate) struct StoredSpan {
    pub(crate) trace: [u8; 16],
    pub(crate) origin: Arc<OriginRead>,
    pub(crate) span: Span,
}

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

/// Calls from one service to another.
pub(crate) type Calls = BTreeMap<(String, String), u64>;

impl Store {
    /// All spans of a trace, each once, ordered by start. Empty when the trace is unknown.
    pub(crate) fn trace(&self, id: [u8; 16]) -> Result<Vec<StoredSpan>, ReadError> {
        let mut spans = Vec::new();
        self.each_segment(|connection| {
            let mut origins = Origins::default();
            for block in blocks_of_key(connection, trace_key(&id))? {
                let raw = read_block(connection, block)?;
                let mut reader = Reader::new(&raw, 0);
                while !reader.is_at_end() && spans.len() < TRACE_SPANS {
                    let record = Record::read(&mut reader)?;
                    if record.trace == id {
                        spans.push(record.decode(connection, &mut origins)?);
                    }
                }
            }
            Ok(true)
        })?;
        Ok(each_once(spans))
    }

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

    /// Names of all services with spans, sorted.
    pub(crate) fn services(&self) -> Result<BTreeSet<String>, ReadError> {
        let mut names = BTreeSet::new();
        self.each_segment(|connection| {
            let mut rows = connection.prepare_cached("SELECT name FROM services")?;
            for name in rows.query_map([], |r| r.get(0))? {
                names.insert(name?);
            }
            Ok(true)
        })?;
        Ok(names)
    }

    /// Span names of a service, each with its OTLP kind, sorted.
    pub(crate) fn operations(&self, service: &str) -> Result<BTreeSet<(String, u8)>, ReadError> {
        let mut names = BTreeSet::new();
        self.each_segment(|connection| {
            let mut rows = connection.prepare_cached(
                "SELECT o.name, o.kind FROM operations o JOIN services s ON s.id = o.service WHERE s.name = ?1",
            )?;
            for name in rows.query_map([service], |r| Ok((r.get(0)?, r.get(1)?)))? {
                names.insert(name?);
            }
            Ok(true)
        })?;
        Ok(names)
    }

    /// Counts calls between services among spans that started in the window. `None` when there are too many to count.
    pub(crate) fn calls(
        &self,
        start_ns: i64,
        end_ns: i64,
        deadline: Instant,
    ) -> Result<Option<Calls>, ReadError> {
        let mut names: Vec<String> = Vec::new();
        // (span, service) and (parent, service), as pairs of plain numbers: a map of a million spans would not fit.
        let mut spans: Vec<(u64, u32)> = Vec::new();
        let mut children: Vec<(u64, u32)> = Vec::new();
        self.each_segment(|connection| {
            let mut origins = Origins::default();
            let mut blocks = connection
                .prepare_cached("SELECT DISTINCT block FROM spans WHERE start_ns >= ?1 AND start_ns < ?2")?;
            for block in blocks.query_map(params![start_ns, end_ns], |r| r.get(0))? {
                within(deadline)?;
                let raw = read_block(connection, block?)?;
                let mut reader = Reader::new(&raw, 0);
                while !reader.is_at_end() && spans.len() <= GRAPH_SPANS {
                    let stored = Record::read(&mut reader)?.decode(connection, &mut origins)?;
                    let start = stored.span.start_time_unix_nano as i64;
                    if start < start_ns || start >= end_ns {
                        continue;
                    }
                    let service = &stored.origin.service;
                    let service = names.iter().position(|n| n == service).unwrap_or_else(|| {
                        names.push(service.clone());
                        names.len() - 1
                    }) as u32;
                    let number = |id: &[u8]| id.try_into().map(u64::from_be_bytes).ok();
                    if let Some(id) = number(&stored.span.span_id) {
                        spans.push((id, service));
                    }
                    if let Some(parent) = number(&stored.span.parent_span_id) {
                        children.push((parent, service));
                    }
                }
            }
            Ok(spans.len() <= GRAPH_SPANS)
        })?;
        if spans.len() > GRAPH_SPANS {
            return Ok(None);
        }
        spans.sort_unstable();
        let mut calls = Calls::new();
        for (parent, child) in children {
            let Ok(at) = spans.binary_search_by_key(&parent, |(id, _)| *id) else { continue };
            let caller = spans[at].1;
            if caller != child {
                let pair = (names[caller as usize].clone(), names[child as usize].clone());
                *calls.entry(pair).or_default() += 1;
            }
        }
        Ok(Some(calls))
    }
}

/// A record of a span block, not yet decoded.
struct Record<'a> {
    trace: [u8; 16],
    origin: i64,
    body: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Damaged> {
        Ok(Self { trace: reader.array()?, origin: reader.varint()? as i64, body: reader.bytes()? })
    }

    fn decode(&self, connection: &Connection, origins: &mut Origins) -> Result<StoredSpan, ReadError> {
        let origin = origins.get(connection, self.origin)?;
        let mut span = Span::decode(self.body).map_err(|_| Damaged)?;
        span.trace_id = self.trace.to_vec();
        Ok(StoredSpan { trace: self.trace, origin, span })
    }
}

/// Origins read during one query of one segment.
#[derive(Default)]
struct Origins(HashMap<i64, Arc<OriginRead>>);

impl Origins {
    fn get(&mut self, connection: &Connection, id: i64) -> Result<Arc<OriginRead>, ReadError> {
        if let Some(origin) = self.0.get(&id) {
            return Ok(Arc::clone(origin));
        }
        let row: Option<(String, Vec<u8>, Vec<u8>)> = connection
            .prepare_cached("SELECT s.name, o.resource, o.scope FROM origins o JOIN services s ON s.id = o.service WHERE o.id = ?1")?
            .query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        let (service, resource, scope) = row.ok_or(Damaged)?;
        let origin = Arc::new(OriginRead {
            service,
            resource: Resource::decode(&resource[..]).map_err(|_| Damaged)?,
            scope: InstrumentationScope::decode(&scope[..]).map_err(|_| Damaged)?,
        });
        self.0.insert(id, Arc::clone(&origin));
        Ok(origin)
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

/// Whether the span's status is an error.
pub(crate) fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|s| s.code == 2)
}

/// The status as Jaeger writes it; `None` while unset.
pub(crate) fn status_name(span: &Span) -> Option<&'static str> {
    match span.status.as_ref().map(|s| s.code) {
        Some(1) => Some("OK"),
        Some(2) => Some("ERROR"),
        _ => None,
    }
}

/// The span kind as Jaeger writes it.
pub(crate) fn kind_name(kind: i32) -> Option<&'static str> {
    match kind {
        1 => Some("internal"),
        2 => Some("server"),
        3 => Some("client"),
        4 => Some("producer"),
        5 => Some("consumer"),
        _ => None,
    }
}

/// An attribute's value as text.
pub(crate) fn text(kv: &KeyValue) -> String {
    kv.value.as_ref().and_then(|v| v.value.as_ref()).map(value_text).unwrap_or_default()
}

/// A value as text: strings bare, lists and maps as JSON.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::StringValue(s) => s.clone(),
        Value::BoolValue(b) => b.to_string(),
        Value::IntValue(i) => i.to_string(),
        Value::DoubleValue(d) => d.to_string(),
        other => value_json(other).to_string(),
    }
}

/// A value as JSON.
pub(crate) fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::StringValue(s) => s.as_str().into(),
        Value::BoolValue(b) => (*b).into(),
        Value::IntValue(i) => (*i).into(),
        Value::DoubleValue(d) => {
            serde_json::Number::from_f64(*d).map_or_else(|| d.to_string().into(), Into::into)
        }
        Value::BytesValue(b) => hex(b).into(),
        Value::ArrayValue(list) => {
            list.values.iter().map(|v| v.value.as_ref().map_or(serde_json::Value::Null, value_json)).collect()
        }
        Value::KvlistValue(map) => serde_json::Value::Object(
            map.values
                .iter()
                .map(|kv| {
                    let value = kv.value.as_ref().and_then(|v| v.value.as_ref());
                    (kv.key.clone(), value.map_or(serde_json::Value::Null, value_json))
                })
                .collect(),
        ),
        _ => serde_json::Value::Null,
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// A retried export sends spans twice: each is answered once.
fn each_once(mut spans: Vec<StoredSpan>) -> Vec<StoredSpan> {
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    spans.retain(|s| seen.insert(s.span.span_id.clone()));
    spans.sort_by_key(|s| s.span.start_time_unix_nano);
    spans
}

pub(crate) fn blocks_of_key(connection: &Connection, key: i64) -> Result<Vec<i64>, ReadError> {
    let mut rows = connection.prepare_cached("SELECT block FROM keys WHERE hash = ?1 ORDER BY block")?;
    let blocks = rows.query_map([key], |r| r.get(0))?.collect::<Result<_, _>>()?;
    Ok(blocks)
}

pub(crate) fn read_block(connection: &Connection, id: i64) -> Result<Vec<u8>, ReadError> {
    let mut statement = connection.prepare_cached("SELECT data FROM blocks WHERE id = ?1")?;
    let mut rows = statement.query([id])?;
    let row = rows.next()?.ok_or(Damaged)?;
    let stored = row.get_ref(0)?.as_blob().map_err(|_| Damaged)?;
    Ok(decompress(stored)?)
}

/// # Errors
/// The deadline has passed.
pub(crate) fn within(deadline: Instant) -> Result<(), ReadError> {
    if Instant::now() > deadline { Err(ReadError::TimedOut) } else { Ok(()) }
}
