//! Carries bytes one way, from one socket to the other.
//!
//! While nothing is asked of the link, a piece goes from the one socket into a buffer of the thread and from there into the
//! other socket, within one poll: no task, no timer, no memory per connection. Otherwise pieces wait in a queue until they are
//! due; when it is full, no more is read, and the sender feels it as it would on a slow line.

use super::condition::Condition;
use super::shape::{Fate, Line, Shaper, Way};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Most bytes read at a time.
const PIECE: usize = 64 * 1_024;
/// Most bytes that wait.
pub(super) const MOST_WAITING: usize = 4 * PIECE;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

/// Why a flow ended before its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The condition wants a reset.
    Decided,
    /// One of the sockets failed, as a rule because its peer went away.
    Failed,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Failed
    }
}

/// One way of a connection.
pub(super) struct Flow<'a, R, W> {
    from: R,
    to: W,
    way: Way,
    line: &'a Line,
    shaper: Shaper,
    condition: watch::Receiver<Condition>,
    waiting: VecDeque<(Instant, Vec<u8>)>,
    bytes_waiting: usize,
    /// What the other socket did not take at once, while nothing waits.
    unwritten: Vec<u8>,
    /// Nothing more comes from `from`.
    ended: bool,
}

/// How passing on came to a stop.
enum Stopped {
    AtEnd,
    /// The condition is another one, and this piece is the first under it.
    Changed(Vec<u8>),
}

impl<'a, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Flow<'a, R, W> {
    pub(super) fn new(
        (from, to): (R, W),
        (way, line): (Way, &'a Line),
        shaper: Shaper,
        condition: watch::Receiver<Condition>,
    ) -> Self {
        let waiting = VecDeque::new();
        Self {
            from,
            to,
            way,
            line,
            shaper,
            condition,
            waiting,
            bytes_waiting: 0,
            unwritten: Vec::new(),
            ended: false,
        }
    }

    /// Carries until the end and passes that on, too. `early` was read before.
    pub(super) async fn run(mut self, early: Vec<u8>) -> Result<(), Broken> {
        let mut condition = *self.condition.borrow_and_update();
        if !early.is_empty() {
            self.queue(&condition, early)?;
        }
        while !(self.ended && self.waiting.is_empty()) {
            if self.waiting.is_empty() && condition.is_plain() {
                match poll_fn(|cx| self.pass_on(cx)).await? {
                    Stopped::AtEnd => self.ended = true,
                    Stopped::Changed(piece) => {
                        condition = *self.condition.borrow_and_update();
                        self.queue(&condition, piece)?;
                    }
                }
                continue;
            }
            let held = self.way.is_held(&condition);
            let due = self.waiting.front().map(|(due, _)| *due).filter(|_| !held);
            let has_room = !self.ended && self.bytes_waiting < MOST_WAITING;
            tokio::select! {
                piece = read(&mut self.from, most_at_once(&condition)), if has_room => match piece? {
                    Some(piece) => self.queue(&condition, piece)?,
                    None => self.ended = true,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.send_first().await?;
                }
                changed = self.condition.changed() => {
                    // The link is gone, and with it its connections.
                    changed.map_err(|_| Broken::Failed)?;
                    condition = *self.condition.borrow_and_update();
                }
            }
        }
        self.to.shutdown().await?;
        Ok(())
    }

    fn queue(&mut self, condition: &Condition, piece: Vec<u8>) -> Result<(), Broken> {
        match self.shaper.decide(condition, self.line, Instant::now(), piece.len()) {
            Fate::Reset => Err(Broken::Decided),
            Fate::Leaves(at) => {
                self.bytes_waiting += piece.len();
                self.waiting.push_back((at, piece));
                Ok(())
            }
        }
    }

    async fn send_first(&mut self) -> io::Result<()> {
        let Some((_, piece)) = self.waiting.pop_front() else { return Ok(()) };
        self.bytes_waiting -= piece.len();
        self.to.write_all(&piece).await
    }

    /// Passes pieces on as they come, until the end or the first piece under another condition.
    fn pass_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stopped>> {
        loop {
            while !self.unwritten.is_empty() {
                let written = ready!(Pin::new(&mut self.to).poll_write(cx, &self.unwritten))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.unwritten.drain(..written);
            }
            let stopped = BUFFER.with_borrow_mut(|buffer| -> Poll<io::Result<Option<Stopped>>> {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(&mut self.from).poll_read(cx, &mut buffer))?;
                let piece = buffer.filled();
                if piece.is_empty() {
                    return Poll::Ready(Ok(Some(Stopped::AtEnd)));
                }
                // An error means that the link is gone; its connections are about to be.
                if self.condition.has_changed().unwrap_or(true) {
                    return Poll::Ready(Ok(Some(Stopped::Changed(piece.to_vec()))));
                }
                let written = match Pin::new(&mut self.to).poll_write(cx, piece) {
                    Poll::Ready(written) => written?,
                    Poll::Pending => 0,
                };
                self.unwritten.extend_from_slice(&piece[written..]);
                Poll::Ready(Ok(None))
            });
            if let Some(stopped) = ready!(stopped)? {
                return Poll::Ready(Ok(stopped));
            }
        }
    }
}

/// A slow line is read in small pieces, so that it carries a little all the time and not much now and then.
fn most_at_once(condition: &Condition) -> usize {
    const PIECES_PER_S: f64 = 20.0;
    condition.bandwidth().map_or(PIECE, |rate| ((rate / PIECES_PER_S) as usize).clamp(256, PIECE))
}

/// The next piece, of at most so many bytes; none at the end.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin), most: usize) -> io::Result<Option<Vec<u8>>> {
    poll_fn(|cx| {
        BUFFER.with_borrow_mut(|buffer| -> Poll<io::Result<Option<Vec<u8>>>> {
            let mut buffer = ReadBuf::new(&mut buffer[..most.min(PIECE)]);
            ready!(Pin::new(&mut *from).poll_read(cx, &mut buffer))?;
            let piece = buffer.filled();
            Poll::Ready(Ok((!piece.is_empty()).then(|| piece.to_vec())))
        })
    })
    .await
}
