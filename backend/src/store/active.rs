//! The segment being written: lays records out in blocks, gives out ids, commits a flush in one transaction.
//! When to flush, roll and drop is the writer's matter.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rusqlite::{Connection, params};

use super::batch::{Batch, LogIn, Operation, Origin, SpanIn, trace_key};
use super::block::{self, TARGET, compress, put_varint};
use super::segment::{self, ReadError, Segment};
use crate::time;

/// Catalogue entries remembered per segment; beyond it a name is written again rather than remembered.
const REMEMBERED: usize = 10_000;

/// The segment being written, with its catalogues.
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    pub(super) connection: Connection,
    pub(super) next_block: i64,
    services: HashMap<String, i64>,
    origins: HashMap<Origin, (i64, i64)>,
    operations: HashSet<Operation>,
    streams: HashMap<String, i64>,
}

impl Active {
    pub(super) fn open(segment: Arc<Segment>) -> Result<Self, ReadError> {
        let connection = segment::open_writer(&segment.path)?;
        connection.set_prepared_statement_cache_capacity(32);
        let next_block: i64 =
            connection.query_row("SELECT coalesce(max(id), 0) + 1 FROM blocks", [], |r| r.get(0))?;
        let mut services = HashMap::new();
        let mut operations = HashSet::new();
        let mut streams = HashMap::new();
        {
            let mut rows = connection.prepare("SELECT id, name FROM services")?;
            for row in rows.query_map([], |r| Ok((r.get(1)?, r.get(0)?)))? {
                let (name, id) = row?;
                services.insert(name, id);
            }
            let mut rows = connection
                .prepare("SELECT s.name, o.name, o.kind FROM operations o JOIN services s ON s.id = o.service LIMIT 10000")?;
            for row in rows
                .query_map([], |r| Ok(Operation { service: r.get(0)?, name: r.get(1)?, kind: r.get(2)? }))?
            {
                operations.insert(row?);
            }
            let mut rows = connection.prepare("SELECT id, labels FROM streams")?;
            for row in rows.query_map([], |r| Ok((r.get(1)?, r.get(0)?)))? {
                let (labels, id) = row?;
                streams.insert(labels, id);
            }
        }
        Ok(Self { segment, connection, next_block, services, origins: HashMap::new(), operations, streams })
    }

    /// Whether a read has found the file damaged.
    pub(super) fn is_damaged(&self) -> bool {
        self.segment.damaged.load(Relaxed)
    }

