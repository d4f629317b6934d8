//! Bits written and read from the highest to the lowest, and the codes that chunks are made of: a small number takes few
//! bits, and none is too large.

/// Takes bits at the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Bits used in the last byte; 0 means it is full or there is none.
    used: u8,
}

impl Writer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Writes the lowest `n` bits, of which there are at most 64.
    pub(super) fn put(&mut self, value: u64, n: u8) {
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

    /// Writes how much a step between two times differs from the one before.
    pub(super) fn put_time(&mut self, change: i64) {
        match change {
            0 => self.put(0, 1),
            -64..=63 => self.put(0b10 << 7 | (change as u64 & 0x7f), 9),
            -8192..=8191 => self.put(0b110 << 14 | (change as u64 & 0x3fff), 17),
            _ => {
                self.put(0b111, 3);
                self.put(change as u64, 64);
            }
        }
    }

    /// Writes how much a step between two whole values differs from the one before.
    pub(super) fn put_step(&mut self, change: i64) {
        match change {
            0 => self.put(0, 1),
            -32..=31 => self.put(0b10 << 6 | (change as u64 & 0x3f), 8),
            -256..=255 => self.put(0b110 << 9 | (change as u64 & 0x1ff), 12),
            -4096..=4095 => self.put(0b1110 << 13 | (change as u64 & 0x1fff), 17),
            -524_288..=524_287 => self.put(0b11110 << 20 | (change as u64 & 0xf_ffff), 25),
            _ => {
                self.put(0b11111, 5);
                self.put(change as u64, 64);
            }
        }
    }
}

/// Gives bits back; zeros behind the end.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// The byte that is buffered next.
    at: usize,
    /// The next bits, at the top. Below those that are `filled` may stand some that are not counted yet.
    buffer: u64,
    filled: u8,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, buffer: 0, filled: 0 }
    }

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
    pub(super) fn take(&mut self, n: u8) -> u64 {
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

    pub(super) fn flag(&mut self) -> bool {
        self.take(1) == 1
    }

    fn signed(&mut self, n: u8) -> i64 {
        let shift = 64 - n;
        ((self.take(n) << shift) as i64) >> shift
    }

    /// What [`Writer::put_time`] wrote.
    pub(super) fn time(&mut self) -> i64 {
        self.coded(&[7, 14])
    }

    /// What [`Writer::put_step`] wrote.
    pub(super) fn step(&mut self) -> i64 {
        self.coded(&[6, 9, 13, 20])
    }

    /// A number of one of these widths, or of 64 bits.
    #[inline]
    fn coded(&mut self, widths: &[u8]) -> i64 {
        if !self.flag() {
            return 0;
        }
        for width in widths {
            if !self.flag() {
                return self.signed(*width);
            }
        }
        self.take(64) as i64
    }
}
