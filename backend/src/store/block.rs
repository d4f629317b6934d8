//! The blocks that spans and log entries are stored in: records laid end to end, compressed together.
//! Neighbours share most of their attributes, so compressing many at once saves far more than one by one would.
//! Pure bytes; what a record means is known to `spans` and `logs`.

/// A block is closed when it has grown to this size: large enough to compress well, small enough to read in a moment.
pub(crate) const TARGET: usize = 64 * 1024;
/// No block is larger than this; a header that says more is damaged.
const MAX: usize = 32 << 20;

/// A damaged block: the file it came from is to be set aside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// Appends an unsigned LEB128 number.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends bytes after their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads records from a decompressed block.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// How far it has read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Damaged> {
        let end = self.at.checked_add(n).ok_or(Damaged)?;
        let slice = self.bytes.get(self.at..end).ok_or(Damaged)?;
        self.at = end;
        Ok(slice)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        self.take(N)?.try_into().map_err(|_| Damaged)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Damaged> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damaged)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let n = usize::try_from(self.varint()?).map_err(|_| Damaged)?;
        self.take(n)
    }

    pub(crate) fn str(&mut self) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damaged)
    }
}

/// Compresses a finished block.
pub(crate) fn compress(raw: &[u8], encoder: &mut snap::raw::Encoder) -> Vec<u8> {
    // Snappy fails only on inputs of 4 GiB; such a block cannot be built. An empty block then reads as damaged.
    encoder.compress_vec(raw).unwrap_or_default()
}

/// Decompresses a stored block.
///
/// # Errors
/// The bytes are not a block.
pub(crate) fn decompress(stored: &[u8]) -> Result<Vec<u8>, Damaged> {
    if snap::raw::decompress_len(stored).map_err(|_| Damaged)? > MAX {
        return Err(Damaged);
    }
    snap::raw::Decoder::new().decompress_vec(stored).map_err(|_| Damaged)
}

/// A 64-bit FNV-1a hash over several parts; stable across versions because it is stored.
pub(crate) fn hash(parts: &[&[u8]]) -> i64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            h = (h ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    h as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_put_is_read(values in proptest::collection::vec((any::<u64>(), proptest::collection::vec(any::<u8>(), 0..50)), 0..20)) {
            let mut out = Vec::new();
            for (n, bytes) in &values {
                put_varint(&mut out, *n);
                put_bytes(&mut out, bytes);
            }
            let stored = compress(&out, &mut snap::raw::Encoder::new());
            let raw = decompress(&stored).expect("whole");
            let mut reader = Reader::new(&raw, 0);
            for (n, bytes) in &values {
                prop_assert_eq!(reader.varint().expect("whole"), *n);
                prop_assert_eq!(reader.bytes().expect("whole"), &bytes[..]);
            }
            prop_assert!(reader.is_at_end());
        }

        #[test]
        fn damaged_bytes_are_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(raw) = decompress(&bytes) {
                let mut reader = Reader::new(&raw, 0);
                while !reader.is_at_end() && reader.bytes().is_ok() {}
            }
        }
    }
}
