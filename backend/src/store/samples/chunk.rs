//! A compressed run of samples of one series: delta-of-delta times and XORed values, as in Facebook's Gorilla paper.
//! A steady scrape costs one bit for the time and one bit for an unchanged value. [`Head`] grows; [`Chunk`] is one that is
//! done, and is nothing but its bytes, in memory and on disk alike. How they are written is chosen then: see `scaled`.

use std::sync::Arc;

use super::bits::{Reader, Writer};
use super::scaled;

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
/// The bits of the number of samples that are one; those above tell how they are written: 0 for XORed values, else one more
/// than the digits behind the point.
const COUNT_BITS: u16 = 12;
/// Bits that a window of its own costs a value, beside the value's.
const WINDOW_BITS: u8 = 11;
/// What a chunk costs beside its bytes: the counts of its holders and the pointer to it.
const OVERHEAD: usize = 32;

/// Compressed samples in rising order of time; more can be appended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    out: Writer,
    count: u16,
    min_t: i64,
    max_t: i64,
    delta: i64,
    bits: u64,
    leading: u8,
    trailing: u8,
}

impl Head {
    /// Most samples that it can take.
    pub(crate) const MOST: usize = (1 << COUNT_BITS) - 1;

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
        self.out.capacity()
    }

    /// Appends a sample; `t` must be above [`Head::max_t`].
    pub(crate) fn push(&mut self, t: i64, v: f64) {
        let bits = v.to_bits();
        if self.count == 0 {
            self.min_t = t;
            self.out.put(bits, 64);
        } else {
            let delta = t.wrapping_sub(self.max_t);
            self.out.put_time(delta.wrapping_sub(self.delta));
            self.put_value(bits);
            self.delta = delta;
        }
        self.max_t = t;
        self.bits = bits;
        self.count += 1;
    }

    fn put_value(&mut self, bits: u64) {
        let xor = bits ^ self.bits;
        if xor == 0 {
            self.out.put(0, 1);
            return;
        }
        let leading = (xor.leading_zeros() as u8).min(31);
        let trailing = xor.trailing_zeros() as u8;
        let (window, own) = (64 - self.leading - self.trailing, 64 - leading - trailing);
        // The first difference has no window to reuse: `leading + trailing` is then 0 with no bits written before.
        let fits = self.leading + self.trailing > 0 && leading >= self.leading && trailing >= self.trailing;
        if fits && window <= own + WINDOW_BITS {
            self.out.put(0b10, 2);
        } else {
            (self.leading, self.trailing) = (leading, trailing);
            self.out.put(0b11, 2);
            self.out.put(u64::from(leading), 5);
            // 1 to 64 significant bits, written as 0 to 63.
            self.out.put(u64::from(own - 1), 6);
        }
        self.out.put(xor >> self.trailing, 64 - self.leading - self.trailing);
    }

    /// The samples so far as a chunk that later appends do not change; `None` when there are none.
    pub(crate) fn chunk(&self) -> Option<Chunk> {
        (self.count > 0).then(|| Chunk::new(self.min_t, self.max_t, self.count, self.out.bytes()))
    }

    /// The same in the shortest way, which takes longer to make.
    pub(crate) fn seal(&self) -> Option<Chunk> {
        let chunk = self.chunk()?;
        let samples: Vec<Sample> = chunk.iter().collect();
        let scaled = scaled::pack(&samples).filter(|(_, out)| out.bytes().len() < self.out.bytes().len());
        Some(match scaled {
            Some((digits, out)) => {
                Chunk::new(self.min_t, self.max_t, self.count | (digits + 1) << COUNT_BITS, out.bytes())
            }
            None => chunk,
        })
    }
}

/// Compressed samples that are complete. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Chunk(Arc<[u8]>);

impl Chunk {
    fn new(min_t: i64, max_t: i64, count: u16, samples: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + samples.len());
        bytes.extend(min_t.to_le_bytes());
        bytes.extend(max_t.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend_from_slice(samples);
        Self(bytes.into())
    }

    /// A chunk from the bytes that it was written as; `None` when they cannot be one.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let chunk = (bytes.len() > HEADER).then(|| Self(bytes.into()))?;
        let known = chunk.digits().is_none_or(|digits| !scaled::divisor(digits).is_nan());
        (known && chunk.len() > 0 && chunk.min_t() <= chunk.max_t()).then_some(chunk)
    }

    /// All of it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn time_at(&self, at: usize) -> i64 {
        self.0.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, i64::from_le_bytes)
    }

    fn count(&self) -> u16 {
        self.0.get(16..HEADER).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
    }

    /// Digits behind the point of the values; `None` when they are XORed.
    fn digits(&self) -> Option<u16> {
        (self.count() >> COUNT_BITS).checked_sub(1)
    }

    pub(crate) fn min_t(&self) -> i64 {
        self.time_at(0)
    }

    pub(crate) fn max_t(&self) -> i64 {
        self.time_at(8)
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.count()) & Head::MOST
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
        let values = match self.digits() {
            None => Values::Xored { bits: 0, leading: 0, significant: 0 },
            Some(digits) => Values::Scaled { value: 0, step: 0, divisor: scaled::divisor(digits) },
        };
        let bits = Reader::new(self.0.get(HEADER..).unwrap_or_default());
        Iter { bits, left: self.len(), first: true, t: self.min_t(), delta: 0, values }
    }
}

/// Decompresses a [`Chunk`].
#[derive(Debug)]
pub(crate) struct Iter<'a> {
    bits: Reader<'a>,
    left: usize,
    first: bool,
    t: i64,
    delta: i64,
    values: Values,
}

