//! A session on disk: one event a line, written before anybody is told that it happened.
//!
//! A crash can only cut off the last line, which then did not happen. Damage anywhere else is told, with its line, and
//! nothing is guessed over it.

use super::{Event, Refused, Session};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// The largest journal that is read, in bytes.
const LARGEST: u64 = 32 << 20;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk.
    #[error("cannot use the session's journal {}: {source}", path.display())]
    Disk {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it.
    #[error("{}:{line}: {why}; move the file away to begin anew", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        why: String,
    },
    /// The event cannot be.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// A session and the file that it is kept in.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    session: Option<Session>,
}

impl Journal {
    /// Opens a journal, or creates an empty one that its owner alone may read.
    ///
    /// # Errors
    /// When the file cannot be used, or is damaged.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let disk = |source| JournalError::Disk { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(disk)?;
        if file.metadata().map_err(disk)?.len() > LARGEST {
            return Err(disk(io::Error::other(format!("larger than {LARGEST} bytes"))));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(disk)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let damaged = |line: usize, why: String| JournalError::Damaged { path: path.to_owned(), line, why };
        let mut session: Option<Session> = None;
        for (index, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let event: Event = serde_json::from_slice(line).map_err(|e| damaged(index + 1, e.to_string()))?;
            let taken = match &mut session {
                Some(session) => session.apply(&event),
                None => Session::begin(&event).map(|begun| session = Some(begun)),
            };
            taken.map_err(|e| damaged(index + 1, e.to_string()))?;
        }
        // What a crash cut off did not happen.
        let end = u64::try_from(whole).unwrap_or(u64::MAX);
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end)).map(drop)).map_err(disk)?;
        Ok(Self { path: path.to_owned(), file, session })
    }

    /// The session, if there is one.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Takes an event in and keeps it. When it returns the event is on disk.
    ///
    /// # Errors
    /// When the event cannot be, or the file cannot be written; then nothing has changed.
    pub fn record(&mut self, event: &Event) -> Result<&Session, JournalError> {
        let next = match &self.session {
            Some(session) => {
                let mut next = session.clone();
                next.apply(event)?;
                next
            }
            None => Session::begin(event)?,
        };
        let disk = |source| JournalError::Disk { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(event).map_err(io::Error::from).map_err(disk)?;
        line.push(b'\n');
        let before = self.file.stream_position().map_err(disk)?;
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // Half a line would spoil the next one.
            let _ = self.file.set_len(before).and_then(|()| self.file.seek(SeekFrom::Start(before)));
            return Err(disk(source));
        }
        Ok(&*self.session.insert(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Happened, Phase, state::tests::*};

    #[test]
    fn a_session_survives_the_end_of_its_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("session.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.session(), None);
        journal.record(&started()).unwrap();
        let told = journal.record(&paged(2_000)).unwrap().clone();
        drop(journal);
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.session(), Some(&told));
        journal.record(&at(3_000, Happened::Stopped)).unwrap();
        assert!(matches!(Journal::open(&path).unwrap().session().unwrap().phase, Phase::Over(_)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_crash_anywhere_costs_the_last_event_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("session.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        journal.record(&started()).unwrap();
        journal.record(&paged(2_000)).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path).unwrap();
            assert_eq!(journal.session().is_some(), cut > first, "cut at {cut}");
            let next = if cut > first { paged(3_000) } else { started() };
            journal.record(&next).unwrap();
            assert!(Journal::open(&path).is_ok(), "what follows a crash is whole");
        }
    }

    #[test]
    fn damage_is_told_with_its_line_and_refusals_leave_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("session.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        journal.record(&started()).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(matches!(journal.record(&started()), Err(JournalError::Refused(_))));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), size);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"at_ms\":1,\"event\":\"no-such\"}\n");
        std::fs::write(&path, text).unwrap();
        let said = Journal::open(&path).unwrap_err().to_string();
        assert!(said.contains("session.jsonl:2:") && said.contains("move the file away"), "{said}");
    }
}