    /// Writes all batches in one transaction; on failure nothing of them is there.
    pub(super) fn write(
        &mut self,
        batches: &[Batch],
        spans: usize,
        logs: usize,
        encoder: &mut snap::raw::Encoder,
    ) -> Result<(), ReadError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let next_block = self.next_block;
        let now = time::now_ms();
        let written = self
            .write_spans(batches, encoder)
            .and_then(|()| self.write_logs(batches, encoder))
            .and_then(|()| {
                self.connection
                    .prepare_cached(
                        "UPDATE meta SET spans = spans + ?1, logs = logs + ?2, last_write_ms = ?3",
                    )?
                    .execute(params![spans as i64, logs as i64, now])?;
                self.connection.execute_batch("COMMIT").map_err(ReadError::from)
            });
        if written.is_err() {
            let _ = self.connection.execute_batch("ROLLBACK");
            self.next_block = next_block;
            // What was rolled back must not be remembered as written; the tables tell what was.
            self.services.clear();
            self.origins.clear();
            self.operations.clear();
            self.streams.clear();
            return written;
        }
        self.segment.spans.fetch_add(spans as u64, Relaxed);
        self.segment.logs.fetch_add(logs as u64, Relaxed);
        self.segment.last_write_ms.store(now, Relaxed);
        Ok(())
    }

    fn write_spans(&mut self, batches: &[Batch], encoder: &mut snap::raw::Encoder) -> Result<(), ReadError> {
        let mut raw = Vec::with_capacity(TARGET + 4096);
        let mut keys = HashSet::new();
        let mut rows: Vec<(i64, &SpanIn, usize)> = Vec::new();
        for batch in batches {
            let mut origins = Vec::with_capacity(batch.origins.len());
            for origin in &batch.origins {
                origins.push(self.origin(origin)?);
            }
            for operation in &batch.operations {
                self.note_operation(operation)?;
            }
            for span in &batch.spans {
                let (origin, service) = origins[span.origin as usize];
                rows.push((service, span, raw.len()));
                raw.extend_from_slice(&span.trace);
                put_varint(&mut raw, origin as u64);
                block::put_bytes(&mut raw, batch.body(span.body));
                keys.insert(trace_key(&span.trace));
                keys.extend(batch.keys(span.keys));
                if raw.len() >= TARGET {
                    self.close_span_block(&mut raw, &mut keys, &mut rows, encoder)?;
                }
            }
        }
        self.close_span_block(&mut raw, &mut keys, &mut rows, encoder)
    }

    fn close_span_block(
        &mut self,
        raw: &mut Vec<u8>,
        keys: &mut HashSet<i64>,
        rows: &mut Vec<(i64, &SpanIn, usize)>,
        encoder: &mut snap::raw::Encoder,
    ) -> Result<(), ReadError> {
        if raw.is_empty() {
            return Ok(());
        }
        let block = self.put_block(raw, keys, encoder)?;
        let mut insert =
            self.connection.prepare_cached("INSERT INTO spans VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for (service, span, pos) in rows.drain(..) {
            insert.execute(params![
                service,
                span.start_ns,
                block,
                pos as i64,
                span.op_hash,
                span.duration_ns
            ])?;
        }
        Ok(())
    }

    fn write_logs(&mut self, batches: &[Batch], encoder: &mut snap::raw::Encoder) -> Result<(), ReadError> {
        let mut raw = Vec::with_capacity(TARGET + 4096);
        let mut keys = HashSet::new();
        let mut runs: HashMap<i64, Run> = HashMap::new();
        for batch in batches {
            let mut streams = Vec::with_capacity(batch.streams.len());
            for labels in &batch.streams {
                streams.push(self.stream(labels)?);
            }
            for log in &batch.logs {
                let stream = streams[log.stream as usize];
                let body = batch.body(log.body);
                put_varint(&mut raw, stream as u64);
                raw.extend_from_slice(&log.ts_ns.to_le_bytes());
                block::put_bytes(&mut raw, body);
                keys.extend(batch.keys(log.keys));
                runs.entry(stream).or_insert_with(|| Run::new(log)).add(log, body.len());
                if raw.len() >= TARGET {
                    self.close_log_block(&mut raw, &mut keys, &mut runs, encoder)?;
                }
            }
        }
        self.close_log_block(&mut raw, &mut keys, &mut runs, encoder)
    }

    fn close_log_block(
        &mut self,
        raw: &mut Vec<u8>,
        keys: &mut HashSet<i64>,
        runs: &mut HashMap<i64, Run>,
        encoder: &mut snap::raw::Encoder,
    ) -> Result<(), ReadError> {
        if raw.is_empty() {
            return Ok(());
        }
        let block = self.put_block(raw, keys, encoder)?;
        let mut insert =
            self.connection.prepare_cached("INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for (stream, run) in runs.drain() {
            insert.execute(params![stream, run.min_ns, run.max_ns, block, run.entries, run.bytes])?;
        }
        Ok(())
    }

    fn put_block(
        &mut self,
        raw: &mut Vec<u8>,
        keys: &mut HashSet<i64>,
        encoder: &mut snap::raw::Encoder,
    ) -> Result<i64, ReadError> {
        let block = self.next_block;
        self.next_block += 1;
        self.connection
            .prepare_cached("INSERT INTO blocks VALUES (?1, ?2)")?
            .execute(params![block, compress(raw, encoder)])?;
        let mut insert = self.connection.prepare_cached("INSERT INTO keys VALUES (?1, ?2)")?;
        for key in keys.drain() {
            insert.execute(params![key, block])?;
        }
        raw.clear();
        Ok(block)
    }

    fn service(&mut self, name: &str) -> Result<i64, ReadError> {
        if let Some(id) = self.services.get(name) {
            return Ok(*id);
        }
        self.connection
            .prepare_cached("INSERT INTO services (name) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([name])?;
        let id = self
            .connection
            .prepare_cached("SELECT id FROM services WHERE name = ?1")?
            .query_row([name], |r| r.get(0))?;
        forget_if_full(&mut self.services);
        self.services.insert(name.to_owned(), id);
        Ok(id)
    }

    fn origin(&mut self, origin: &Origin) -> Result<(i64, i64), ReadError> {
        if let Some(ids) = self.origins.get(origin) {
            return Ok(*ids);
        }
        let service = self.service(&origin.service)?;
        self.connection
            .prepare_cached("INSERT INTO origins (service, resource, scope) VALUES (?1, ?2, ?3)")?
            .execute(params![service, origin.resource, origin.scope])?;
        let ids = (self.connection.last_insert_rowid(), service);
        forget_if_full(&mut self.origins);
        self.origins.insert(origin.clone(), ids);
        Ok(ids)
    }

    fn note_operation(&mut self, operation: &Operation) -> Result<(), ReadError> {
        if self.operations.len() >= REMEMBERED || self.operations.contains(operation) {
            return Ok(());
        }
        let service = self.service(&operation.service)?;
        self.connection
            .prepare_cached("INSERT INTO operations VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![service, operation.name, operation.kind])?;
        self.operations.insert(operation.clone());
        Ok(())
    }

    fn stream(&mut self, labels: &str) -> Result<i64, ReadError> {
        if let Some(id) = self.streams.get(labels) {
            return Ok(*id);
        }
        self.connection
            .prepare_cached("INSERT INTO streams (labels) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([labels])?;
        let id = self
            .connection
            .prepare_cached("SELECT id FROM streams WHERE labels = ?1")?
            .query_row([labels], |r| r.get(0))?;
        forget_if_full(&mut self.streams);
        self.streams.insert(labels.to_owned(), id);
        Ok(id)
    }
}

/// A sender that invents names must not grow the maps for ever: the tables keep the truth.
fn forget_if_full<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= REMEMBERED {
        map.clear();
    }
}

/// The entries of one stream in one block.
struct Run {
    min_ns: i64,
    max_ns: i64,
    entries: i64,
    bytes: i64,
}

impl Run {
    fn new(log: &LogIn) -> Self {
        Self { min_ns: log.ts_ns, max_ns: log.ts_ns, entries: 0, bytes: 0 }
    }

    fn add(&mut self, log: &LogIn, bytes: usize) {
        self.min_ns = self.min_ns.min(log.ts_ns);
        self.max_ns = self.max_ns.max(log.ts_ns);
        self.entries += 1;
        self.bytes += bytes as i64;
    }
}
