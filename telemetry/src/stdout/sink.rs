//! A bounded buffer of finished lines and the thread that writes it. When the reader does not keep up, further lines are
//! dropped and counted; when it is gone (a closed pipe), all are.
//!
//! Waking a thread costs more than formatting a line. So the writer, once woken, lets lines gather for a moment, and only
//! the first line after a pause wakes it.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;

/// Most bytes waiting to be written.
const MAX_WAITING: usize = 4 * 1024 * 1024;
/// How long lines gather before they are written together.
const GATHER: Duration = Duration::from_millis(10);

/// Takes lines. Cheap to clone; all clones share one buffer.
#[derive(Clone, Debug)]
pub(crate) struct Sink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    dropped: Counter,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    lines: u64,
    /// The writer waits to be woken.
    asleep: bool,
    /// Lines are out of the buffer and not yet written.
    writing: bool,
    closed: bool,
}

impl Sink {
    /// A sink whose thread writes to `output`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(output: impl Write + Send + 'static, dropped: Counter) -> std::io::Result<Sink> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), dropped });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("telemetry-stdout".to_owned())
            .spawn(move || writer.write_all(output))?;
        Ok(Sink(shared))
    }

    /// Hands over one line, which ends in a newline. Never waits for the reader.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut state = self.0.lock();
        if state.closed || state.waiting.len() + line.len() > MAX_WAITING {
            drop(state);
            self.0.dropped.inc();
            return;
        }
        state.waiting.extend_from_slice(line);
        state.lines += 1;
        let wake = std::mem::take(&mut state.asleep);
        drop(state);
        if wake {
            self.0.changed.notify_all();
        }
    }

    /// Takes no further lines and waits, no longer than `limit`, until all are written. `false` when time ran out; what is
    /// left is then counted as dropped.
    pub(crate) fn close(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.0.lock();
        state.closed = true;
        self.0.changed.notify_all();
        while state.writing || state.lines > 0 {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                self.0.dropped.inc_by(std::mem::take(&mut state.lines));
                state.waiting.clear();
                return false;
            };
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut output: impl Write) {
        let mut batch = Vec::new();
        loop {
            let lines = {
                let mut state = self.lock();
                state.writing = false;
                while state.lines == 0 {
                    // Whoever closes waits to hear that all is written.
                    self.changed.notify_all();
                    if state.closed {
                        return;
                    }
                    state.asleep = true;
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if !state.closed {
                    state =
                        self.changed.wait_timeout(state, GATHER).unwrap_or_else(PoisonError::into_inner).0;
                }
                state.writing = true;
                std::mem::swap(&mut batch, &mut state.waiting);
                std::mem::take(&mut state.lines)
            };
            if output.write_all(&batch).and_then(|()| output.flush()).is_err() {
                self.dropped.inc_by(lines);
            }
            batch.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct ClosedPipe;

    impl Write for ClosedPipe {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Blocks in its first write until the other end is dropped.
    struct Stalled(mpsc::Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let memory = Memory::default();
        let sink = Sink::start(memory.clone(), Counter::default()).unwrap();
        let expected: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        for line in expected.split_inclusive('\n') {
            sink.push(line.as_bytes());
        }
        assert!(sink.close(Duration::from_secs(30)));
        assert_eq!(String::from_utf8(memory.0.lock().unwrap().clone()).unwrap(), expected);
    }

    #[test]
    fn a_closed_pipe_loses_lines_and_counts_them() {
        let dropped: Counter = Counter::default();
        let sink = Sink::start(ClosedPipe, dropped.clone()).unwrap();
        for _ in 0..100 {
            sink.push(b"line\n");
        }
        assert!(sink.close(Duration::from_secs(30)));
        assert_eq!(dropped.get(), 100);
    }

    #[test]
    fn a_stalled_reader_neither_blocks_nor_grows_and_all_is_counted() {
        let dropped: Counter = Counter::default();
        let (release, stalled) = mpsc::channel();
        let sink = Sink::start(Stalled(stalled), dropped.clone()).unwrap();
        let line = [b'x'; 1024];
        let pushed = 3 * MAX_WAITING / line.len();
        for _ in 0..pushed {
            sink.push(&line);
        }
        assert!(sink.0.lock().waiting.len() <= MAX_WAITING);
        assert!(dropped.get() >= (pushed - 2 * MAX_WAITING / line.len()) as u64);
        assert!(!sink.close(Duration::ZERO), "nothing was written, so closing cannot have succeeded");
        drop(release);
    }
}
