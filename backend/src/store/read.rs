//! The few reads of a segment that spans and logs share: which blocks hold a key, what a block holds, is there time.

use std::time::Instant;

use rusqlite::Connection;

use super::block::{Damaged, decompress};
use super::segment::ReadError;

/// Blocks that hold a record with this index key, in rising order.
pub(crate) fn blocks_of_key(connection: &Connection, key: i64) -> Result<Vec<i64>, ReadError> {
    let mut rows = connection.prepare_cached("SELECT block FROM keys WHERE hash = ?1 ORDER BY block")?;
    let blocks = rows.query_map([key], |r| r.get(0))?.collect::<Result<_, _>>()?;
    Ok(blocks)
}

/// A block, decompressed.
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
