//! Gets batches to disk, however long the disk takes to have room for them: they were acknowledged. New ones are
//! refused meanwhile.

use std::fs::{self, File};
use std::io::{Read as _, copy, repeat};
use std::time::Duration;

use super::super::batch::Batch;
use super::super::queue::Outlet;
use super::super::segment::ReadError;
use super::{Writer, items};
use crate::stats::add;

/// Time between two tries while the disk takes no write.
const PAUSE: Duration = Duration::from_secs(1);

impl Writer {
    /// Writes the batches, and what joins them while they wait. Once nothing more will come, no try but one is made.
    pub(super) fn flush(&mut self, mut batches: Vec<Batch>, outlet: &mut Outlet) {
        loop {
            let Err(error) = self.write(&batches) else { break };
            add(&self.stats.failed_flushes, 1);
            if !outlet.is_open() || !is_disk(&error) {
                self.give_up(&batches, &error);
                // The next batch finds out anew.
                outlet.disk_takes(true);
                break;
            }
            if outlet.disk_takes(false) {
                tracing::error!(
                    dir = %self.dir.display(), %error,
                    "spans and logs cannot be written: ingest is refused until the disk takes data again"
                );
            }
            // What was accepted before ingest was refused joins in; the queue's bound holds for all of it.
            outlet.join(&mut batches, PAUSE);
            // Dropping what is too old may be what makes room.
            self.retain();
        }
        outlet.settle(&batches);
        self.reopen(outlet);
    }

    /// Lets ingest go on once the disk has room for all that may be queued. That one small write has fitted says little: the
    /// next would fail again, and both would be told, over and over.
    pub(super) fn reopen(&self, outlet: &Outlet) {
        if outlet.is_shut() && self.has_room() && outlet.disk_takes(true) {
            // A warning, though it is good news: who was told of the beginning wants to be told of the end.
            tracing::warn!(dir = %self.dir.display(), "the disk takes data again: ingest goes on");
        }
    }

    /// Whether a file can be written that is as large as all that may be queued, twice: it lies in the log of the segment
    /// before it lies in the segment. Asking the file system how much is free would tell nothing of quotas and limits.
    fn has_room(&self) -> bool {
        let path = self.dir.join("probe");
        let bytes = 2 * self.queue_bytes as u64;
        let written = File::create(&path).and_then(|mut file| copy(&mut repeat(0).take(bytes), &mut file));
        let _ = fs::remove_file(&path);
        written.is_ok()
    }

    /// Counts batches that no further try would store.
    fn give_up(&self, batches: &[Batch], error: &ReadError) {
        let (spans, logs) = items(batches);
        add(&self.stats.spans.dropped, spans);
        add(&self.stats.logs.dropped, logs);
        tracing::error!(dir = %self.dir.display(), spans, logs, %error, "spans and logs could not be stored and are lost");
    }
}

/// Whether the disk, and not what was to be written, is why a write failed: then a later try may succeed.
fn is_disk(error: &ReadError) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, PermissionDenied,
        ReadOnly, SystemIoFailure,
    };
    let ReadError::Sqlite(error) = error else { return false };
    matches!(
        error.sqlite_error_code(),
        Some(
            CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | FileLockingProtocolFailed
                | PermissionDenied
                | ReadOnly
                | SystemIoFailure
        )
    )
}
