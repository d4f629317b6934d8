//! Reads request bodies within bounds: bytes on the wire, bytes after decompression, bytes of all bodies together, what
//! is made of them included. A gzip bomb is refused while it is being unpacked, not after. What unpacks to much does so off
//! the threads that serve sockets.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

/// Largest gzip body unpacked where it was read: deflate makes at most about a thousand bytes of one.
const SMALL_GZIP: usize = 1 << 10;
/// Most bytes of a snappy block unpacked where it was read.
const SMALL_SNAPPY: usize = 1 << 18;
/// Bytes unpacked between two looks at the bounds.
const CHUNK: usize = 16 << 10;

/// Why a body was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the items of the request take more than {0} bytes once decoded; send fewer at once")]
    TooMuch(usize),
    #[error("too many request bodies are being read, try again")]
    TooMany,
    #[error("the content encoding {0:?} is not supported; use gzip or none")]
    Encoding(String),
    #[error("the request body is malformed: {0}")]
    Malformed(String),
}

/// The bytes that all bodies may take together, and those they take now.
#[derive(Debug)]
pub(crate) struct Room {
    most: usize,
    held: AtomicUsize,
}

impl Room {
    /// Room for `most` bytes.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0) })
    }

    fn take(&self, n: usize) -> Result<(), BodyError> {
        let grown = |held: usize| held.checked_add(n).filter(|sum| *sum <= self.most);
        self.held.fetch_update(Relaxed, Relaxed, grown).map(|_| ()).map_err(|_| BodyError::TooMany)
    }
}

/// A body in memory. Its bytes are counted against the [`Room`] before they are allocated and until it is dropped:
/// keep it until what was decoded of it has been taken.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    /// Bytes at the start that are no longer of interest.
    skipped: usize,
    counted: usize,
    limit: usize,
    room: Arc<Room>,
}

impl Held {
    fn new(room: &Arc<Room>, limit: usize) -> Self {
        Self { bytes: Vec::new(), skipped: 0, counted: 0, limit, room: Arc::clone(room) }
    }

    /// Makes sure of room for `n` more bytes. Grows by doubling, as `Vec` does: what is allocated is what is counted.
    fn reserve(&mut self, n: usize) -> Result<(), BodyError> {
        let length = self.bytes.len().checked_add(n).filter(|l| *l <= self.limit);
        let length = length.ok_or(BodyError::TooLarge(self.limit))?;
        if length > self.counted {
            let capacity = length.max(self.counted * 2).min(self.limit);
            self.room.take(capacity - self.counted)?;
            self.counted = capacity;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        Ok(())
    }

    fn push(&mut self, data: &[u8]) -> Result<(), BodyError> {
        self.reserve(data.len())?;
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Counts what will be made of the body, too.
    ///
    /// # Errors
    /// [`BodyError::TooMany`] when there is no room for it.
    pub(crate) fn decodes_to(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.room.take(bytes)?;
        self.counted += bytes;
        Ok(())
    }

    /// Leaves out the first `n` bytes: they framed the body and are not of it, nor do they count to its limit.
    pub(crate) fn skip(&mut self, n: usize) {
        self.skipped = (self.skipped + n).min(self.bytes.len());
        self.limit = self.limit.saturating_sub(n);
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.skipped..]
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Freed before it is given back, so that the count is never below what is held.
        self.bytes = Vec::new();
        self.room.held.fetch_sub(self.counted, Relaxed);
    }
}

/// Reads the whole body, then undoes its content encoding; never more than `limit` bytes of either.
///
/// # Errors
/// [`BodyError`].
pub(crate) async fn read(
    room: &Arc<Room>,
    headers: &http::HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Held, BodyError> {
    let raw = read_raw(room, body, limit).await?;
    match headers.get(http::header::CONTENT_ENCODING).map(|v| v.to_str().unwrap_or("?")) {
        None | Some("" | "identity") => Ok(raw),
        Some("gzip") => unpack_gzip(raw).await,
        Some(other) => Err(BodyError::Encoding(other.to_owned())),
    }
}

/// Reads the whole body as it is.
///
/// # Errors
/// [`BodyError`].
pub(crate) async fn read_raw(room: &Arc<Room>, mut body: Body, limit: usize) -> Result<Held, BodyError> {
    let mut held = Held::new(room, limit);
    // A length that was declared is judged before anything is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge(limit));
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| BodyError::Malformed(e.to_string()))?;
        if let Ok(data) = frame.into_data() {
            held.push(&data)?;
        }
    }
    Ok(held)
}

/// Unpacks gzip within the limit of the packed body.
///
/// # Errors
/// [`BodyError`], as soon as a bound is met.
pub(crate) async fn unpack_gzip(raw: Held) -> Result<Held, BodyError> {
    if raw.bytes.len() <= SMALL_GZIP { gunzip(&raw) } else { off_the_workers(move || gunzip(&raw)).await }
}

