//! Queries by a grammar, always the same ones, made for the lines that are there: nearly all are valid, and most find some.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The first `count` log queries and as many metric queries.
pub(crate) fn queries(count: usize) -> (Vec<String>, Vec<String>) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut of =
        |strategy: &dyn Fn(&mut TestRunner) -> String| (0..count).map(|_| strategy(&mut runner)).collect();
    let (log, metric) = (pipeline(), metric());
    let logs = of(&|runner| log.new_tree(runner).expect("no filter rejects").current());
    (logs, of(&|runner| metric.new_tree(runner).expect("no filter rejects").current()))
}

fn one_of(choices: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(choices).prop_map(str::to_owned)
}

const FIELDS: &[&str] = &[
    "status",
    "method",
    "path",
    "took",
    "size",
    "bytes_sent",
    "ratio",
    "nested_user",
    "app_extracted",
    "ok",
    "empty",
    "quote",
    "level",
    "duration",
    "queue",
    "attempt",
    "msg_extracted",
    "trace_id",
    "user_id",
    "detected_level",
    "env",
    "nothing",
    "ip",
    "agent",
    "__error__",
];
const LINE_FILTERS: &[&str] = &[
    r#"|= "GET""#,
    r#"|= "GET" or "job""#,
    r#"!= "POST" != "1.5ms""#,
    r#"!= "404" or "503""#,
    r#"|~ "items/[12]""#,
    r#"|~ "(?i)ERROR|warn""#,
    r#"!~ "q[01] ""#,
    r#"|> "<_>GET<_>""#,
    r#"!> "<_> 200 <_>""#,
    r#"|= ip("10.0.0.0/16")"#,
    r#"|= """#,
];
const READERS: &[&str] = &[
    "| json",
    "| json",
    "| logfmt",
    "| logfmt --strict",
    "| logfmt --keep-empty",
    r#"| json user="nested.user", first="nested.list[0]", status"#,
    r#"| logfmt queue, d="duration", gone"#,
    r#"| pattern "<ip> - - <_> \"<method> <path> <_>\" <status> <size> <_> <agent>""#,
    r#"| regexp "(?P<method>GET|POST)[^/]*(?P<path>/[a-z/]*)(?P<rest>\\d)?""#,
    "| unpack",
];
const CHANGES: &[&str] = &[
    "| drop __error__, __error_details__",
    r#"| drop status, level="info", env=~"d.*""#,
    "| keep app, status, method, path, attempt, bytes_sent",
    r#"| keep level=~"e.*", queue, path"#,
    r#"| label_format code=status, where="{{.app}}-{{.env}}""#,
    r#"| label_format status="{{.status}}0", path=method"#,
    r#"| label_format trace_id=user_id, user_id="{{.trace_id}}""#,
    r#"| line_format "{{.method}} {{.path | upper}} {{.status}} {{.queue}}""#,
    r#"| line_format "{{ __line__ | trunc 30 }}|{{ .took | default \"none\" }}""#,
    r#"| line_format "{{ if .status }}{{ .status | int | mul 2 }}{{ else }}{{ .attempt }}{{ end }}""#,
    "| decolorize",
];

fn selector() -> impl Strategy<Value = String> + Clone {
    one_of(&[
        r#"{app="api"}"#,
        r#"{app="api"}"#,
        r#"{app="worker"}"#,
        r#"{app="nginx"}"#,
        r#"{app="mixed"}"#,
        r#"{app=~"api|worker", env="prod"}"#,
        r#"{env=~"d.*|p.*", app!="mixed"}"#,
    ])
}

fn condition() -> impl Strategy<Value = String> + Clone {
    let text = (select(FIELDS), one_of(&["=", "!=", "=~", "!~"]), one_of(TEXTS));
    let number = (select(FIELDS), one_of(&["=", "==", "!=", ">", ">=", "<", "<="]), one_of(NUMBERS));
    let leaf = prop_oneof![
        text.prop_map(|(f, o, t)| format!("{f}{o}{t}")),
        number.prop_map(|(f, o, n)| format!("{f}{o}{n}")),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        (inner.clone(), one_of(&[" and ", " or ", ", ", " "]), inner, any::<bool>()).prop_map(
            |(a, o, b, nested)| {
                if nested { format!("({a}{o}{b})") } else { format!("{a}{o}{b}") }
            },
        )
    })
}

const TEXTS: &[&str] = &[
    r#""GET""#,
    r#""200""#,
    r#""error""#,
    r#""""#,
    r#""/items/1""#,
    r#""t1|t2""#,
    r#"".*1.*""#,
    r#"".+""#,
    r#""q[01]""#,
    r#""(GE|PO).*""#,
    r#""u1""#,
    r#""JSONParserErr""#,
];
const NUMBERS: &[&str] = &["200", "404", "0", "1", "2.5", "-1", "1000", "20ms", "0.03s", "5KB", "3MiB", "1h"];

