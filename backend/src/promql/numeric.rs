//! Numbers as Prometheus computes them: compensated sums, means that do not overflow, quantiles.

/// Kahan summation with Neumaier's improvement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    c: f64,
}

impl Sum {
    pub(super) fn add(&mut self, v: f64) {
        let t = self.sum + v;
        if t.is_infinite() {
            self.c = 0.0;
        } else if self.sum.abs() >= v.abs() {
            self.c += (self.sum - t) + v;
        } else {
            self.c += (v - t) + self.sum;
        }
        self.sum = t;
    }

    pub(super) fn value(&self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.c }
    }
}

/// The sum of some values.
pub(super) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sum = Sum::default();
    values.into_iter().for_each(|v| sum.add(v));
    sum.value()
}

/// The mean; changes to an incremental mean when the sum would overflow.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values = values.into_iter();
    let Some(first) = values.next() else { return f64::NAN };
    let mut sum = Sum { sum: first, c: 0.0 };
    let mut count = 1.0;
    let mut incremental = false;
    for v in values {
        count += 1.0;
        if !incremental {
            let mut next = sum;
            next.add(v);
            if !next.sum.is_infinite() {
                sum = next;
                continue;
            }
            incremental = true;
            sum = Sum { sum: sum.sum / (count - 1.0), c: sum.c / (count - 1.0) };
        }
        let q = (count - 1.0) / count;
        sum = Sum { sum: q * sum.sum, c: q * sum.c };
        sum.add(v / count);
    }
    if incremental { sum.sum + sum.c } else { sum.sum / count + sum.c / count }
}

/// The population variance, by Welford with compensation.
pub(super) fn variance(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut aux) = (0.0, Sum::default(), Sum::default());
    for v in values {
        count += 1.0;
        let delta = v - (mean.sum + mean.c);
        mean.add(delta / count);
        aux.add(delta * (v - (mean.sum + mean.c)));
    }
    (aux.sum + aux.c) / count
}

/// The quantile by linear interpolation between the two nearest ranks; NaN sorts first.
pub(super) fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => a.total_cmp(b),
    });
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor().max(0.0) as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}