/// Unpacks a snappy block within the limit of the packed one, after looking at the length it claims.
///
/// # Errors
/// [`BodyError::TooLarge`] and [`BodyError::TooMany`] before anything is unpacked, [`BodyError::Malformed`] for
/// anything that is not snappy.
pub(crate) async fn unsnappy(raw: Held) -> Result<Held, BodyError> {
    let claimed = snap::raw::decompress_len(raw.as_ref()).map_err(|e| not_snappy(&e))?;
    let mut unpacked = Held::new(&raw.room, raw.limit);
    unpacked.reserve(claimed)?;
    let unpack = move || {
        unpacked.bytes.resize(claimed, 0);
        snap::raw::Decoder::new()
            .decompress(raw.as_ref(), &mut unpacked.bytes)
            .map_err(|e| not_snappy(&e))?;
        Ok(unpacked)
    };
    if claimed <= SMALL_SNAPPY { unpack() } else { off_the_workers(unpack).await }
}

/// Unpacks gzip, stopping at the limit of the packed body or where the room ends.
fn gunzip(raw: &Held) -> Result<Held, BodyError> {
    let mut unpacked = Held::new(&raw.room, raw.limit);
    let mut decoder = flate2::read::MultiGzDecoder::new(raw.as_ref());
    let mut chunk = vec![0; CHUNK];
    loop {
        match decoder.read(&mut chunk) {
            Ok(0) => return Ok(unpacked),
            Ok(n) => unpacked.push(&chunk[..n])?,
            Err(error) => return Err(BodyError::Malformed(format!("not gzip: {error}"))),
        }
    }
}

fn not_snappy(error: &snap::Error) -> BodyError {
    BodyError::Malformed(format!("not snappy: {error}"))
}

/// Goes on when the caller has given up: what it holds stays counted until it is done.
async fn off_the_workers(
    unpack: impl FnOnce() -> Result<Held, BodyError> + Send + 'static,
) -> Result<Held, BodyError> {
    let unpacked = tokio::task::spawn_blocking(unpack).await;
    unpacked.unwrap_or_else(|_| Err(BodyError::Malformed("it could not be unpacked".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use http::{HeaderMap, HeaderValue, header::CONTENT_ENCODING};
    use std::io::Write as _;

    const LIMIT: usize = 1 << 20;

    fn gzip(length: usize) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; length]).expect("memory");
        encoder.finish().expect("memory")
    }

    async fn read_gzip(room: &Arc<Room>, packed: &[u8]) -> Result<Held, BodyError> {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        read(room, &headers, Body::from(packed.to_vec()), LIMIT).await
    }

    async fn read_snappy(room: &Arc<Room>, packed: &[u8]) -> Result<Held, BodyError> {
        unsnappy(read_raw(room, Body::from(packed.to_vec()), LIMIT).await?).await
    }

    #[tokio::test]
    async fn a_gzip_bomb_is_refused_at_the_bound() {
        let room = Room::new(64 * LIMIT);
        let bomb = gzip(64 * LIMIT);
        assert!(bomb.len() < LIMIT);
        assert_eq!(read_gzip(&room, &bomb).await.expect_err("refused"), BodyError::TooLarge(LIMIT));
        assert_eq!(room.held.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn a_snappy_header_that_claims_too_much_is_refused_unread() {
        let room = Room::new(LIMIT);
        let claim = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(read_snappy(&room, &claim).await.expect_err("refused"), BodyError::TooLarge(LIMIT));
        assert_eq!(room.held.load(Relaxed), 0);
    }

    /// Both sizes of packed body: those unpacked in place, and those unpacked off the workers.
    #[tokio::test]
    async fn unpacked_bytes_are_bounded_in_sum_and_given_back() {
        for length in [SMALL_SNAPPY / 2, LIMIT] {
            let gzipped = gzip(length);
            assert_eq!(gzipped.len() > SMALL_GZIP, length == LIMIT);
            let snapped = snap::raw::Encoder::new().compress_vec(&vec![0; length]).expect("memory");
            let most = 5 * length;
            let room = Room::new(most);
            let reading = (0..16)
                .map(|_| async { [read_gzip(&room, &gzipped).await, read_snappy(&room, &snapped).await] });
            let bodies: Vec<_> = join_all(reading).await.into_iter().flatten().collect();
            let kept: Vec<&Held> = bodies.iter().flatten().collect();
            assert!(kept.iter().all(|b| b.as_ref() == vec![0; length]));
            assert!(!kept.is_empty());
            let refused = bodies.iter().filter(|b| matches!(b, Err(BodyError::TooMany))).count();
            assert!(refused > 0 && refused + kept.len() == bodies.len(), "{refused} of {}", bodies.len());

            let held = room.held.load(Relaxed);
            assert_eq!(held, kept.iter().map(|b| b.bytes.capacity()).sum::<usize>());
            assert!(held <= most, "{held} of {most}");
            drop(bodies);
            assert_eq!(room.held.load(Relaxed), 0);
            assert_eq!(read_gzip(&room, &gzipped).await.expect("room again").bytes.len(), length);
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_gives_its_room_back() {
        let room = Room::new(4 * LIMIT);
        let packed = gzip(LIMIT);
        assert!(matches!(read_gzip(&room, &packed[..packed.len() / 2]).await, Err(BodyError::Malformed(_))));
        assert_eq!(room.held.load(Relaxed), 0);
    }
}
