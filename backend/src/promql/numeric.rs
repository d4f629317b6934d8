//! Numbers as Prometheus computes them: compensated sums, means that do not overflow, quantiles.

/// Kahan summation with Neumaier's improvement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    c: f64,
}

impl Sum {
    pub(super) fn of(v: f64) -> Self {
        Self { sum: v, c: 0.0 }
    }

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

/// A mean in the making: a sum, until that would overflow, then an incremental mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mean {
    sum: Sum,
    count: f64,
    incremental: bool,
}

impl Mean {
    pub(super) fn of(v: f64) -> Self {
        Self { sum: Sum::of(v), count: 1.0, incremental: false }
    }

    pub(super) fn add(&mut self, v: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut next = self.sum;
            next.add(v);
            if !next.sum.is_infinite() {
                self.sum = next;
                return;
            }
            self.incremental = true;
            let before = self.count - 1.0;
            self.sum = Sum { sum: self.sum.sum / before, c: self.sum.c / before };
        }
        let q = (self.count - 1.0) / self.count;
        self.sum = Sum { sum: q * self.sum.sum, c: q * self.sum.c };
        self.sum.add(v / self.count);
    }

    pub(super) fn value(&self) -> f64 {
        let Sum { sum, c } = self.sum;
        if self.incremental { sum + c } else { sum / self.count + c / self.count }
    }
}

/// The mean; NaN of nothing.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values = values.into_iter();
    let Some(first) = values.next() else { return f64::NAN };
    let mut mean = Mean::of(first);
    values.for_each(|v| mean.add(v));
    mean.value()
}

/// The spread of the values of an aggregation, by Welford without compensation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    count: f64,
    mean: f64,
    aux: f64,
}

impl Spread {
    pub(super) fn of(v: f64) -> Self {
        Self { count: 1.0, mean: v, aux: if v.is_finite() { 0.0 } else { f64::NAN } }
    }

    pub(super) fn add(&mut self, v: f64) {
        self.count += 1.0;
        let delta = v - self.mean;
        self.mean += delta / self.count;
        self.aux += delta * (v - self.mean);
    }

    /// The population variance.
    pub(super) fn variance(&self) -> f64 {
        self.aux / self.count
    }
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
pub(crate) fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
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
