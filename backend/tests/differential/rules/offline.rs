//! What rules come to over virtual time is written down as what `promtool test rules` has to find, and it must find it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use backend::rules::offline::{Answer, Pairs, Replay, Rules, Series, Setup, State, metric};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::differential::programs;

const MINUTE: i64 = 60_000;

/// A series: its name with its labels, promtool's notation of its values, and the values themselves.
type Given = (String, String, Vec<(i64, f64)>);

/// What one test is given, and what is asked of it.
struct Test {
    series: Vec<Given>,
    minutes: i64,
    /// What is asked at which minutes.
    asked: Vec<String>,
    every: usize,
}

/// A quoted text of YAML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

fn number(v: f64) -> String {
    match v {
        v if v.is_nan() => ".nan".to_owned(),
        f64::INFINITY => ".inf".to_owned(),
        f64::NEG_INFINITY => "-.inf".to_owned(),
        v => format!("{v:?}"),
    }
}

/// A set of labels in the notation of a series.
fn notation(labels: &Pairs) -> String {
    let all: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{{{}}}", all.join(", "))
}

fn flow(pairs: &Pairs) -> String {
    let all: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}: {}", quoted(value))).collect();
    format!("{{{}}}", all.join(", "))
}

/// The file of tests, with what our own engine says as what is expected.
fn test_file(rules: &Rules, file: &str, tests: &[Test]) -> String {
    let mut out = format!("rule_files: [{file}]\nevaluation_interval: 1m\nfuzzy_compare: true\ntests:\n");
    let mut names: Vec<&str> =
        rules.names().filter(|(.., is_alert)| *is_alert).map(|(_, name, _)| name).collect();
    names.dedup();
    for test in tests {
        let moments: Vec<i64> = (0..=test.minutes).step_by(test.every).map(|m| m * MINUTE).collect();
        let setup = Setup { end_ms: test.minutes * MINUTE, moments: moments.clone(), ..Setup::default() };
        let given = test.series.iter().map(|(name, _, samples)| Series {
            labels: metric(name).expect("a series"),
            samples: samples.clone(),
        });
        let replay = Replay::run(rules, given.collect(), &setup);
        assert_eq!(replay.failures(), []);
        out.push_str("- interval: 1m\n  input_series:\n");
        for (name, values, _) in &test.series {
            let _ = writeln!(out, "  - {{series: {}, values: {}}}", quoted(name), quoted(values));
        }
        out.push_str("  alert_rule_test:\n");
        for t in &moments {
            for name in &names {
                let _ = writeln!(out, "  - eval_time: {}s\n    alertname: {name}\n    exp_alerts:", t / 1000);
                let firing =
                    replay.alerts_at(*t).iter().filter(|a| a.name == *name && a.state == State::Firing);
                for alert in firing {
                    let mut labels = alert.labels.clone();
                    labels.remove("alertname");
                    let (labels, annotations) = (flow(&labels), flow(&alert.annotations));
                    let _ = writeln!(out, "    - {{exp_labels: {labels}, exp_annotations: {annotations}}}");
                }
            }
        }
        out.push_str("  promql_expr_test:\n");
        for t in &moments {
            for expr in &test.asked {
                let Answer::Vector(found) = replay.query(expr, *t).expect("an answer") else {
                    panic!("{expr} is no vector");
                };
                let _ = writeln!(
                    out,
                    "  - expr: {}\n    eval_time: {}s\n    exp_samples:",
                    quoted(expr),
                    t / 1000
                );
                for (labels, value) in found {
                    let labels = quoted(&notation(&labels));
                    let _ = writeln!(out, "    - {{labels: {labels}, value: {}}}", number(value));
                }
            }
        }
    }
    out
}

