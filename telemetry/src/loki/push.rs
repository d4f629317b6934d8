//! The body of a push: Snappy around a protobuf message. Read to count its entries, written to send several as one; the
//! concatenation of protobuf messages is their merge.

use bytes::Bytes;
use prost::Message;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PushError {
    #[error("not a Snappy block: {0}")]
    Snappy(#[from] snap::Error),
    #[error("not a push request: {0}")]
    Protobuf(#[from] prost::DecodeError),
}

/// Uncompressed streams and the number of their entries.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Batch {
    pub(super) streams: Vec<u8>,
    pub(super) entries: usize,
}

#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    entries: Vec<Bytes>,
}

impl Batch {
    /// Reads a compressed body.
    pub(super) fn read(body: &[u8]) -> Result<Batch, PushError> {
        let streams = Bytes::from(snap::raw::Decoder::new().decompress_vec(body)?);
        let request = PushRequest::decode(streams.clone())?;
        let entries = request.streams.iter().map(|stream| stream.entries.len()).sum();
        Ok(Batch { streams: streams.into(), entries })
    }

    /// Adds the streams of `other`.
    pub(super) fn append(&mut self, mut other: Batch) {
        self.streams.append(&mut other.streams);
        self.entries += other.entries;
    }

    /// The compressed body.
    pub(super) fn compressed(&self) -> Result<Vec<u8>, PushError> {
        Ok(snap::raw::Encoder::new().compress_vec(&self.streams)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(entries: usize) -> Vec<u8> {
        let stream = Stream { entries: vec![Bytes::from_static(b"\x12\x04line"); entries] };
        snap::raw::Encoder::new()
            .compress_vec(&PushRequest { streams: vec![stream] }.encode_to_vec())
            .unwrap()
    }

    #[test]
    fn batches_merge_and_keep_their_count() {
        let mut batch = Batch::read(&body(3)).unwrap();
        batch.append(Batch::read(&body(4)).unwrap());
        assert_eq!(batch.entries, 7);
        assert_eq!(Batch::read(&batch.compressed().unwrap()).unwrap(), batch);
    }

    #[test]
    fn rubbish_is_refused() {
        assert!(matches!(Batch::read(b"\xff\xff\xff"), Err(PushError::Snappy(_))));
        let no_message = snap::raw::Encoder::new().compress_vec(b"\xff\xff").unwrap();
        assert!(matches!(Batch::read(&no_message), Err(PushError::Protobuf(_))));
    }
}
