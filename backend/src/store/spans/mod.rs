//! Reading spans: a trace by id, the catalogue of services and operations; searches and the graph of calls beside it.
//! It answers OTLP spans with where they came from; turning them into Jaeger's JSON is the API's matter.

mod calls;
mod latest;
mod search;
pub(crate) mod tags;
mod value;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _};

use super::Store;
use super::batch::trace_key;
use super::block::{Damaged, Reader};
use super::read::{blocks_of_key, read_block, within};
use super::segment::ReadError;

pub(crate) use search::TraceQuery;
pub(crate) use value::{base64, hex, is_error, kind_name, status_name, text, value_text};

/// Most spans of one trace that are answered.
const TRACE_SPANS: usize = 50_000;

/// Most spans of one trace with the same id that are answered.
const SHARED_ID: usize = 16;

/// Where a span came from.
#[derive(Debug, Default, PartialEq)]
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

impl Store {
    /// The spans of traces, in the order of their ids: of each trace every span once, ordered by start, and none when it is
    /// unknown. What lies together is read once.
    pub(crate) fn traces(
        &self,
        ids: &[[u8; 16]],
        deadline: Instant,
    ) -> Result<Vec<Vec<StoredSpan>>, ReadError> {
        let mut found: HashMap<[u8; 16], Vec<StoredSpan>> = ids.iter().map(|id| (*id, Vec::new())).collect();
        self.each_segment(|connection| {
            let mut origins = Origins::default();
            let mut blocks = BTreeSet::new();
            for id in found.keys() {
                within(deadline)?;
                blocks.extend(blocks_of_key(connection, trace_key(id))?);
            }
            for block in blocks {
                within(deadline)?;
                let raw = read_block(connection, block)?;
                let mut reader = Reader::new(&raw, 0);
                while !reader.is_at_end() {
                    let record = Record::read(&mut reader)?;
                    if let Some(spans) = found.get_mut(&record.trace).filter(|s| s.len() < TRACE_SPANS) {
                        spans.push(record.decode(connection, &mut origins)?);
                    }
                }
            }
            Ok(true)
        })?;
        let mut whole: HashMap<_, _> = found.into_iter().map(|(id, spans)| (id, each_once(spans))).collect();
        let answer = |(at, id): (usize, &[u8; 16])| match ids[at + 1..].contains(id) {
            true => whole.get(id).cloned().unwrap_or_default(),
            false => whole.remove(id).unwrap_or_default(),
        };
        Ok(ids.iter().enumerate().map(answer).collect())
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

/// A retried export sends spans twice: each is answered once. Two that share an id and nothing else are both answered.
fn each_once(spans: Vec<StoredSpan>) -> Vec<StoredSpan> {
    let mut kept: Vec<StoredSpan> = Vec::with_capacity(spans.len());
    let mut by_id: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for span in spans {
        let same_id = by_id.entry(span.span.span_id.clone()).or_default();
        let is_same = |at: &usize| kept[*at].span == span.span && kept[*at].origin == span.origin;
        // A client that gives one id to all its spans shall not make this quadratic.
        if same_id.len() < SHARED_ID && !same_id.iter().any(is_same) {
            same_id.push(kept.len());
            kept.push(span);
        }
    }
    kept.sort_by_key(|s| s.span.start_time_unix_nano);
    kept
}
