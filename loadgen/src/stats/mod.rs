//! What is measured: three histograms per kind of step (response, service, lag), outcomes, exemplars.
//! One recorder per thread, swapped for an empty one at each tick and merged elsewhere, so that no request waits
//! for a merge and memory does not grow with the run.

mod exemplars;
mod recorder;

pub use exemplars::{Exemplar, Exemplars};
pub use recorder::{Cell, Recorder, Sample};

use hdrhistogram::Histogram;
use serde::Serialize;

/// Microseconds, three digits, growing as far as values need.
pub type Hist = Histogram<u64>;

/// An empty histogram.
pub(crate) fn histogram() -> Hist {
    Hist::new(3).expect("three significant digits are a valid precision")
}

/// Percentiles of a histogram, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 90th.
    pub p90: f64,
    /// 99th.
    pub p99: f64,
    /// 99.9th.
    pub p999: f64,
    /// The highest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

impl Percentiles {
    /// Of a histogram of microseconds; zeros when it is empty.
    #[must_use]
    pub fn of(hist: &Hist) -> Self {
        let at = |q: f64| hist.value_at_quantile(q) as f64 / 1_000.0;
        if hist.is_empty() {
            return Self::default();
        }
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: hist.max() as f64 / 1_000.0,
            mean: hist.mean().round() / 1_000.0,
        }
    }
}