fn pipeline() -> impl Strategy<Value = String> + Clone {
    let fitting = one_of(&[
        r#"{app="api"} | json"#,
        r#"{app="api"} | json"#,
        r#"{app="api", env="dev"} | json | __error__="""#,
        r#"{app="worker"} | logfmt"#,
        r#"{app=~"api|worker"} | json | drop __error__, __error_details__ | logfmt"#,
        r#"{app="nginx"} | pattern "<ip> - - <_> \"<method> <path> <_>\" <status> <size> <_>""#,
    ]);
    let stage = prop_oneof![
        2 => one_of(LINE_FILTERS),
        1 => one_of(READERS),
        2 => condition().prop_map(|c| format!("| {c}")),
        2 => one_of(CHANGES),
    ];
    let first = prop_oneof![1 => selector(), 3 => fitting];
    (first, vec(stage, 0..3)).prop_map(|(s, stages)| format!("{s} {}", stages.join(" ")))
}

fn window() -> impl Strategy<Value = String> + Clone {
    one_of(&["[1m]", "[5m]", "[90s]", "[10s]", "[2m] offset 1m", "[3m] offset -30s"])
}

fn grouping() -> impl Strategy<Value = String> + Clone {
    let names = vec(
        select(&["app", "env", "status", "method", "queue", "level", "detected_level", "nothing"][..]),
        1..3,
    );
    prop_oneof![
        1 => Just(String::new()),
        3 => (one_of(&["by", "without"]), names).prop_map(|(w, names)| format!(" {w} ({})", names.join(", "))),
    ]
}

fn range() -> impl Strategy<Value = String> + Clone {
    let plain = one_of(&["count_over_time", "rate", "bytes_over_time", "bytes_rate", "absent_over_time"]);
    let plain = (plain, pipeline(), window()).prop_map(|(f, p, w)| format!("{f}({p} {w})"));
    let unwrap = one_of(&[
        "bytes_sent",
        "status",
        "attempt",
        "ratio",
        "duration(took)",
        "duration_seconds(duration)",
        "bytes(size)",
        "user_id",
        "nothing",
    ]);
    let filter = prop_oneof![2 => Just(r#"| __error__="""#.to_owned()), 1 => Just(String::new()), 1 => condition().prop_map(|c| format!("| {c}"))];
    let summed = one_of(&["sum_over_time", "rate", "rate_counter"]);
    let summed = (summed, pipeline(), unwrap.clone(), filter.clone(), window())
        .prop_map(|(f, p, u, c, w)| format!("{f}({p} | unwrap {u} {c} {w})"));
    let grouped = one_of(&[
        "avg_over_time(",
        "min_over_time(",
        "max_over_time(",
        "first_over_time(",
        "last_over_time(",
        "stddev_over_time(",
        "stdvar_over_time(",
        "quantile_over_time(0.3, ",
    ]);
    let grouped = (grouped, pipeline(), unwrap, filter, window(), grouping())
        .prop_map(|(f, p, u, c, w, g)| format!("{f}{p} | unwrap {u} {c} {w}){g}"));
    prop_oneof![2 => plain, 1 => summed, 1 => grouped]
}

fn metric() -> impl Strategy<Value = String> + Clone {
    let aggregate = one_of(&["sum", "sum", "sum", "avg", "min", "max", "count", "stddev", "stdvar"]);
    let aggregated = (aggregate, range(), grouping()).prop_map(|(f, i, g)| format!("{f}({i}){g}"));
    let leaf = prop_oneof![1 => range(), 4 => aggregated.clone()];
    let op = one_of(&[
        "+", "-", "*", "/", "%", "^", "==", "!=", "> bool", ">=", "<", "<= bool", "and", "or", "unless",
    ]);
    let on = one_of(&["", "", " on(app)", " ignoring(status, method)", " on(app) group_left", " on() "]);
    let joined = (aggregated.clone(), op, on, aggregated).prop_map(|(a, o, m, b)| {
        // Sets have no one side.
        let m = if o.len() > 2 && !o.contains("bool") { m.replace("group_left", "") } else { m };
        format!("{a} {o}{m} {b}")
    });
    let with_number =
        (leaf.clone(), one_of(&["* 2", "+ 1", "> 3", "/ 0", "% 4", "^ 2", "== bool 5", "- -1"]))
            .prop_map(|(a, o)| format!("{a} {o}"));
    prop_oneof![3 => leaf, 2 => joined, 1 => with_number]
}
