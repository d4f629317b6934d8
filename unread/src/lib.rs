//! Reads on what a request's handler has left of its body, within bounds, and throws it away. It refuses nothing itself:
//! how large a body may be is for the handler to say.
//!
//! A handler may answer before its client has sent all: a body beyond its bound, a path that does not exist. Closing
//! the connection at once would reset it, and a client that is still writing would see a broken pipe in place of the
//! answer. The answer does not wait for this, and a connection whose rest is read in full goes on. HTTP/2 needs none
//! of it: it ends one stream and says why.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use tokio::runtime::Handle;

/// Most bytes of a rest that are read: many times the largest body that is taken.
const MOST: usize = 256 << 20;
/// Longest time spent on a rest.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request body that is read on when it is dropped before its end.
#[derive(Debug)]
pub struct ReadOn<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    /// None once it has ended.
    body: Option<B>,
    /// The client sends nothing before it is asked to (`Expect: 100-continue`), and has not been asked.
    unasked: bool,
}

impl<B> ReadOn<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    /// Takes over a request's body.
    #[must_use]
    pub fn within(request: http::Request<B>) -> http::Request<Self> {
        let unasked = request.headers().contains_key(http::header::EXPECT);
        request.map(|body| Self { body: Some(body), unasked })
    }
}

impl<B> Body for ReadOn<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.unasked = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> Drop for ReadOn<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !self.unasked && !body.is_end_stream());
        // Without a runtime the process is ending, and all its connections with it.
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(PATIENCE, read_on(rest)));
        }
    }
}

async fn read_on(mut rest: impl Body<Data = Bytes> + Unpin) {
    let mut left = MOST;
    while let Some(Ok(frame)) = rest.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(read) else { return };
        left = less;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    /// Endless pieces of a mebibyte, counted; with `then_silent`, none after so many.
    struct Pieces {
        read: Arc<AtomicUsize>,
        then_silent: usize,
        _gone: tokio::sync::mpsc::Sender<()>,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if self.read.load(Relaxed) == self.then_silent {
                return Poll::Pending;
            }
            self.read.fetch_add(1, Relaxed);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 1 << 20])))))
        }
    }

    /// Drops a request after `polled` pieces of its body, and counts those that were read until it was let go.
    async fn read_in_all(expect: bool, polled: usize, then_silent: usize) -> usize {
        let (gone, mut is_gone) = tokio::sync::mpsc::channel(1);
        let read = Arc::new(AtomicUsize::new(0));
        let mut request = http::Request::new(Pieces { read: Arc::clone(&read), then_silent, _gone: gone });
        if expect {
            let value = http::HeaderValue::from_static("100-continue");
            request.headers_mut().insert(http::header::EXPECT, value);
        }
        let mut request = ReadOn::within(request);
        for _ in 0..polled {
            assert!(request.body_mut().frame().await.is_some_and(|frame| frame.is_ok()));
        }
        drop(request);
        assert_eq!(is_gone.recv().await, None);
        read.load(Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_is_read_to_the_bound_and_then_let_go() {
        assert_eq!(read_in_all(false, 0, usize::MAX).await, (MOST >> 20) + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_let_go_after_a_while() {
        let begin = tokio::time::Instant::now();
        assert_eq!(read_in_all(false, 1, 3).await, 3);
        assert_eq!(begin.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_waits_to_be_asked_is_read_on_only_when_it_was() {
        assert_eq!(read_in_all(true, 0, 3).await, 0);
        assert_eq!(read_in_all(true, 1, 3).await, 3);
    }
}