/// The value before, and what the next is told by.
#[derive(Debug)]
enum Values {
    Xored { bits: u64, leading: u8, significant: u8 },
    Scaled { value: i64, step: i64, divisor: f64 },
}

impl Values {
    fn first(&mut self, word: u64) -> f64 {
        match self {
            Self::Xored { bits, .. } => *bits = word,
            Self::Scaled { value, .. } => *value = word as i64,
        }
        self.value()
    }

    fn value(&self) -> f64 {
        match self {
            Self::Xored { bits, .. } => f64::from_bits(*bits),
            Self::Scaled { value, divisor, .. } => *value as f64 / divisor,
        }
    }

    fn next(&mut self, from: &mut Reader<'_>) -> f64 {
        match self {
            Self::Xored { bits, leading, significant } => {
                if from.flag() {
                    if from.flag() {
                        *leading = from.take(5) as u8;
                        *significant = from.take(6) as u8 + 1;
                    }
                    // Bytes that were never a chunk may claim more bits than there are.
                    match (*significant, 64u8.checked_sub(*leading + *significant)) {
                        (0, _) | (_, None) => {}
                        (n, Some(trailing)) => *bits ^= from.take(n) << trailing,
                    }
                }
            }
            Self::Scaled { value, step, .. } => {
                *step = step.wrapping_add(from.step());
                *value = value.wrapping_add(*step);
            }
        }
        self.value()
    }
}

impl Iterator for Iter<'_> {
    type Item = Sample;

    #[inline]
    fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        let v = if std::mem::take(&mut self.first) {
            self.values.first(self.bits.take(64))
        } else {
            self.delta = self.delta.wrapping_add(self.bits.time());
            self.t = self.t.wrapping_add(self.delta);
            self.values.next(&mut self.bits)
        };
        Some(Sample { t: self.t, v })
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

    /// Whole numbers of parts, small and large, and now and then something else.
    fn parts() -> impl Strategy<Value = Vec<f64>> {
        let divisor = prop_oneof![Just(1.0), Just(10.0), Just(100.0), Just(1000.0), Just(7.0)];
        let part = prop_oneof![0i64..50, -3000i64..3000, any::<i32>().prop_map(i64::from), any::<i64>()];
        (divisor, proptest::collection::vec(part, 1..200))
            .prop_map(|(divisor, parts)| parts.into_iter().map(|p| p as f64 / divisor).collect())
    }

    fn step() -> impl Strategy<Value = i64> {
        prop_oneof![1i64..20_000, Just(1000), 1i64..1_000_000_000_000]
    }

    fn check(samples: &[(i64, f64)]) -> Result<(), TestCaseError> {
        let mut head = Head::default();
        samples.iter().for_each(|(t, v)| head.push(*t, *v));
        let expected: Vec<_> = samples.iter().map(|(t, v)| (*t, v.to_bits())).collect();
        for chunk in [head.chunk(), head.seal()] {
            let chunk = chunk.and_then(|c| Chunk::from_bytes(c.as_bytes())).expect("a chunk");
            let got: Vec<_> = chunk.iter().map(|s| (s.t, s.v.to_bits())).collect();
            prop_assert_eq!((chunk.min_t(), chunk.max_t()), (samples[0].0, samples[samples.len() - 1].0));
            prop_assert_eq!(&got, &expected);
            let mut part = Vec::new();
            chunk.read(samples[0].0, samples[samples.len() / 2].0, &mut part);
            prop_assert_eq!(part.len(), samples.len() / 2);
        }
        Ok(())
    }

    fn timed(steps: impl IntoIterator<Item = (i64, f64)>) -> Vec<(i64, f64)> {
        let mut t = 1_700_000_000_000;
        steps
            .into_iter()
            .map(|(dt, v)| {
                t += dt;
                (t, v)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_sample_comes_back_bit_for_bit(steps in proptest::collection::vec((step(), value()), 1..200)) {
            check(&timed(steps))?;
        }

        #[test]
        fn whole_numbers_of_parts_come_back_bit_for_bit(values in parts(), dt in step()) {
            check(&timed(values.into_iter().map(|v| (dt, v))))?;
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(chunk) = Chunk::from_bytes(&bytes) {
                prop_assert_eq!(chunk.iter().count(), chunk.len());
            }
        }
    }

    fn sealed(values: impl IntoIterator<Item = f64>) -> usize {
        let mut head = Head::default();
        timed(values.into_iter().map(|v| (1000, v))).into_iter().for_each(|(t, v)| head.push(t, v));
        head.seal().expect("samples").as_bytes().len()
    }

    #[test]
    fn steady_series_cost_a_quarter_of_a_byte_a_sample_and_counters_little_more_than_one() {
        assert!(sealed((0..240).map(|_| 42.0)) < 100);
        assert!(sealed((0..240).map(|i| f64::from(i) * 7.0)) < 100);
        assert!(sealed((0..240).map(|i| f64::from(i * 40 + i * i % 31))) < 330);
        assert!(sealed((0..240).map(|i| f64::from(2000 + i * i % 97) / 100.0)) < 400);
    }

    #[test]
    fn a_wide_difference_does_not_make_the_narrow_ones_after_it_wide() {
        let mut head = Head::default();
        for i in 0..240 {
            head.push(i * 1000, if i == 1 { 0.1 } else { (i / 2) as f64 });
        }
        assert!(head.out.bytes().len() < 500, "{} bytes", head.out.bytes().len());
    }
}
