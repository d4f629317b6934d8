//! Records of a log file: length, checksum, kind, content. Says of a file how far it is whole.

use std::sync::Arc;

use crate::labels::Labels;
use crate::store::samples::chunk::Chunk;

/// What every file begins with: the format and its version.
pub(super) const MAGIC: &[u8; 8] = b"FDSAMPL1";
/// Length, the same with all bits turned, and checksum. A length that is wrong would make all that follows look torn.
const FRAME: usize = 12;
/// No record is longer: whatever claims to be is not one.
const MAX_RECORD: usize = 64 << 20;
/// Most labels of one series.
const MAX_LABELS: u64 = 100_000;

const SERIES: u8 = 1;
const SAMPLES: u8 = 2;
const CHUNK: u8 = 3;

/// One record.
#[derive(Debug)]
pub(super) enum Record<'b> {
    /// Which labels a number stands for from here to the end of the file.
    Series(u32, Labels),
    /// Packed samples, for [`samples`].
    Samples(&'b [u8]),
    Chunk(u32, Chunk),
}

/// How a file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// After a whole record.
    Whole,
    /// In the middle of one: the process died while it was written.
    Torn,
    /// With bytes that are no record, or not the ones that were written.
    Damaged,
}

/// Frames what `content` writes.
fn put(out: &mut Vec<u8>, kind: u8, content: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend([0; FRAME]);
    out.push(kind);
    content(out);
    let body = &out[at + FRAME..];
    let length = body.len() as u32;
    for (i, word) in [length, !length, crc32fast::hash(body)].into_iter().enumerate() {
        out[at + i * 4..at + i * 4 + 4].copy_from_slice(&word.to_le_bytes());
    }
}

/// Writes which labels a number stands for.
pub(super) fn put_series(out: &mut Vec<u8>, id: u32, labels: &Labels) {
    put(out, SERIES, |out| {
        put_varint(out, id.into());
        put_varint(out, labels.pairs().len() as u64);
        for text in labels.pairs().iter().flat_map(|(name, value)| [name, value]) {
            put_varint(out, text.len() as u64);
            out.extend(text.as_bytes());
        }
    });
}

/// Writes a chunk of a series.
pub(super) fn put_chunk(out: &mut Vec<u8>, id: u32, chunk: &Chunk) {
    put(out, CHUNK, |out| {
        put_varint(out, id.into());
        out.extend(chunk.as_bytes());
    });
}

/// Writes samples that a [`super::Buffer`] has gathered.
pub(super) fn put_samples(out: &mut Vec<u8>, gathered: &[u8]) {
    // Snappy refuses nothing but more than 4 GiB, and a buffer is bounded far below.
    if let Ok(packed) = snap::raw::Encoder::new().compress_vec(gathered) {
        put(out, SAMPLES, |out| out.extend(packed));
    }
}

/// Adds a sample to those gathered since `last`, which it becomes.
pub(super) fn put_sample(out: &mut Vec<u8>, last: &mut (u32, i64), id: u32, t: i64, v: f64) {
    put_varint(out, zigzag(i64::from(id) - i64::from(last.0)));
    put_varint(out, zigzag(t.wrapping_sub(last.1)));
    out.extend(v.to_bits().to_le_bytes());
    *last = (id, t);
}

/// Calls `f` with each of the packed samples; `None` when they are not samples.
pub(super) fn samples(packed: &[u8], mut f: impl FnMut(u32, i64, f64)) -> Option<()> {
    let claimed = snap::raw::decompress_len(packed).ok().filter(|n| *n <= MAX_RECORD)?;
    let mut unpacked = vec![0; claimed];
    snap::raw::Decoder::new().decompress(packed, &mut unpacked).ok()?;
    let mut rest = unpacked.as_slice();
    let (mut id, mut t) = (0_i64, 0_i64);
    while !rest.is_empty() {
        id = id.checked_add(unzigzag(varint(&mut rest)?))?;
        t = t.wrapping_add(unzigzag(varint(&mut rest)?));
        let (bits, after) = rest.split_first_chunk()?;
        rest = after;
        f(u32::try_from(id).ok()?, t, f64::from_bits(u64::from_le_bytes(*bits)));
    }
    Some(())
}

