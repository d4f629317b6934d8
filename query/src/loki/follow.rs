//! Following a log query: the lines that are there, then those that come, each once.
//!
//! Lines arrive late: every process sends its own in batches. So each question looks a little further back than the one
//! before it ended, and what was given already is left out.

use super::{Direction, LogEntry, Loki};
use crate::{Error, UnixNanos, Window};
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

/// A line that arrives later than this after its own time is missed.
const LATE: Duration = Duration::from_secs(10);
/// A line may be ahead of this machine's clock by this much.
const AHEAD: Duration = Duration::from_secs(10);
/// Lines of one question.
const PAGE: usize = 5_000;
/// Questions until the lines found so far are given.
const PAGES: usize = 10;

/// A log query that is followed.
#[derive(Debug)]
pub struct Follow {
    loki: Loki,
    logql: String,
    seen: Seen,
    /// What is older is not wanted.
    floor: UnixNanos,
    /// Until when was asked last; `None` before the first question.
    asked: Option<UnixNanos>,
    limit: usize,
}

impl Follow {
    /// Nothing is asked yet. It begins with the newest lines since `start`, at most `limit`.
    #[must_use]
    pub fn new(loki: Loki, logql: &str, start: UnixNanos, limit: usize) -> Self {
        Self { loki, logql: logql.to_owned(), seen: Seen::default(), floor: start, asked: None, limit }
    }

    /// The lines that have come since the last time, in order of time. To be asked again and again, at the caller's pace;
    /// a failure loses nothing.
    ///
    /// # Errors
    /// Those of [`Loki::query_range`].
    pub async fn next(&mut self) -> Result<Vec<LogEntry>, Error> {
        let now = UnixNanos::now();
        let (entries, asked) = match self.asked {
            None => (self.first(now).await?, now),
            Some(asked) => self.more(asked.before(LATE).max(self.floor), now).await?,
        };
        self.asked = Some(asked);
        self.seen.forget_before(asked.before(LATE));
        Ok(entries)
    }

    async fn first(&mut self, now: UnixNanos) -> Result<Vec<LogEntry>, Error> {
        let window = Window { start: self.floor, end: now.after(AHEAD) };
        let found = self.loki.query_range(&self.logql, window, self.limit, Direction::Backward).await?;
        if found.len() >= self.limit
            && let Some(oldest) = found.last()
        {
            self.floor = oldest.time;
        }
        Ok(self.seen.new_of(found))
    }

    /// The new lines, and until when they are all of them.
    async fn more(
        &mut self,
        mut start: UnixNanos,
        now: UnixNanos,
    ) -> Result<(Vec<LogEntry>, UnixNanos), Error> {
        let end = now.after(AHEAD);
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let page =
                self.loki.query_range(&self.logql, Window { start, end }, PAGE, Direction::Forward).await?;
            let last = page.last().map(|entry| entry.time).filter(|_| page.len() >= PAGE);
            found.extend(page);
            match last {
                // The last moment may have more lines than the page had room for; but not for ever.
                Some(last) => start = if last > start { last } else { UnixNanos(start.0.saturating_add(1)) },
                None => return Ok((self.seen.new_of(found), now)),
            }
        }
        // The next question begins where this one had to stop.
        Ok((self.seen.new_of(found), start.after(LATE)))
    }
}

/// Which lines were given already.
#[derive(Debug, Default)]
struct Seen(BTreeSet<(UnixNanos, u64)>);

impl Seen {
    /// Those that were not, each once, in order of time; from now on they were.
    fn new_of(&mut self, entries: Vec<LogEntry>) -> Vec<LogEntry> {
        let mut new: Vec<LogEntry> =
            entries.into_iter().filter(|entry| self.0.insert((entry.time, content(entry)))).collect();
        new.sort_by_key(|entry| entry.time);
        new
    }

    fn forget_before(&mut self, time: UnixNanos) {
        self.0 = self.0.split_off(&(time, 0));
    }
}

/// Two lines of one moment are told apart by what they say and where they come from.
fn content(entry: &LogEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&entry.line, &entry.labels, &entry.metadata).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time: i64, line: &str, service: &str) -> LogEntry {
        let labels = [("service_name".to_owned(), service.to_owned())].into();
        LogEntry { time: UnixNanos(time), line: line.to_owned(), labels, metadata: [].into() }
    }

    #[test]
    fn a_line_is_given_once_and_in_order_of_time() {
        let mut seen = Seen::default();
        let (a, b) = (entry(5, "a", "x"), entry(3, "b", "x"));
        assert_eq!(seen.new_of(vec![a.clone(), b.clone()]), [b.clone(), a.clone()]);
        let late = entry(4, "late", "x");
        assert_eq!(seen.new_of(vec![a.clone(), late.clone(), b]), [late]);
        let twin = entry(5, "a", "y");
        assert_eq!(seen.new_of(vec![a.clone(), twin.clone()]), [twin], "of another service");
        seen.forget_before(UnixNanos(5));
        assert_eq!(seen.0.len(), 2);
        assert!(seen.new_of(vec![a]).is_empty(), "what is still looked at is still known");
    }
}
