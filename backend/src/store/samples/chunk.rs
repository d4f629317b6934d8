//! A compressed run of samples of one series: delta-of-delta times and XORed values, as in Facebook's Gorilla paper.
//! A steady scrape costs one bit for the time and one bit for an unchanged value. Bits only; no policy.

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

/// Compressed samples in rising order of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
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

impl Chunk {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.count)
    }

    pub(crate) fn min_t(&self) -> i64 {
        self.min_t
    }

    pub(crate) fn max_t(&self) -> i64 {
        self.max_t
    }

    /// Heap bytes plus the struct itself.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity() + size_of::<Self>()
    }

    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Appends a sample; `t` must be above [`Chunk::max_t`].
    pub(crate) fn push(&mut self, t: i64, v: f64) {
        let bits = v.to_bits();
        if self.count == 0 {
            self.min_t = t;
            self.put(bits, 64);
        } else {
            let delta = t - self.max_t;
            self.put_time(delta - self.delta);
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
        // The first difference has no window to reuse: `leading + trailing` is then 0 with no bits written before.
        let reuse = self.leading + self.trailing > 0 && leading >= self.leading && trailing >= self.trailing;
        if reuse {
            self.put(0b10, 2);
        } else {
            (self.leading, self.trailing) = (leading, trailing);
            self.put(0b11, 2);
            self.put(u64::from(leading), 5);
            // 1 to 64 significant bits, written as 0 to 63.
            self.put(u64::from(63 - leading - trailing), 6);
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

    /// The samples in order.
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { chunk: self, at: 0, read: 0, t: 0, delta: 0, bits: 0, leading: 0, significant: 0 }
    }
}

/// Decompresses a [`Chunk`].
#[derive(Debug)]
pub(crate) struct Iter<'a> {
    chunk: &'a Chunk,
    at: usize,
    read: u16,
    t: i64,
    delta: i64,
    bits: u64,
    leading: u8,
    significant: u8,
}

impl Iter<'_> {
    fn take(&mut self, n: u8) -> u64 {
        let mut value = 0u64;
        let mut left = n;
        while left > 0 {
            let byte = self.chunk.bytes.get(self.at / 8).copied().unwrap_or_default();
            let room = 8 - (self.at % 8) as u8;
            let take = room.min(left);
            let part = (byte >> (room - take)) & ((1u16 << take) - 1) as u8;
            value = (value << take) | u64::from(part);
            self.at += usize::from(take);
            left -= take;
        }
        value
    }

    fn signed(&mut self, n: u8) -> i64 {
        let shift = 64 - n;
        ((self.take(n) << shift) as i64) >> shift
    }

    fn dod(&mut self) -> i64 {
        if self.take(1) == 0 {
            0
        } else if self.take(1) == 0 {
            self.signed(7)
        } else if self.take(1) == 0 {
            self.signed(14)
        } else {
            self.take(64) as i64
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        if self.read == self.chunk.count {
            return None;
        }
        if self.read == 0 {
            self.t = self.chunk.min_t;
            self.bits = self.take(64);
        } else {
            self.delta += self.dod();
            self.t += self.delta;
            if self.take(1) == 1 {
                if self.take(1) == 1 {
                    self.leading = self.take(5) as u8;
                    self.significant = self.take(6) as u8 + 1;
                }
                let trailing = 64 - self.leading - self.significant;
                self.bits ^= self.take(self.significant) << trailing;
            }
        }
        self.read += 1;
        Some(Sample { t: self.t, v: f64::from_bits(self.bits) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_sample_comes_back_bit_for_bit(steps in proptest::collection::vec((1i64..20_000, prop_oneof![any::<f64>(), (0u32..100).prop_map(f64::from), Just(stale())]), 1..200)) {
            let mut chunk = Chunk::default();
            let mut t = 1_700_000_000_000;
            let mut expected = Vec::new();
            for (dt, v) in steps {
                t += dt;
                chunk.push(t, v);
                expected.push((t, v.to_bits()));
            }
            let got: Vec<_> = chunk.iter().map(|s| (s.t, s.v.to_bits())).collect();
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn a_steady_unchanged_series_costs_a_quarter_of_a_byte_a_sample() {
        let mut chunk = Chunk::default();
        for i in 0..1000 {
            chunk.push(i * 1000, 42.0);
        }
        assert!(chunk.bytes.len() < 270, "{} bytes", chunk.bytes.len());
    }
}
