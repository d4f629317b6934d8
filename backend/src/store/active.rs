//! The segment being written: lays records out in blocks, gives out their ids, commits a flush in one transaction.
//! When to flush, roll and drop is the writer's matter; ids of names are the catalogue's.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rusqlite::{Connection, params};

use super::batch::{Batch, LogIn, trace_key};
use super::block::{self, TARGET, compress, put_varint};
use super::catalogue::Catalogue;
use super::segment::{self, ReadError, Segment};
use super::span_index::{BlockIndex, Row};
use super::writer::Repeated;
use crate::time;

/// The segment being written, with its catalogue.
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    pub(super) connection: Connection,
    pub(super) next_block: i64,
    catalogue: Catalogue,
}

impl Active {
    pub(super) fn open(segment: Arc<Segment>) -> Result<Self, ReadError> {
        let connection = segment::open_writer(&segment.path)?;
        connection.set_prepared_statement_cache_capacity(32);
        let next_block: i64 =
            connection.query_row("SELECT coalesce(max(id), 0) + 1 FROM blocks", [], |r| r.get(0))?;
        let catalogue = Catalogue::load(&connection)?;
        Ok(Self { segment, connection, next_block, catalogue })
    }

    /// Whether a read has found the file damaged.
    pub(super) fn is_damaged(&self) -> bool {
        self.segment.damaged.load(Relaxed)
    }

    /// Writes all batches but for repeated log entries in one transaction; on failure nothing of them is there. Returns how
    /// many log entries it wrote.
    pub(super) fn write(
        &mut self,
        batches: &[Batch],
        repeated: &mut Repeated,
        encoder: &mut snap::raw::Encoder,
    ) -> Result<usize, ReadError> {
        let spans: usize = batches.iter().map(|batch| batch.spans.len()).sum();
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let next_block = self.next_block;
        let now = time::now_ms();
        let written = self
            .write_spans(batches, encoder)
            .and_then(|()| self.write_logs(batches, repeated, encoder))
            .and_then(|logs| {
                self.connection
                    .prepare_cached(
                        "UPDATE meta SET spans = spans + ?1, logs = logs + ?2, last_write_ms = ?3",
                    )?
                    .execute(params![spans as i64, logs as i64, now])?;
                self.connection.execute_batch("COMMIT").map_err(ReadError::from).map(|()| logs)
            });
        let Ok(logs) = written else {
            let _ = self.connection.execute_batch("ROLLBACK");
            self.next_block = next_block;
            // What was rolled back must not be remembered as written; the tables tell what was.
            self.catalogue.forget();
            repeated.rolled_back();
            return written;
        };
        repeated.committed();
        self.segment.spans.fetch_add(spans as u64, Relaxed);
        self.segment.logs.fetch_add(logs as u64, Relaxed);
        self.segment.last_write_ms.store(now, Relaxed);
        Ok(logs)
    }

    fn write_spans(&mut self, batches: &[Batch], encoder: &mut snap::raw::Encoder) -> Result<(), ReadError> {
        let mut block = Filling::<BlockIndex>::new();
        for batch in batches {
            let mut origins = Vec::with_capacity(batch.origins.len());
            for origin in &batch.origins {
                origins.push(self.catalogue.origin(&self.connection, origin)?);
            }
            for operation in &batch.operations {
                self.catalogue.note_operation(&self.connection, operation)?;
            }
            for span in &batch.spans {
                let (origin, service) = origins[span.origin as usize];
                let row = Row {
                    service: service as u32,
                    op_hash: span.op_hash,
                    start_ns: span.start_ns,
                    duration_ns: span.duration_ns,
                    tags: 0,
                    pos: block.raw.len() as u32,
                };
                block.rows.add(row, batch.tags_of(span));
                block.raw.extend_from_slice(&span.trace);
                put_varint(&mut block.raw, origin as u64);
                block::put_bytes(&mut block.raw, batch.body(span.body));
                block.keys.insert(trace_key(&span.trace));
                block.keys.extend(batch.keys(span.keys));
                self.put_if_full(&mut block, encoder)?;
            }
        }
        self.put(&mut block, encoder)
    }

