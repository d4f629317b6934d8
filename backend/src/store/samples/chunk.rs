//! A compressed run of samples of one series: delta-of-delta times and XORed values, as in Facebook's Gorilla paper.
//! A steady scrape costs one bit for the time and one bit for an unchanged value. [`Head`] grows; [`Chunk`] is one that is
//! done, and is nothing but its bytes, in memory and on disk alike. Bits only; no policy.

use std::sync::Arc;

/// A time in milliseconds and a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) t: i64,
    pub(crate) v: f64,
}

/// Marks a series' end: Prometheus' own NaN, which no computation produces.
pub(crate) const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The staleness marker as a value.
pub(crate) fn stale() -> f64 {
    f64::from_bits(STALE_BITS)
}

/// Whether a value is the staleness marker.
pub(crate) fn is_stale(v: f64) -> bool {
    v.to_bits() == STALE_BITS
}

/// First and last time and the number of samples, before the samples themselves.
const HEADER: usize = 18;
/// Bits that a window of its own costs a value, beside the value's.
const WINDOW_BITS: u8 = 11;
/// What a chunk costs beside its bytes: the counts of its holders and the pointer to it.
const OVERHEAD: usize = 32;

/// Compressed samples in rising order of time; more can be appended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    bytes: Vec<u8>,
    /// Bits used in the last byte; 0 means it is full or there is none.
    used: u8,
    count: u16,
    min_t: i64,
    max_t: i64,
    delta: i64,
    bits: u64,
    leading: u8,
    trailing: u8,
}

impl Head {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.count)
    }

    pub(crate) fn min_t(&self) -> i64 {
        self.min_t
    }

    pub(crate) fn max_t(&self) -> i64 {
        self.max_t
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends a sample; `t` must be above [`Head::max_t`].
    pub(crate) fn push(&mut self, t: i64, v: f64) {
        let bits = v.to_bits();
        if self.count == 0 {
            self.min_t = t;
            self.put(bits, 64);
        } else {
            let delta = t.wrapping_sub(self.max_t);
            self.put_time(delta.wrapping_sub(self.delta));
            self.put_value(bits);
            self.delta = delta;
        }
        self.max_t = t;
        self.bits = bits;
        self.count += 1;
    }

    fn put_time(&mut self, dod: i64) {
        match dod {
            0 => self.put(0, 1),
            -64..=63 => self.put(0b10 << 7 | (dod as u64 & 0x7f), 9),
            -8192..=8191 => self.put(0b110 << 14 | (dod as u64 & 0x3fff), 17),
            _ => {
                self.put(0b111, 3);
                self.put(dod as u64, 64);
            }
        }
    }

    fn put_value(&mut self, bits: u64) {
        let xor = bits ^ self.bits;
        if xor == 0 {
            self.put(0, 1);
            return;
        }
        let leading = (xor.leading_zeros() as u8).min(31);
        let trailing = xor.trailing_zeros() as u8;
        let (window, own) = (64 - self.leading - self.trailing, 64 - leading - trailing);
        // The first difference has no window to reuse: `leading + trailing` is then 0 with no bits written before.
        let fits = self.leading + self.trailing > 0 && leading >= self.leading && trailing >= self.trailing;
        if fits && window <= own + WINDOW_BITS {
            self.put(0b10, 2);
        } else {
            (self.leading, self.trailing) = (leading, trailing);
            self.put(0b11, 2);
            self.put(u64::from(leading), 5);
            // 1 to 64 significant bits, written as 0 to 63.
            self.put(u64::from(own - 1), 6);
        }
        self.put(xor >> self.trailing, 64 - self.leading - self.trailing);
    }

    fn put(&mut self, value: u64, n: u8) {
        let mut left = n;
        while left > 0 {
            if self.used == 0 {
                self.bytes.push(0);
            }
            let room = 8 - self.used;
            let take = room.min(left);
            let part = (value >> (left - take)) & ((1u64 << take) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part as u8) << (room - take);
            }
            self.used = (self.used + take) % 8;
            left -= take;
        }
    }

    /// The samples so far as a chunk that later appends do not change; `None` when there are none.
    pub(crate) fn chunk(&self) -> Option<Chunk> {
        if self.count == 0 {
            return None;
        }
        let header = self.min_t.to_le_bytes().into_iter().chain(self.max_t.to_le_bytes());
        let header = header.chain(self.count.to_le_bytes());
        let mut bytes = Vec::with_capacity(HEADER + self.bytes.len());
        bytes.extend(header);
        bytes.extend_from_slice(&self.bytes);
        Some(Chunk(bytes.into()))
    }
}

/// Compressed samples that are complete. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Chunk(Arc<[u8]>);

impl Chunk {
    /// A chunk from the bytes that it was written as; `None` when they cannot be one.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let chunk = (bytes.len() > HEADER).then(|| Self(bytes.into()))?;
        (chunk.len() > 0 && chunk.min_t() <= chunk.max_t()).then_some(chunk)
    }

    /// All of it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn time_at(&self, at: usize) -> i64 {
        self.0.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, i64::from_le_bytes)
    }

    pub(crate) fn min_t(&self) -> i64 {
        self.time_at(0)
    }

    pub(crate) fn max_t(&self) -> i64 {
        self.time_at(8)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.get(16..HEADER).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes).into()
    }

    /// Bytes on the heap, with what holds them.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() + OVERHEAD
    }

    /// Appends the samples with `start < t <= end`, in order.
    pub(crate) fn read(&self, start: i64, end: i64, out: &mut Vec<Sample>) {
        out.reserve(self.len());
        if self.min_t() > start && self.max_t() <= end {
            out.extend(self.iter());
        } else {
            out.extend(self.iter().take_while(|s| s.t <= end).filter(|s| s.t > start));
        }
    }

    /// The samples in order.
    pub(crate) fn iter(&self) -> Iter<'_> {
        let bits = Bits { bytes: self.0.get(HEADER..).unwrap_or_default(), at: 0, buffer: 0, filled: 0 };
        let Sample { t, v } = Sample { t: self.min_t(), v: 0.0 };
        Iter {
            bits,
            left: self.len(),
            first: true,
            t,
            delta: 0,
            value: v.to_bits(),
            leading: 0,
            significant: 0,
        }
    }
}

