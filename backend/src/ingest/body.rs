//! Reads request bodies within bounds: bytes on the wire, bytes after decompression, bytes of all requests together.
//! A gzip bomb is refused while it is being unpacked, not after.

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::body::Body;
use http_body_util::BodyExt as _;

/// Most bytes of bodies held at once by the whole process.
const ALL_BODIES: usize = 64 << 20;
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Why a body was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("too many request bodies are being read, try again")]
    TooMany,
    #[error("the content encoding {0:?} is not supported; use gzip or none")]
    Encoding(String),
    #[error("the request body is malformed: {0}")]
    Malformed(String),
}

/// Counts bytes against the bound of the whole process while it lives.
struct Held(usize);

impl Held {
    fn grow(&mut self, n: usize) -> Result<(), BodyError> {
        self.0 += n;
        if HELD.fetch_add(n, Relaxed) + n > ALL_BODIES { Err(BodyError::TooMany) } else { Ok(()) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Relaxed);
    }
}

/// Reads the whole body, then undoes its content encoding; never more than `limit` bytes of either.
///
/// # Errors
/// [`BodyError`].
pub(crate) async fn read(headers: &http::HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    let raw = read_raw(body, limit).await?;
    match headers.get(http::header::CONTENT_ENCODING).map(|v| v.to_str().unwrap_or("?")) {
        None | Some("" | "identity") => Ok(raw),
        Some("gzip") => gunzip(&raw, limit),
        Some(other) => Err(BodyError::Encoding(other.to_owned())),
    }
}

/// Reads the whole body as it is.
///
/// # Errors
/// [`BodyError`].
pub(crate) async fn read_raw(mut body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut held = Held(0);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| BodyError::Malformed(e.to_string()))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > limit {
                return Err(BodyError::TooLarge(limit));
            }
            held.grow(data.len())?;
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// Unpacks gzip, stopping at `limit`.
///
/// # Errors
/// [`BodyError::TooLarge`] for a bomb, [`BodyError::Malformed`] for anything that is not gzip.
pub(crate) fn gunzip(raw: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let mut decoder = flate2::read::MultiGzDecoder::new(raw).take(limit as u64 + 1);
    decoder.read_to_end(&mut bytes).map_err(|e| BodyError::Malformed(format!("not gzip: {e}")))?;
    if bytes.len() > limit { Err(BodyError::TooLarge(limit)) } else { Ok(bytes) }
}

/// Unpacks a snappy block, after looking at the length it claims.
///
/// # Errors
/// Like [`gunzip`].
pub(crate) fn unsnappy(raw: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
    let malformed = |e: snap::Error| BodyError::Malformed(format!("not snappy: {e}"));
    if snap::raw::decompress_len(raw).map_err(malformed)? > limit {
        return Err(BodyError::TooLarge(limit));
    }
    snap::raw::Decoder::new().decompress_vec(raw).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_gzip_bomb_is_refused_at_the_bound() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            encoder.write_all(&[0u8; 1 << 20]).expect("memory");
        }
        let bomb = encoder.finish().expect("memory");
        assert!(bomb.len() < 1 << 20);
        assert_eq!(gunzip(&bomb, 1 << 20), Err(BodyError::TooLarge(1 << 20)));
    }

    #[test]
    fn a_snappy_header_that_claims_too_much_is_refused_unread() {
        assert_eq!(unsnappy(&[0xff, 0xff, 0xff, 0xff, 0x0f], 1000), Err(BodyError::TooLarge(1000)));
    }
}
