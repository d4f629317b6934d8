//! A second way to compress values, chosen when a chunk is done and this is shorter: values that are whole numbers, or whole
//! numbers of tenths, hundredths or thousandths, are written as the change of the step between them. Counters and most
//! gauges are such, and take half of what XORed floats do.

use super::bits::Writer;
use super::chunk::Sample;

/// Digits behind the point that are tried.
const DIGITS: u16 = 3;
/// Larger whole numbers are not all floats.
const MAX: f64 = (1_u64 << 52) as f64;

/// What values are divided by.
pub(super) fn divisor(digits: u16) -> f64 {
    [1.0, 10.0, 100.0, 1000.0].get(usize::from(digits)).copied().unwrap_or(f64::NAN)
}

/// The value as so many parts, when dividing gives it back bit for bit.
fn whole(v: f64, divisor: f64) -> Option<i64> {
    let parts = (v * divisor).round();
    let same = parts.abs() < MAX && (parts / divisor).to_bits() == v.to_bits();
    same.then_some(parts as i64)
}

/// Compresses samples; answers the digits behind the point with the bytes, or `None` when they are not such.
pub(super) fn pack(samples: &[Sample]) -> Option<(u16, Writer)> {
    let fits = |digits: &u16| samples.iter().all(|s| whole(s.v, divisor(*digits)).is_some());
    let digits = (0..=DIGITS).find(fits)?;
    let mut out = Writer::default();
    let (mut last, mut step) = (0_i64, 0_i64);
    let (mut last_t, mut step_t) = (0_i64, 0_i64);
    for (i, sample) in samples.iter().enumerate() {
        let value = whole(sample.v, divisor(digits))?;
        if i == 0 {
            out.put(value as u64, 64);
        } else {
            let now_t = sample.t.wrapping_sub(last_t);
            out.put_time(now_t.wrapping_sub(step_t));
            step_t = now_t;
            // Neither overflows: all values are far smaller than what fits.
            let now = value - last;
            out.put_step(now - step);
            step = now;
        }
        (last, last_t) = (value, sample.t);
    }
    Some((digits, out))
}