fn promtool_agrees(rules: &[(&str, &str)], tests: &[Test]) {
    let Some(promtool) = programs::find("promtool") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let files: Vec<&str> = rules.iter().map(|(name, _)| *name).collect();
    for (name, text) in rules {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let read = Rules::read(rules).unwrap_or_else(|e| panic!("{e}"));
    let test = folder.path().join("test.yaml");
    std::fs::write(&test, test_file(&read, &files.join(", "), tests)).expect("written");
    let said = Command::new(promtool).args(["test", "rules"]).arg(&test).output().expect("it runs");
    let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    let start: String = text.chars().take(4000).collect();
    assert!(said.status.success(), "promtool finds something else:\n{start}");
}

/// Values minute by minute in promtool's notation, and as samples.
fn values(each: &[Option<f64>]) -> (String, Vec<(i64, f64)>) {
    let text = each
        .iter()
        .map(|v| v.map_or_else(|| "_".to_owned(), |v| v.to_string()))
        .collect::<Vec<_>>()
        .join(" ");
    let samples = each.iter().enumerate().filter_map(|(i, v)| Some((i as i64 * MINUTE, (*v)?)));
    (text, samples.collect())
}

fn given(name: &str, each: &[Option<f64>]) -> Given {
    let (text, samples) = values(each);
    (name.to_owned(), text, samples)
}

/// Every pair of these times, over series that come and go and rise and fall.
#[test]
fn generated_alerts_fire_when_promtool_says_so() {
    let mut rules = "groups:\n- name: g\n  labels: {team: t}\n  rules:\n  - {record: high, expr: x > 4, labels: {kind: high}}\n".to_owned();
    let holds = ["0s", "1m", "90s", "3m"];
    for (i, (hold, keep)) in holds.iter().flat_map(|h| ["0s", "1m", "150s", "5m"].map(|k| (h, k))).enumerate()
    {
        let _ = writeln!(
            rules,
            "  - {{alert: A{i}, expr: x > {}, for: {hold}, keep_firing_for: {keep}, labels: {{size: '{{{{ if gt $value 7.0 }}}}large{{{{ else }}}}small{{{{ end }}}}'}}, annotations: {{told: '{{{{ $labels.i }}}} is {{{{ $value | humanize }}}}'}}}}",
            i % 4 + 2
        );
    }
    rules.push_str(
        "  - {record: 'alerts:count', expr: 'count by (alertname) (ALERTS{alertstate=\"firing\"})'}\n",
    );
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // Now and then a minute without a sample.
    let value = prop_oneof![9 => (0i32..10).prop_map(|v| Some(f64::from(v))), 1 => Just(None)];
    let series = proptest::collection::vec(value, 30);
    let mut next = || series.new_tree(&mut runner).expect("a series").current();
    let tests: Vec<Test> = (0..12)
        .map(|_| Test {
            series: vec![given("x{i=\"1\"}", &next()), given("x{i=\"2\"}", &next())],
            minutes: 32,
            asked: ["ALERTS", "ALERTS_FOR_STATE", "high", "alerts:count"].map(str::to_owned).into(),
            every: 1,
        })
        .collect();
    promtool_agrees(&[("rules.yaml", &rules)], &tests);
}

/// The templates that rules in the wild are written with.
#[test]
fn templates_are_filled_in_as_promtool_fills_them_in() {
    let texts = [
        "{{ $labels.instance }} of {{ .Labels.job }} has {{ $value }}{{ $labels.none }}",
        "{{ $value | humanize }} {{ $value | humanize1024 }} {{ $value | humanizePercentage }} {{ $value | humanizeDuration }}",
        "{{ printf \"%.2f %5.1f %g %v %e\" $value $value $value $value $value }}",
        "{{ humanizeTimestamp 1435065584.128 }} {{ 1435065584 | toTime }}",
        "{{ with query \"sort_desc(x)\" }}{{ . | first | value | humanize }} {{ . | first | label \"job\" }}{{ else }}none{{ end }}",
        "{{ range query \"sum by (job) (x)\" | sortByLabel \"job\" }}{{ .Labels.job }}={{ .Value }} {{ end }}",
        "{{ range $i, $e := query \"sort_desc(x)\" }}{{ $i }}:{{ $e.Value }} {{ end }}",
        "{{ if eq $labels.job \"a\" }}A{{ else if eq $labels.job \"b\" }}B{{ else }}?{{ end }}",
        "{{ $x := 3 }}{{ if gt $value 2.0 }}{{ $x = 4 }}{{ end }}{{ $x }}",
        "{{ reReplaceAll \"(.*):(\\\\d+)\" \"$2-${1}\" $labels.instance }} {{ toUpper \"aB\" }} {{ toLower \"aB\" }} {{ title \"one two\" }}",
        "{{ match \"^w\" $labels.instance }} {{ stripPort $labels.instance }} {{ index $labels \"job\" }} {{ len $labels.job }}",
        "{{- /* nothing */ -}} a {{- \" b \" -}} c ",
        "{{ $labels }} {{ print 1 2 \"a\" 3 }} {{ and 1 0 }} {{ or 0 \"x\" }} {{ not true }}",
        "{{ tableLink \"x{a=\\\"b\\\"}\" }} {{ urlQueryEscape \"a b&c\" }} {{ now }} {{ parseDuration \"1h30m\" }}",
        "{{ with $labels.none }}x{{ else with $labels.job }}{{ . }}{{ end }}",
        "{{ query \"none\" | first | value }}",
        "100% {{ \"}\" }} {{ `raw \"text\"` }}",
        "{{ (query \"sort(x)\" | first).Labels.job }} {{ (index (query \"sort(x)\") 0).Value }}",
    ];
    let mut rules = "groups:\n- name: g\n  rules:\n".to_owned();
    for (i, text) in texts.iter().enumerate() {
        let _ = writeln!(rules, "  - {{alert: A{i}, expr: x, annotations: {{a: {}}}}}", quoted(text));
    }
    // Never two alike: of equal values either may come first.
    let x = |v: f64| {
        let each = [v, v * 1000.0, -v / 1e6, (v - 0.05).floor(), v * 1e15, v * f64::from(1u32 << 30)];
        each.map(Some).to_vec()
    };
    // The message of a template that fails names Go's own insides: what is compared is that both fail.
    let rules = rules.replace("{{ query \\\"none\\\" | first | value }}", "ok");
    let test = Test {
        series: vec![
            given("x{job=\"a\", instance=\"w:80\"}", &x(1.234_567)),
            given("x{job=\"b\", instance=\"h\"}", &x(0.05)),
        ],
        minutes: 6,
        asked: vec!["ALERTS".to_owned()],
        every: 1,
    };
    promtool_agrees(&[("rules.yaml", &rules)], &[test]);
}

/// The project's own rules, over a day with an incident in it.
#[test]
fn the_projects_rules_come_to_what_promtool_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("readable");
    let (orders, outbox) = (read("slo/rules/order-placement.yaml"), read("slo/rules/outbox.yaml"));
    let day = 26 * 60;
    let mut total = (0.0, 0.0);
    let counts: Vec<(f64, f64)> = (0..day)
        .map(|i| {
            let bad = if (600..660).contains(&i) { 0.08 } else { 0.0002 };
            let n = 600.0 + f64::from(i % 7);
            total.0 += (n * (1.0 - bad)).floor();
            total.1 += (n * bad).ceil();
            total
        })
        .collect();
    let labels = r#"service="order-service",method="POST",route="/orders""#;
    let name = "http_server_request_duration_seconds";
    let column = |f: &dyn Fn(&(f64, f64)) -> f64| counts.iter().map(|c| Some(f(c))).collect::<Vec<_>>();
    let good = column(&|c| c.0);
    let mut series = vec![
        given(&format!("{name}_count{{{labels},status=\"201\"}}"), &good),
        given(&format!("{name}_count{{{labels},status=\"503\"}}"), &column(&|c| c.1)),
    ];
    for (le, share) in [("0.25", 0.95), ("0.5", 0.99), ("1", 0.999), ("+Inf", 1.0)] {
        let bucket = column(&|c| (c.0 * share).floor());
        series.push(given(&format!("{name}_bucket{{{labels},status=\"201\",le=\"{le}\"}}"), &bucket));
    }
    let asked = ["{__name__=~\"slo:.*\"}", "ALERTS", "ALERTS_FOR_STATE"].map(str::to_owned);
    let test = Test { series, minutes: i64::from(day), asked: asked.into(), every: 37 };
    promtool_agrees(&[("orders.yaml", &orders), ("outbox.yaml", &outbox)], &[test]);
}

