//! What the renderers give for fixed answers, compared with the texts beside this file (`golden/*.txt`).

use super::{Look, chart, logs, query as values, trace};
use query::{
    LogEntry, UnixNanos, Window,
    jaeger::Trace,
    prometheus::{Answer, Data, Point, Sample, Series},
    trace::{Tree, assemble},
};
use serde_json::{Value, json};
use std::time::Duration;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const START_US: u64 = 1_772_356_025_123_000;
const PLAIN: Look = Look { color: false, width: 120 };

/// A golden text is looked at when it is written and compared ever after: `FIREDRILL_WRITE_GOLDEN=1` writes it.
fn same(name: &str, got: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/view/golden").join(name);
    if std::env::var_os("FIREDRILL_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, got).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    assert!(got == wanted, "{name} has changed; it is now:\n{got}\nand was:\n{wanted}");
}

fn span(
    process: &str,
    id: u64,
    parent: u64,
    name: &str,
    (offset, length): (u64, u64),
    tags: &[(&str, Value)],
) -> Value {
    let tags: Vec<Value> =
        tags.iter().map(|(key, value)| json!({"key": key, "type": "", "value": value})).collect();
    let mut references = vec![];
    if parent != 0 {
        references.push(json!({"refType": "CHILD_OF", "traceID": TRACE, "spanID": format!("{parent:x}")}));
    }
    json!({"traceID": TRACE, "spanID": format!("{id:x}"), "operationName": name, "references": references,
        "startTime": START_US + offset, "duration": length, "tags": tags, "logs": [], "processID": process})
}

fn log(
    service: &str,
    span: u64,
    at_us: u64,
    level: &str,
    message: &str,
    fields: &[(&str, &str)],
) -> LogEntry {
    let mut metadata: query::Labels =
        fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    metadata.insert("severity_text".to_owned(), level.to_owned());
    metadata.insert("trace_id".to_owned(), TRACE.to_owned());
    metadata.insert("span_id".to_owned(), format!("{span:016x}"));
    let labels = [("service_name".to_owned(), service.to_owned())].into();
    let time = UnixNanos::from_micros(START_US + at_us);
    LogEntry { time, line: message.to_owned(), labels, metadata }
}

fn lines() -> Vec<LogEntry> {
    vec![
        log(
            "product-service",
            5,
            20_000,
            "ERROR",
            "request",
            &[("http_response_status_code", "503"), ("duration_ms", "8.1")],
        ),
        log(
            "order-service",
            2,
            30_000,
            "WARN",
            "order rejected",
            &[("outcome", "dependency down"), ("correlation_id", "c-42")],
        ),
        log("order-service", 2, 33_000, "INFO", "clear\x1b[2J the screen", &[("note", "two\nlines")]),
        log("order-service", 99, 50_000, "DEBUG", "of nowhere", &[]),
    ]
}

fn order() -> Tree {
    let failed = [
        ("span.kind", json!("server")),
        ("http.response.status_code", json!(503)),
        ("error", json!(true)),
        ("otel.status_description", json!("pool exhausted")),
    ];
    let resent = [
        ("span.kind", json!("client")),
        ("http.request.resend_count", json!(1)),
        ("http.response.status_code", json!(503)),
        ("error", json!(true)),
    ];
    let mut spans = vec![
        span(
            "p1",
            1,
            0,
            "POST /orders",
            (0, 40_000),
            &[
                ("span.kind", json!("client")),
                ("correlation.id", json!("c-42")),
                ("http.response.status_code", json!(503)),
                ("error", json!(true)),
                ("error.type", json!("503")),
            ],
        ),
        span(
            "p2",
            2,
            1,
            "POST /orders",
            (1_000, 37_500),
            &[
                ("span.kind", json!("server")),
                ("http.response.status_code", json!(503)),
                ("error", json!(true)),
            ],
        ),
        span(
            "p2",
            3,
            2,
            "SELECT orders",
            (1_200, 900),
            &[("span.kind", json!("client")), ("db.system.name", json!("sqlite"))],
        ),
        span("p2", 4, 2, "POST /products/{id}/reserve", (10_000, 11_000), &resent),
        span("p3", 5, 4, "POST /products/{id}/reserve", (11_500, 8_500), &failed),
        span(
            "p2",
            6,
            2,
            "an operation with a name that is far longer than any terminal has room for in its column",
            (30_000, 300),
            &[],
        ),
        span("p3", 8, 77, "UPDATE stock", (12_000, 400), &[]),
        span("p3", 9, 8, "COMMIT", (12_300, 50), &[]),
    ];
    spans[1]["references"].as_array_mut().unwrap().push(
        json!({"refType": "FOLLOWS_FROM", "traceID": "ff00000000000000000000000000000f", "spanID": "ab"}),
    );
    let process = |name: &str| json!({"serviceName": name, "tags": []});
    let processes =
        json!({"p1": process("loadgen"), "p2": process("order-service"), "p3": process("product-service")});
    let trace: Trace =
        serde_json::from_value(json!({"traceID": TRACE, "spans": spans, "processes": processes})).unwrap();
    assemble(trace, lines())
}

#[test]
fn a_failed_order_is_drawn_with_its_lines_orphans_and_links() {
    same("trace.txt", &trace::render(&order(), PLAIN));
}

#[test]
fn both_sides_of_a_hop_are_told_apart_by_a_word() {
    for width in [120, 60] {
        let text = trace::render(&order(), Look { color: false, width });
        let side = |begin: &str| {
            let name = |line: &&str| line.trim_start_matches(['│', '├', '└', '─', ' ']).starts_with(begin);
            let line = text.lines().find(name).unwrap();
            ["client", "server", "db"].into_iter().find(|side| line.contains(&format!(" {side} ")))
        };
        let hop = ["loadgen", "order-service", "order-service SEL", "product-service"].map(side);
        assert_eq!(hop, ["client", "server", "db", "server"].map(Some), "{text}");
    }
}

#[test]
fn a_narrow_terminal_gets_no_bars_and_no_line_wider_than_itself() {
    let text = trace::render(&order(), Look { color: false, width: 60 });
    same("trace-narrow.txt", &text);
    let drawn = text.lines().skip(3);
    assert_eq!(drawn.filter(|line| line.chars().count() > 60).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn colour_changes_nothing_but_colour() {
    let colour = Look { color: true, ..PLAIN };
    let strip = |text: &str| {
        let mut parts = text.split('\x1b');
        let first = parts.next().unwrap_or_default().to_owned();
        let rest = parts.map(|part| part.split_once('m').map(|(_, text)| text).unwrap_or_default());
        first + &rest.collect::<String>()
    };
    let painted = trace::render(&order(), colour);
    assert!(painted.contains("\x1b[31m"));
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&strip(&painted)), trimmed(&trace::render(&order(), PLAIN)));
    let shared = learned(&lines());
    assert_eq!(strip(&logs::render(&lines(), &shared, colour)), logs::render(&lines(), &shared, PLAIN));
    let draw = |look| chart::render(&range(2), WINDOW, STEP, look);
    assert_eq!(trimmed(&strip(&draw(colour))), trimmed(&draw(PLAIN)));
}

fn learned(entries: &[LogEntry]) -> logs::Shared {
    let mut shared = logs::Shared::default();
    shared.learn(entries);
    shared
}

#[test]
fn a_trace_of_any_depth_stays_within_its_width() {
    let spans: Vec<Value> = (1..=200).map(|id| span("p", id, id - 1, "deep", (id, 1), &[])).collect();
    let trace = serde_json::from_value(json!({"traceID": TRACE, "spans": spans})).unwrap();
    let text = trace::render(&assemble(trace, vec![]), PLAIN);
    assert!(text.contains("⋯"));
    assert!(text.lines().all(|line| line.chars().count() <= 120));
}

#[test]
fn log_lines_are_one_line_each() {
    let mut entries = lines();
    let shared = learned(&entries);
    same("logs.txt", &logs::render(&entries, &shared, PLAIN));
    assert_eq!(logs::render(&entries, &shared, PLAIN).lines().count(), entries.len());
    entries[0].time = entries[0].time.before(Duration::from_secs(86_400));
    assert!(
        logs::render(&entries, &shared, PLAIN).starts_with("2026-02-28T09:07:05"),
        "the date, where there are two"
    );
    assert_eq!(logs::render(&[], &shared, PLAIN), "no log lines\n");
}

#[test]
fn labels_that_lines_of_a_service_share_are_told_once_and_others_on_the_line() {
    let mut entries = lines();
    for (at, entry) in entries.iter_mut().enumerate() {
        entry.labels.insert("env".to_owned(), "a test".to_owned());
        entry.labels.insert("instance".to_owned(), format!("i{at}"));
        entry.labels.insert("level".to_owned(), "info".to_owned());
    }
    let mut shared = logs::Shared::default();
    let told: Vec<_> = shared.learn(&entries);
    let lines: Vec<_> =
        told.iter().filter_map(|(service, labels)| logs::shared_line(service, labels, PLAIN)).collect();
    assert_eq!(
        lines,
        ["order-service: {env=\"a test\"}", "product-service: {env=\"a test\",instance=\"i0\"}"]
    );
    let text = logs::render(&entries, &shared, PLAIN);
    assert!(!text.contains("env=") && !text.contains("level="), "{text}");
    let with: Vec<_> = ["i0", "i1", "i2", "i3"].map(|i| text.contains(&format!("instance={i}"))).into();
    assert_eq!(with, [false, true, true, true], "{text}");
    // A stream that begins later is told when it comes; one that is known, and has changed, on its lines.
    let mut moved = entries[0].clone();
    moved.labels.insert("env".to_owned(), "another".to_owned());
    assert!(shared.learn(std::slice::from_ref(&moved)).is_empty());
    assert!(logs::render(&[moved], &shared, PLAIN).contains("env=another"));
}

fn labels(pairs: &[(&str, &str)]) -> query::Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn point(second: u64, value: f64) -> Point {
    Point { time: UnixNanos::from_micros(START_US + second * 1_000_000), value }
}

#[test]
fn vectors_are_tables_with_a_column_per_label() {
    let samples = vec![
        Sample { labels: labels(&[("service", "order-service"), ("status", "201")]), point: point(0, 12.25) },
        Sample { labels: labels(&[("service", "user-service")]), point: point(0, f64::NAN) },
        Sample { labels: labels(&[("service", "a\x1bb"), ("status", "200")]), point: point(0, 100.0) },
    ];
    let answer = Answer { data: Data::Vector(samples), warnings: vec!["may be a gauge".to_owned()] };
    same("vector.txt", &values::render(&answer, PLAIN));
}

#[test]
fn matrices_are_tables_of_times_and_values() {
    let series = vec![
        Series {
            labels: labels(&[("__name__", "up"), ("job", "a \"b\"")]),
            points: vec![point(0, 1.0), point(15, 0.125)],
        },
        Series { labels: labels(&[]), points: vec![point(0, f64::INFINITY)] },
    ];
    same("matrix.txt", &values::render(&Answer { data: Data::Matrix(series), warnings: vec![] }, PLAIN));
}

#[test]
fn scalars_strings_and_nothing_are_said_plainly() {
    let text = |data| values::render(&Answer { data, warnings: vec![] }, PLAIN);
    assert_eq!(text(Data::Scalar(point(0, 2.5))), "2.5\n");
    assert_eq!(text(Data::String("hi\x07".to_owned())), "hi\u{fffd}\n");
    assert_eq!(text(Data::Vector(vec![])), "no series\n");
}

const WINDOW: Window = Window {
    start: UnixNanos(START_US as i64 * 1000),
    end: UnixNanos((START_US as i64 + 300_000_000) * 1000),
};
const STEP: Duration = Duration::from_secs(5);

/// Five minutes of so many series: waves, one above the other, the second with a gap.
fn range(series: u64) -> Answer {
    let wave = |n: u64| {
        let there = (0..=60).filter(|at| n != 1 || !(20..30).contains(at));
        let value = |at: u64| 10.0 * n as f64 + 5.0 * (at as f64 / 8.0).sin();
        let points = there.map(|at| point(at * 5, value(at))).collect();
        Series { labels: labels(&[("service", &format!("service-{n}"))]), points }
    };
    Answer { data: Data::Matrix((0..series).map(wave).collect()), warnings: vec!["of the server".to_owned()] }
}

#[test]
fn one_series_over_time_is_a_drawing_with_its_figures() {
    same("chart.txt", &chart::render(&range(1), WINDOW, STEP, PLAIN));
}

#[test]
fn a_few_series_are_drawings_of_one_scale_and_many_are_lines_of_a_table() {
    same("chart-few.txt", &chart::render(&range(2), WINDOW, STEP, Look { color: false, width: 60 }));
    same("chart-many.txt", &chart::render(&range(6), WINDOW, STEP, PLAIN));
}

#[test]
fn a_chart_is_no_wider_than_the_terminal_and_says_when_there_is_nothing() {
    for width in [10, 40, 61, 80, 200] {
        let text = chart::render(&range(3), WINDOW, STEP, Look { color: false, width });
        let drawn = text.lines().filter(|line| line.contains(['┤', '│', '└']));
        let widest = drawn.map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|columns| columns <= width.max(40)), "{width}: {text}");
    }
    let nothing = Answer { data: Data::Matrix(vec![]), warnings: vec![] };
    assert_eq!(chart::render(&nothing, WINDOW, STEP, PLAIN), "no series\n");
    let long = Window { end: WINDOW.start.after(Duration::from_secs(3 * 86_400)), ..WINDOW };
    assert!(
        chart::render(&range(1), long, STEP, PLAIN).contains("03-04 09:07"),
        "dates, where days are shown"
    );
}
