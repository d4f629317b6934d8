//! The `*_over_time` family: what the values of one window come to.

use super::numeric::{Sum, mean, variance};
use super::select::Window;

/// What a function makes of a window that is not empty.
pub(super) type OverTime = fn(&Window<'_>) -> Option<f64>;

/// The function of that name, when this file has it.
pub(super) fn named(name: &str) -> Option<OverTime> {
    Some(match name {
        "avg_over_time" => |w| Some(mean(w.values())),
        "min_over_time" => |w| extreme(w, |v, best| v < best),
        "max_over_time" => |w| extreme(w, |v, best| v > best),
        "count_over_time" => |w| Some(w.samples.len() as f64),
        "first_over_time" => |w| w.samples.first().map(|s| s.v),
        "last_over_time" => |w| w.samples.last().map(|s| s.v),
        "present_over_time" => |_| Some(1.0),
        "stddev_over_time" => |w| Some(variance(w.values()).sqrt()),
        "stdvar_over_time" => |w| Some(variance(w.values())),
        "changes" => |w| Some(pairs(w, |a, b| a != b && !(a.is_nan() && b.is_nan()))),
        "resets" => |w| Some(pairs(w, |a, b| b < a)),
        _ => return None,
    })
}

/// `sum_over_time` of one series, window by window. One that begins where the last one did and is longer has the same terms
/// first: its sum is gone on with, which is exact, for it is what adding them all once more would come to.
pub(super) fn growing_sum() -> impl FnMut(usize, &Window<'_>, f64) -> Option<f64> {
    let (mut first, mut count, mut sum) = (None, 0, Sum::default());
    move |_, window, _| {
        let begins = window.samples.first().map(|s| s.t);
        if begins != first || window.samples.len() < count {
            (first, count, sum) = (begins, 0, Sum::default());
        }
        window.samples[count..].iter().for_each(|s| sum.add(s.v));
        count = window.samples.len();
        Some(sum.value())
    }
}

fn pairs(window: &Window<'_>, counts: impl Fn(f64, f64) -> bool) -> f64 {
    window.samples.windows(2).filter(|p| counts(p[0].v, p[1].v)).count() as f64
}

/// The best value; NaN only where there is nothing else.
fn extreme(window: &Window<'_>, better: impl Fn(f64, f64) -> bool) -> Option<f64> {
    window.values().reduce(|best, v| if better(v, best) || best.is_nan() { v } else { best })
}
