//! The functions that Prometheus knows, with the types of what they take and give.

use super::tree::Type;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) takes: &'static [Type],
    /// How many of the last may be left out (with one) or come on top of one; `None` is any number.
    pub(super) optional: Option<usize>,
    pub(super) returns: Type,
    /// Known, but only with a feature flag.
    pub(super) experimental: bool,
}

use Type::{Matrix, Scalar, Text, Vector};

const fn of(name: &'static str, takes: &'static [Type]) -> Function {
    Function { name, takes, optional: Some(0), returns: Vector, experimental: false }
}

const fn dates(name: &'static str) -> Function {
    Function { optional: Some(1), ..of(name, &[Vector]) }
}

const fn scalar(name: &'static str, takes: &'static [Type]) -> Function {
    Function { returns: Scalar, ..of(name, takes) }
}

const fn flagged(function: Function) -> Function {
    Function { experimental: true, ..function }
}

/// All, by name.
static FUNCTIONS: &[Function] = &[
    of("abs", &[Vector]),
    of("absent", &[Vector]),
    of("absent_over_time", &[Matrix]),
    of("acos", &[Vector]),
    of("acosh", &[Vector]),
    of("asin", &[Vector]),
    of("asinh", &[Vector]),
    of("atan", &[Vector]),
    of("atanh", &[Vector]),
    of("avg_over_time", &[Matrix]),
    of("ceil", &[Vector]),
    of("changes", &[Matrix]),
    of("clamp", &[Vector, Scalar, Scalar]),
    of("clamp_max", &[Vector, Scalar]),
    of("clamp_min", &[Vector, Scalar]),
    of("cos", &[Vector]),
    of("cosh", &[Vector]),
    of("count_over_time", &[Matrix]),
    dates("day_of_month"),
    dates("day_of_week"),
    dates("day_of_year"),
    dates("days_in_month"),
    of("deg", &[Vector]),
    of("delta", &[Matrix]),
    of("deriv", &[Matrix]),
    flagged(of("double_exponential_smoothing", &[Matrix, Scalar, Scalar])),
    flagged(scalar("end", &[])),
    of("exp", &[Vector]),
    of("first_over_time", &[Matrix]),
    of("floor", &[Vector]),
    of("histogram_avg", &[Vector]),
    of("histogram_count", &[Vector]),
    of("histogram_fraction", &[Scalar, Scalar, Vector]),
    of("histogram_quantile", &[Scalar, Vector]),
    flagged(Function { optional: Some(9), ..of("histogram_quantiles", &[Vector, Text, Scalar, Scalar]) }),
    of("histogram_stddev", &[Vector]),
    of("histogram_stdvar", &[Vector]),
    of("histogram_sum", &[Vector]),
    dates("hour"),
    of("idelta", &[Matrix]),
    of("increase", &[Matrix]),
    flagged(Function { optional: Some(1), ..of("info", &[Vector, Vector]) }),
    of("irate", &[Matrix]),
    Function { optional: None, ..of("label_join", &[Vector, Text, Text, Text]) },
    of("label_replace", &[Vector, Text, Text, Text, Text]),
    of("last_over_time", &[Matrix]),
    of("ln", &[Vector]),
    of("log10", &[Vector]),
    of("log2", &[Vector]),
    flagged(of("mad_over_time", &[Matrix])),
    flagged(scalar("max_of", &[Scalar, Scalar])),
    of("max_over_time", &[Matrix]),
    flagged(scalar("min_of", &[Scalar, Scalar])),
    of("min_over_time", &[Matrix]),
    dates("minute"),
    dates("month"),
    scalar("pi", &[]),
    of("predict_linear", &[Matrix, Scalar]),
    of("present_over_time", &[Matrix]),
    of("quantile_over_time", &[Scalar, Matrix]),
    of("rad", &[Vector]),
    flagged(scalar("range", &[])),
    of("rate", &[Matrix]),
    of("resets", &[Matrix]),
    Function { optional: Some(1), ..of("round", &[Vector, Scalar]) },
    scalar("scalar", &[Vector]),
    of("sgn", &[Vector]),
    of("sin", &[Vector]),
    of("sinh", &[Vector]),
    of("sort", &[Vector]),
    flagged(Function { optional: None, ..of("sort_by_label", &[Vector, Text]) }),
    flagged(Function { optional: None, ..of("sort_by_label_desc", &[Vector, Text]) }),
    of("sort_desc", &[Vector]),
    of("sqrt", &[Vector]),
    flagged(scalar("start", &[])),
    flagged(of("start_timestamp", &[Vector])),
    of("stddev_over_time", &[Matrix]),
    of("stdvar_over_time", &[Matrix]),
    flagged(scalar("step", &[])),
    of("sum_over_time", &[Matrix]),
    of("tan", &[Vector]),
    of("tanh", &[Vector]),
    scalar("time", &[]),
    of("timestamp", &[Vector]),
    flagged(of("ts_of_first_over_time", &[Matrix])),
    flagged(of("ts_of_last_over_time", &[Matrix])),
    flagged(of("ts_of_max_over_time", &[Matrix])),
    flagged(of("ts_of_min_over_time", &[Matrix])),
    of("vector", &[Scalar]),
    dates("year"),
];

/// The function of this name, in exactly these letters.
pub(super) fn named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| &FUNCTIONS[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for function in FUNCTIONS {
            assert_eq!(named(function.name), Some(function));
        }
        assert_eq!(named("Rate"), None);
    }
}