    fn write_logs(
        &mut self,
        batches: &[Batch],
        repeated: &mut Repeated,
        encoder: &mut snap::raw::Encoder,
    ) -> Result<usize, ReadError> {
        let mut block = Filling::<HashMap<i64, Run>>::new();
        let mut written = 0;
        for batch in batches {
            let mut streams = Vec::with_capacity(batch.streams.len());
            for labels in &batch.streams {
                streams.push(self.catalogue.stream(&self.connection, labels)?);
            }
            for log in &batch.logs {
                if repeated.has(batch, log) {
                    continue;
                }
                written += 1;
                let stream = streams[log.stream as usize];
                let body = batch.body(log.body);
                put_varint(&mut block.raw, stream as u64);
                block.raw.extend_from_slice(&log.ts_ns.to_le_bytes());
                block::put_bytes(&mut block.raw, body);
                block.keys.extend(batch.keys(log.keys));
                block.rows.entry(stream).or_insert_with(|| Run::new(log)).add(log, body.len());
                self.put_if_full(&mut block, encoder)?;
            }
        }
        self.put(&mut block, encoder)?;
        Ok(written)
    }

    fn put_if_full<R: Rows>(
        &mut self,
        block: &mut Filling<R>,
        encoder: &mut snap::raw::Encoder,
    ) -> Result<(), ReadError> {
        if block.raw.len() < TARGET { Ok(()) } else { self.put(block, encoder) }
    }

    /// Inserts the block with what finds its records again, and leaves it empty for the next.
    fn put<R: Rows>(
        &mut self,
        block: &mut Filling<R>,
        encoder: &mut snap::raw::Encoder,
    ) -> Result<(), ReadError> {
        if block.raw.is_empty() {
            return Ok(());
        }
        let id = self.next_block;
        self.next_block += 1;
        self.connection
            .prepare_cached("INSERT INTO blocks VALUES (?1, ?2)")?
            .execute(params![id, compress(&block.raw, encoder)])?;
        let mut insert = self.connection.prepare_cached("INSERT INTO keys VALUES (?1, ?2)")?;
        for key in block.keys.drain() {
            insert.execute(params![key, id])?;
        }
        std::mem::take(&mut block.rows).insert(id, &self.connection)?;
        block.raw.clear();
        Ok(())
    }
}

/// A block being filled, with what finds its records again.
struct Filling<R> {
    raw: Vec<u8>,
    keys: HashSet<i64>,
    rows: R,
}

impl<R: Rows> Filling<R> {
    fn new() -> Self {
        Self { raw: Vec::with_capacity(TARGET + 4096), keys: HashSet::new(), rows: R::default() }
    }
}

/// What finds a block's records again in the tables of its signal.
trait Rows: Default {
    fn insert(self, block: i64, connection: &Connection) -> rusqlite::Result<()>;
}

impl Rows for BlockIndex {
    fn insert(self, block: i64, connection: &Connection) -> rusqlite::Result<()> {
        let ((min_start, max_start), (min_duration, max_duration)) = (self.starts, self.durations);
        connection
            .prepare_cached("INSERT INTO span_blocks VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![block, min_start, max_start, min_duration, max_duration, self.filter()])?;
        connection
            .prepare_cached("INSERT INTO span_rows VALUES (?1, ?2)")?
            .execute(params![block, self.rows])?;
        Ok(())
    }
}

/// Runs by stream.
impl Rows for HashMap<i64, Run> {
    fn insert(self, block: i64, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached("INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for (stream, run) in self {
            statement.execute(params![stream, run.min_ns, run.max_ns, block, run.entries, run.bytes])?;
        }
        Ok(())
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
