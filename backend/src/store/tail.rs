//! Following logs: what was written behind a point of the store, in the order it was written. Where lines are late, that is
//! not the order of their times.

use rusqlite::{Connection, params};

use super::Store;
use super::logs::{LogQuery, Sink, matching_streams, read_entries};
use super::segment::ReadError;

/// A point of the store: all that was written before is known to whoever holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    segment_ms: i64,
    block: i64,
}

impl Store {
    /// The end of what is written.
    pub(crate) fn end(&self) -> Result<Cursor, ReadError> {
        match self.newest_first().first() {
            Some(newest) => Ok(Cursor { segment_ms: newest.created_ms, block: newest.read(last_block)? }),
            None => Ok(Cursor { segment_ms: 0, block: 0 }),
        }
    }

    /// Feeds the matching entries of the range that stand behind the cursor to `sink`, and moves the cursor to the end.
    pub(crate) fn follow_logs(
        &self,
        cursor: &mut Cursor,
        query: &LogQuery,
        sink: &mut dyn Sink,
    ) -> Result<(), ReadError> {
        let newest_first = self.newest_first();
        let behind: Vec<_> = newest_first.iter().take_while(|s| s.created_ms >= cursor.segment_ms).collect();
        for segment in behind.into_iter().rev() {
            let from = if segment.created_ms == cursor.segment_ms { cursor.block } else { 0 };
            let read = segment.read(|connection| {
                let to = last_block(connection)?;
                if to > from {
                    read_between(connection, from, to, query, sink)?;
                }
                Ok(to)
            });
            match read {
                Ok(block) => *cursor = Cursor { segment_ms: segment.created_ms, block },
                // Set aside by the next read of the store.
                Err(ReadError::Damaged) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn last_block(connection: &Connection) -> Result<i64, ReadError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(id), 0) FROM blocks")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn read_between(
    connection: &Connection,
    from: i64,
    to: i64,
    query: &LogQuery,
    sink: &mut dyn Sink,
) -> Result<(), ReadError> {
    let streams = matching_streams(connection, &query.selectors)?;
    let mut blocks = Vec::new();
    let mut rows = connection.prepare_cached(
        "SELECT block FROM runs WHERE stream = ?1 AND min_ns >= ?2 AND block > ?3 AND block <= ?4",
    )?;
    for stream in streams.keys() {
        let found =
            rows.query_map(params![stream, query.range.start, from, to], |row| row.get::<_, i64>(0))?;
        for block in found {
            blocks.push(block?);
        }
    }
    blocks.sort_unstable();
    blocks.dedup();
    for block in blocks {
        read_entries(connection, block, &streams, &query.range, sink)?;
    }
    Ok(())
}
