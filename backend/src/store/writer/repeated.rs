//! Log entries that were written before. A sender that hears no answer sends its batch again; as Loki does, of entries with
//! the same stream, time, line and metadata one is kept.

use std::collections::HashSet;
use std::mem;

use super::super::batch::{Batch, LogIn};
use super::super::block::hash;

/// How many entries are remembered at least; twice as many at most. At a thousand lines a second that is a minute, and a
/// sender gives up sooner.
const REMEMBERED: usize = 64 * 1024;

/// Remembers the last entries by their hashes.
#[derive(Debug, Default)]
pub(in crate::store) struct Repeated {
    young: HashSet<i64>,
    old: HashSet<i64>,
    /// Of the transaction under way.
    begun: HashSet<i64>,
}

impl Repeated {
    /// Whether the entry was written before, or is a second one in this transaction.
    pub(in crate::store) fn has(&mut self, batch: &Batch, log: &LogIn) -> bool {
        let stream = batch.streams[log.stream as usize].as_bytes();
        let entry = hash(&[b"entry", stream, &log.ts_ns.to_le_bytes(), batch.body(log.body)]);
        self.young.contains(&entry) || self.old.contains(&entry) || !self.begun.insert(entry)
    }

    /// The transaction is on disk.
    pub(in crate::store) fn committed(&mut self) {
        self.young.extend(self.begun.drain());
        if self.young.len() >= REMEMBERED {
            self.old = mem::take(&mut self.young);
        }
    }

    /// The transaction was taken back.
    pub(in crate::store) fn rolled_back(&mut self) {
        self.begun.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(stream: &str, ts_ns: i64, line: &str) -> Batch {
        let mut batch = Batch::default();
        batch.streams.push(stream.to_owned());
        let body = batch.put_log::<&str, &str>(line, &[]);
        batch.logs.push(LogIn { stream: 0, ts_ns, body, keys: (0, 0) });
        batch
    }

    fn has(repeated: &mut Repeated, batch: &Batch) -> bool {
        repeated.has(batch, &batch.logs[0])
    }

    #[test]
    fn only_what_is_the_same_in_all_of_it_and_on_disk_is_repeated() {
        let mut repeated = Repeated::default();
        let first = one("{a}", 1, "x");
        assert!(!has(&mut repeated, &first));
        assert!(has(&mut repeated, &first), "twice in one transaction");
        repeated.rolled_back();
        assert!(!has(&mut repeated, &first), "it is not there");
        repeated.committed();
        assert!(has(&mut repeated, &first));
        for other in [one("{b}", 1, "x"), one("{a}", 2, "x"), one("{a}", 1, "y")] {
            assert!(!has(&mut repeated, &other));
        }
    }

    #[test]
    fn memory_is_bounded_and_the_last_ones_are_remembered() {
        let mut repeated = Repeated::default();
        let entries = i64::try_from(3 * REMEMBERED).expect("a number");
        for ts in 0..entries {
            assert!(!has(&mut repeated, &one("{a}", ts, "x")));
            repeated.committed();
            assert!(repeated.young.len() + repeated.old.len() <= 2 * REMEMBERED);
        }
        for ts in entries - 1000..entries {
            assert!(has(&mut repeated, &one("{a}", ts, "x")));
        }
    }
}