#[test]
fn what_promtool_refuses_is_refused_and_what_it_takes_is_taken() {
    let Some(promtool) = programs::find("promtool") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let rule = |fields: &str| format!("groups: [{{name: g, rules: [{{{fields}}}]}}]");
    let mut files = vec![
        "groups: [{name: g, rules: [], extra: 1}]".to_owned(),
        "groups: [{name: g}, {name: g}]".to_owned(),
        "groups: [{name: ''}]".to_owned(),
        "groups: [{name: g, interval: 1.5m}]".to_owned(),
        "groups: [{name: g, interval: 1m30s, limit: 5, query_offset: 1m, labels: {a: b}}]".to_owned(),
        "groups: [{name: g, labels: {'': b}}]".to_owned(),
        "other: 1".to_owned(),
        "groups: 5".to_owned(),
        String::new(),
    ];
    for fields in [
        "record: a, expr: b",
        "record: a:b, expr: 'sum(b) by (c)'",
        "record: a, expr: 5",
        "record: a, expr: ''",
        "record: '', expr: b",
        "record: 'a b', expr: b",
        "record: a, alert: b, expr: c",
        "record: a, expr: b, for: 5m",
        "record: a, expr: b, for: 0s",
        "record: a, expr: b, annotations: {c: d}",
        "record: a, expr: b, labels: {__name__: d}",
        "record: a, expr: b, labels: {c: '{{ broken'}",
        "record: a, expr: b, record: c",
        "record: a, expr: b, unknown: c",
        "alert: a, expr: b, for: 5, labels: {}",
        "alert: a, expr: b, for: 5m, keep_firing_for: 1h, labels: {c: 5}",
        "alert: a, expr: b, labels: {c: '{{ broken'}",
        "alert: a, expr: b, annotations: {c: '{{ $undefined }}'}",
        "alert: a, expr: b, annotations: {c: '{{ undefined }}'}",
        "alert: a, expr: b, annotations: {c: '{{ if }}'}",
        "alert: a, expr: b, annotations: {c: '{{ range $i, $x := query \"x\" }}{{ $i }}{{ end }}'}",
        "alert: a, expr: 'sum('",
        "alert: a, expr: b[5m]",
        "alert: a, expr: '\"text\"'",
        "expr: b",
    ] {
        files.push(rule(fields));
    }
    let mut differ = BTreeMap::new();
    for (i, text) in files.iter().enumerate() {
        let path = folder.path().join(format!("{i}.yaml"));
        std::fs::write(&path, text).expect("written");
        let theirs = Command::new(&promtool).args(["check", "rules", "--lint=none"]).arg(&path).output();
        let theirs = theirs.expect("it runs").status.success();
        let ours = Rules::read(&[("f", text)]);
        if ours.is_ok() != theirs {
            differ.insert(text.as_str(), format!("promtool takes it: {theirs}; we: {ours:?}"));
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}
