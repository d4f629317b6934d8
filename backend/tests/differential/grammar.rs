//! Queries by a grammar, always the same ones: typed, so that nearly all of them are valid.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The first `count` queries.
pub(crate) fn queries(count: usize) -> Vec<String> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // Of equal values either may be chosen: these have none. Within a larger query their order would be open.
    let ranks = (one_of(&["topk", "bottomk"]), one_of(GROUPINGS), one_of(&["1", "2", "3", "0", "-1"]))
        .prop_map(|(f, g, k)| format!("{f}{g} ({k}, temperature)"));
    let vector = prop_oneof![30 => vector(), 1 => ranks];
    let next = |_| vector.new_tree(&mut runner).expect("no filter rejects").current();
    (0..count).map(next).collect()
}

fn one_of(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    select(choices)
}

const NAMES: &[&str] = &[
    "requests_total",
    "requests_failed_total",
    "memory_bytes",
    "temperature",
    "sometimes_special",
    "flapping",
    "info",
    "rare",
    "constant",
    "special",
    "fraction",
    "nothing_at_all",
];
const MATCHERS: &[&str] = &[
    "",
    "",
    "",
    "{host=\"a:1\"}",
    "{host!=\"a:1\"}",
    "{host=~\"a.*|b.*\"}",
    "{group!~\"can.*\"}",
    "{group=\"canary\"}",
    "{n=\"1\"}",
    "{path=\"\"}",
    "{kind=~\".+\"}",
];
const OFFSETS: &[&str] = &[
    "",
    "",
    "",
    "",
    " offset 1m",
    " offset -90s",
    " @ 1700001000",
    " @ end()",
    " @ start() offset 2m",
    " offset 7m",
];
const RANGES: &[&str] = &["[1m]", "[5m]", "[47s]", "[10m]", "[15s]", "[2m]"];
const SUBQUERIES: &[&str] = &["[5m:]", "[3m:20s]", "[10m:1m]", "[2m:7s] offset 1m", "[4m:30s] @ 1700002000"];
const OVER_TIME: &[&str] = &[
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "deriv",
    "changes",
    "resets",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "first_over_time",
    "present_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "absent_over_time",
];
const OF_VECTORS: &[&str] = &[
    "abs",
    "ceil",
    "floor",
    "sqrt",
    "exp",
    "ln",
    "log2",
    "log10",
    "sgn",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "deg",
    "rad",
    "timestamp",
    "absent",
    "round",
    "sort",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "year",
];
const AGGREGATIONS: &[&str] = &["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const GROUPINGS: &[&str] = &[
    "",
    "",
    " by (host)",
    " by (group, path)",
    " without (host)",
    " by (kind)",
    " without (group, n)",
    " by ()",
];
const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "^", "atan2"];
const COMPARISONS: &[&str] =
    &["==", "!=", ">", "<", ">=", "<=", "== bool", "!= bool", "> bool", "< bool", ">= bool", "<= bool"];
const MATCHINGS: &[&str] = &[
    "",
    "",
    "",
    "on (host)",
    "ignoring (group)",
    "on (host) group_left",
    "on (host) group_right (version)",
    "ignoring (version, path, group) group_left (version)",
    "on ()",
    "on (host, group)",
];
const SETS: &[&str] = &["and", "or", "unless"];
const SET_MATCHINGS: &[&str] = &["", "", "on (host)", "ignoring (group)", "on ()", "ignoring (kind, n)"];

fn selector() -> impl Strategy<Value = String> + Clone {
    (one_of(NAMES), one_of(MATCHERS), one_of(OFFSETS)).prop_map(|(n, m, o)| format!("{n}{m}{o}"))
}

fn number() -> impl Strategy<Value = String> + Clone {
    let plain =
        one_of(&["0", "1", "2", "-1", "0.5", "3.7", "100", "1e9", "NaN", "Inf", "-Inf", "0x1f", "1_000"]);
    prop_oneof![
        5 => plain.prop_map(str::to_owned),
        1 => Just("time()".to_owned()),
        1 => Just("pi()".to_owned()),
        2 => selector().prop_map(|s| format!("scalar({s})")),
    ]
}

fn range_vector(inner: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = String> + Clone {
    let plain = (one_of(NAMES), one_of(MATCHERS), one_of(RANGES), one_of(OFFSETS));
    prop_oneof![
        4 => plain.prop_map(|(n, m, r, o)| format!("{n}{m}{r}{o}")),
        1 => (inner, one_of(SUBQUERIES)).prop_map(|(e, s)| format!("({e}){s}")),
    ]
}

fn vector() -> impl Strategy<Value = String> {
    selector().prop_recursive(3, 12, 3, |inner| {
        let range = range_vector(inner.clone());
        let quantile = one_of(&["0.5", "0", "1", "0.99", "-1", "2", "0.25"]);
        prop_oneof![
            5 => (one_of(OVER_TIME), range.clone()).prop_map(|(f, r)| format!("{f}({r})")),
            1 => (quantile.clone(), range.clone()).prop_map(|(q, r)| format!("quantile_over_time({q}, {r})")),
            1 => (range, number()).prop_map(|(r, n)| format!("predict_linear({r}, {n})")),
            3 => (one_of(OF_VECTORS), inner.clone()).prop_map(|(f, v)| format!("{f}({v})")),
            1 => (inner.clone(), number(), number()).prop_map(|(v, a, b)| format!("clamp({v}, {a}, {b})")),
            1 => (inner.clone(), number()).prop_map(|(v, n)| format!("round({v}, {n})")),
            4 => (one_of(AGGREGATIONS), one_of(GROUPINGS), inner.clone())
                .prop_map(|(a, g, v)| format!("{a}{g} ({v})")),
            1 => (quantile, one_of(GROUPINGS), inner.clone()).prop_map(|(q, g, v)| format!("quantile{g} ({q}, {v})")),
            // Of samples as they are: the last bit of a sine is the platform's.
            1 => (one_of(GROUPINGS), selector()).prop_map(|(g, v)| format!("count_values{g} (\"v\", {v})")),
            2 => (inner.clone(), one_of(ARITHMETIC), number()).prop_map(|(v, o, n)| format!("({v}) {o} {n}")),
            2 => (number(), one_of(COMPARISONS), inner.clone()).prop_map(|(n, o, v)| format!("{n} {o} ({v})")),
            3 => (inner.clone(), one_of(ARITHMETIC), one_of(MATCHINGS), inner.clone())
                .prop_map(|(l, o, m, r)| format!("({l}) {o} {m} ({r})")),
            2 => (inner.clone(), one_of(COMPARISONS), one_of(MATCHINGS), inner.clone())
                .prop_map(|(l, o, m, r)| format!("({l}) {o} {m} ({r})")),
            2 => (inner.clone(), one_of(SETS), one_of(SET_MATCHINGS), inner.clone())
                .prop_map(|(l, o, m, r)| format!("({l}) {o} {m} ({r})")),
            1 => inner.clone().prop_map(|v| format!("-({v})")),
            1 => inner.prop_map(|v| format!("label_replace({v}, \"to\", \"$1-x\", \"host\", \"(.*):1\")")),
        ]
    })
}