/// Bits from the highest to the lowest; zeros behind the end.
#[derive(Debug)]
struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte that is buffered next.
    at: usize,
    /// The next bits, at the top. Below those that are `filled` may stand some that are not counted yet.
    buffer: u64,
    filled: u8,
}

impl Bits<'_> {
    fn fill(&mut self) {
        if let Some(word) = self.bytes.get(self.at..self.at + 8).and_then(|b| b.try_into().ok()) {
            self.buffer |= u64::from_be_bytes(word) >> self.filled;
            let whole = (63 - self.filled) / 8;
            self.at += usize::from(whole);
            self.filled += whole * 8;
            return;
        }
        while self.filled <= 56 {
            let byte = self.bytes.get(self.at).copied().unwrap_or_default();
            self.buffer |= u64::from(byte) << (56 - self.filled);
            self.at += 1;
            self.filled += 8;
        }
    }

    /// The next `n` bits, of which there are 1 to 64.
    fn take(&mut self, n: u8) -> u64 {
        if n > 32 {
            return self.take(n - 32) << 32 | self.take(32);
        }
        if self.filled < n {
            self.fill();
        }
        let value = self.buffer >> (64 - n);
        self.buffer <<= n;
        self.filled -= n;
        value
    }

    fn flag(&mut self) -> bool {
        self.take(1) == 1
    }

    fn signed(&mut self, n: u8) -> i64 {
        let shift = 64 - n;
        ((self.take(n) << shift) as i64) >> shift
    }
}

/// Decompresses a [`Chunk`].
#[derive(Debug)]
pub(crate) struct Iter<'a> {
    bits: Bits<'a>,
    left: usize,
    first: bool,
    t: i64,
    delta: i64,
    value: u64,
    leading: u8,
    significant: u8,
}

impl Iter<'_> {
    fn dod(&mut self) -> i64 {
        if !self.bits.flag() {
            0
        } else if !self.bits.flag() {
            self.bits.signed(7)
        } else if !self.bits.flag() {
            self.bits.signed(14)
        } else {
            self.bits.take(64) as i64
        }
    }

    fn xor(&mut self) -> u64 {
        if !self.bits.flag() {
            return 0;
        }
        if self.bits.flag() {
            self.leading = self.bits.take(5) as u8;
            self.significant = self.bits.take(6) as u8 + 1;
        }
        // Bytes that were never a chunk may claim more bits than there are.
        match (self.significant, 64u8.checked_sub(self.leading + self.significant)) {
            (0, _) | (_, None) => 0,
            (n, Some(trailing)) => self.bits.take(n) << trailing,
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        if std::mem::take(&mut self.first) {
            self.value = self.bits.take(64);
        } else {
            self.delta = self.delta.wrapping_add(self.dod());
            self.t = self.t.wrapping_add(self.delta);
            self.value ^= self.xor();
        }
        Some(Sample { t: self.t, v: f64::from_bits(self.value) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            (0u32..100).prop_map(f64::from),
            Just(stale()),
            any::<u64>().prop_map(f64::from_bits)
        ]
    }

    fn step() -> impl Strategy<Value = i64> {
        prop_oneof![1i64..20_000, Just(1000), 1i64..1_000_000_000_000]
    }

    proptest! {
        #[test]
        fn every_sample_comes_back_bit_for_bit(steps in proptest::collection::vec((step(), value()), 1..200)) {
            let mut head = Head::default();
            let mut t = 1_700_000_000_000;
            let mut expected = Vec::new();
            for (dt, v) in steps {
                t += dt;
                head.push(t, v);
                expected.push((t, v.to_bits()));
            }
            let chunk = head.chunk().expect("samples");
            let chunk = Chunk::from_bytes(chunk.as_bytes()).expect("a chunk");
            let got: Vec<_> = chunk.iter().map(|s| (s.t, s.v.to_bits())).collect();
            prop_assert_eq!((chunk.min_t(), chunk.max_t()), (expected[0].0, t));
            prop_assert_eq!(&got, &expected);
            let middle = expected[expected.len() / 2].0;
            let mut part = Vec::new();
            chunk.read(expected[0].0, middle, &mut part);
            prop_assert_eq!(part.len(), expected.len() / 2);
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(chunk) = Chunk::from_bytes(&bytes) {
                prop_assert_eq!(chunk.iter().count(), chunk.len());
            }
        }
    }

    #[test]
    fn a_steady_unchanged_series_costs_a_quarter_of_a_byte_a_sample() {
        let mut head = Head::default();
        for i in 0..1000 {
            head.push(i * 1000, 42.0);
        }
        assert!(head.bytes.len() < 270, "{} bytes", head.bytes.len());
    }

    #[test]
    fn a_wide_difference_does_not_make_the_narrow_ones_after_it_wide() {
        let mut head = Head::default();
        for i in 0..240 {
            head.push(i * 1000, if i == 1 { 0.1 } else { (i / 2) as f64 });
        }
        assert!(head.bytes.len() < 500, "{} bytes", head.bytes.len());
    }
}