/// Calls `f` with each record of a file's bytes, until `f` answers `None` for one that makes no sense. Tells how the
/// records end, and where.
pub(super) fn each(bytes: &[u8], mut f: impl FnMut(Record<'_>) -> Option<()>) -> (End, usize) {
    if bytes.len() < MAGIC.len() && MAGIC.starts_with(bytes) {
        return (End::Torn, 0);
    }
    if !bytes.starts_with(MAGIC) {
        return (End::Damaged, 0);
    }
    let mut at = MAGIC.len();
    loop {
        let rest = &bytes[at..];
        if rest.is_empty() {
            return (End::Whole, at);
        }
        let Some((frame, rest)) = rest.split_first_chunk::<FRAME>() else { return (End::Torn, at) };
        let word = |i: usize| {
            frame.get(i * 4..i * 4 + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
        };
        let length = word(0) as usize;
        if word(0) != !word(1) || length == 0 || length > MAX_RECORD {
            return (End::Damaged, at);
        }
        let Some(body) = rest.get(..length) else { return (End::Torn, at) };
        if crc32fast::hash(body) != word(2) || read(body).and_then(&mut f).is_none() {
            return (End::Damaged, at);
        }
        at += FRAME + length;
    }
}

fn read(body: &[u8]) -> Option<Record<'_>> {
    let (kind, mut rest) = body.split_first()?;
    Some(match *kind {
        SERIES => {
            let id = varint(&mut rest)?;
            let count = varint(&mut rest).filter(|n| *n <= MAX_LABELS)?;
            let mut text = || {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (text, after) = rest.split_at_checked(length)?;
                rest = after;
                Some(Arc::<str>::from(std::str::from_utf8(text).ok()?))
            };
            let pairs = (0..count).map(|_| Some((text()?, text()?))).collect::<Option<Vec<_>>>()?;
            Record::Series(u32::try_from(id).ok()?, Labels::new(pairs))
        }
        SAMPLES => Record::Samples(rest),
        CHUNK => {
            let id = varint(&mut rest)?;
            Record::Chunk(u32::try_from(id).ok()?, Chunk::from_bytes(rest)?)
        }
        _ => return None,
    })
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples::chunk::Head;
    use proptest::prelude::*;

    fn file() -> Vec<u8> {
        let mut head = Head::default();
        head.push(1000, 1.0);
        head.push(2000, 2.0);
        let mut out = MAGIC.to_vec();
        put_series(&mut out, 7, &Labels::new([("a", "b"), ("c", "d")]));
        put_chunk(&mut out, 7, &head.chunk().expect("samples"));
        let (mut gathered, mut last) = (Vec::new(), (0, 0));
        put_sample(&mut gathered, &mut last, 7, 3000, -0.0);
        put_sample(&mut gathered, &mut last, 3, -5, f64::INFINITY);
        put_samples(&mut out, &gathered);
        out
    }

    fn count(bytes: &[u8]) -> (End, usize, usize) {
        let mut n = 0;
        let (end, at) = each(bytes, |_| {
            n += 1;
            Some(())
        });
        (end, at, n)
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = file();
        let mut said = Vec::new();
        let end = each(&bytes, |record| {
            match record {
                Record::Series(id, labels) => said.push(format!("{id} {labels}")),
                Record::Chunk(id, chunk) => said.push(format!("{id} {:?}", chunk.iter().last())),
                Record::Samples(packed) => samples(packed, |id, t, v| said.push(format!("{id} {t} {v}")))?,
            }
            Some(())
        });
        assert_eq!(end, (End::Whole, bytes.len()));
        let last = "7 Some(Sample { t: 2000, v: 2.0 })";
        assert_eq!(said, ["7 {a=\"b\", c=\"d\"}", last, "7 3000 -0", "3 -5 inf"]);
    }

    #[test]
    fn a_file_that_breaks_off_is_torn_and_one_that_was_changed_is_damaged() {
        let bytes = file();
        for end in 0..bytes.len() {
            let (how, at, n) = count(&bytes[..end]);
            assert!(at <= end && n <= 2, "{end}");
            assert!(how == End::Torn || at == end, "{end}: {how:?}");
        }
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 0x10;
            let (how, at, _) = count(&changed);
            assert!(how == End::Damaged && at <= i, "{i}: {how:?} at {at}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 1u8..4) {
            let _ = count(&bytes);
            let _ = samples(&bytes, |_, _, _| {});
            let mut framed = MAGIC.to_vec();
            put(&mut framed, kind, |out| out.extend(&bytes));
            let _ = count(&framed);
        }
    }
}
