//! Rules from their files to their samples, over virtual time.

use super::file;
use super::offline::{Answer, Pairs, Replay, Rules, Series, Setup, State, Step, end_marker, metric};

/// A series with a value each minute; `-` is none, `s` its end.
fn series(name: &str, values: &str) -> Series {
    let labels = metric(name).unwrap_or_else(|e| panic!("{e}"));
    let each = values.split_whitespace().enumerate().filter_map(|(i, v)| {
        let value = match v {
            "-" => return None,
            "s" => end_marker(),
            v => v.parse().expect("a number"),
        };
        Some((i as i64 * 60_000, value))
    });
    Series { labels, samples: each.collect() }
}

fn rules(text: &str) -> Rules {
    let text = format!("groups: [{{name: g, rules: [{text}]}}]");
    Rules::read(&[("f.yaml", &text)]).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn minutes(n: i64) -> Setup {
    Setup { end_ms: n * 60_000, ..Setup::default() }
}

/// The values of an expression at each minute, `-` where there are none.
fn values(replay: &Replay, expr: &str, n: i64) -> String {
    let at = |i: i64| match replay.query(expr, i * 60_000).expect("an answer") {
        Answer::Vector(found) if found.is_empty() => "-".to_owned(),
        Answer::Vector(found) => found.iter().map(|(_, v)| v.to_string()).collect::<Vec<_>>().join("+"),
        other => format!("{other:?}"),
    };
    (0..=n).map(at).collect::<Vec<_>>().join(" ")
}

/// Rules that are evaluated as wholes, and the same with one more that forces them to be evaluated step by step.
fn both(text: &str) -> [Rules; 2] {
    [rules(text), rules(&format!("{text}, {{record: again, expr: again}}"))]
}

#[test]
fn a_rule_records_what_its_query_answers_under_its_labels() {
    for rules in both("{record: 'a:b', expr: sum by (i) (x), labels: {l: '{{ no }}', i: ''}}") {
        let replay = Replay::run(&rules, vec![series(r#"x{i="1"}"#, "1 2 s 4")], &minutes(4));
        assert_eq!(replay.failures(), []);
        assert_eq!(values(&replay, r#"{__name__="a:b",l="{{ no }}",i=""}"#, 4), "1 2 - 4 4");
    }
}

#[test]
fn what_is_recorded_no_more_ends_at_once() {
    for rules in both("{record: high, expr: x > 5}") {
        let replay = Replay::run(&rules, vec![series("x", "9 1 8 s - 7")], &minutes(5));
        assert_eq!(values(&replay, "high", 5), "9 - 8 - - 7");
        let ends = replay.query("count_over_time(high[1h])", 300_000);
        assert_eq!(ends, Ok(Answer::Vector(vec![(Pairs::new(), 3.0)])));
    }
}

#[test]
fn a_rule_sees_what_an_earlier_one_has_made_at_the_same_moment() {
    for rules in both("{record: a, expr: x * 2}, {record: b, expr: a + 1}") {
        let replay = Replay::run(&rules, vec![series("x", "1 2 3")], &minutes(2));
        assert_eq!(values(&replay, "b", 2), "3 5 7");
    }
}

#[test]
fn what_a_later_rule_makes_is_seen_at_the_next_moment() {
    let rules = rules("{record: total, expr: last + x}, {record: last, expr: total or x}");
    let replay = Replay::run(&rules, vec![series("x", "1 1 1 1 1")], &minutes(4));
    assert_eq!(values(&replay, "last", 4), "1 2 3 4 5");
}

#[test]
fn two_of_the_same_labels_fail_that_moment_alone() {
    for rules in both("{record: a, expr: x, labels: {i: z}}, {record: b, expr: 'count({i=\"z\"})'}") {
        let given = vec![series(r#"x{i="1"}"#, "1 1 1 1"), series(r#"x{i="2"}"#, "- 1 s -")];
        let replay = Replay::run(&rules, given, &minutes(3));
        let failed: Vec<_> =
            replay.failures().iter().map(|f| (f.rule.as_str(), f.at_ms, f.what.as_str())).collect();
        let what = "vector contains metrics with the same labelset after applying rule labels";
        assert_eq!(failed, [("a", 60_000, what)]);
        assert_eq!(values(&replay, "a", 3), "1 1 1 1", "the last value is still there");
    }
}

#[test]
fn more_series_than_the_limit_are_an_error() {
    let text = "groups: [{name: g, limit: 1, rules: [{record: a, expr: x}, {alert: A, expr: x}]}]";
    let rules = Rules::read(&[("f", text)]).expect("valid");
    let given = vec![series(r#"x{i="1"}"#, "1 1"), series(r#"x{i="2"}"#, "- 1")];
    let replay = Replay::run(&rules, given, &minutes(1));
    let failed: Vec<_> = replay.failures().iter().map(|f| (f.at_ms, f.what.as_str())).collect();
    assert_eq!(
        failed,
        [(60_000, "exceeded limit of 1 with 2 series"), (60_000, "exceeded limit of 1 with 2 alerts")]
    );
}

#[test]
fn a_query_that_fails_now_and_then_succeeds_in_between() {
    let rules = rules("{record: a, expr: x * on () y}");
    let given = vec![series("x", "2 2 2"), series(r#"y{i="1"}"#, "1 1 1"), series(r#"y{i="2"}"#, "- 1 s")];
    let replay = Replay::run(&rules, given, &minutes(2));
    assert_eq!(replay.failures().len(), 1);
    assert!(replay.failures()[0].what.contains("found duplicate series"), "{:?}", replay.failures());
    assert_eq!(values(&replay, "a", 2), "2 2 2");
}

#[test]
fn alerts_are_series_with_a_state_and_a_beginning() {
    for rules in both("{alert: Down, expr: up == 0, for: 1m, labels: {severity: page}}") {
        let replay = Replay::run(&rules, vec![series(r#"up{job="a"}"#, "1 0 0 0 1")], &minutes(5));
        let state = |s: &str| values(&replay, &format!(r#"ALERTS{{alertstate="{s}",severity="page"}}"#), 5);
        assert_eq!((state("pending"), state("firing")), ("- 1 - - - -".to_owned(), "- - 1 1 - -".to_owned()));
        assert_eq!(values(&replay, r#"ALERTS_FOR_STATE{job="a"}"#, 5), "- 60 60 60 - -");
        let stretches: Vec<_> = replay.stretches().iter().map(|s| (s.state, s.from_ms, s.until_ms)).collect();
        let expected = [(State::Pending, 60_000, Some(120_000)), (State::Firing, 120_000, Some(240_000))];
        assert_eq!(stretches, expected);
        assert_eq!(
            replay.stretches()[0].labels,
            metric(r#"{alertname="Down",job="a",severity="page"}"#).expect("labels")
        );
    }
}

#[test]
fn alerts_at_a_moment_have_their_annotations() {
    let text = "{record: twice, expr: x * 2}, {alert: A, expr: x > 1, annotations: {a: '{{ $value }} {{ with query \"twice\" }}{{ . | first | value }}{{ end }} {{ with query \"later\" }}{{ . | first | value }}{{ else }}-{{ end }}'}}, {record: later, expr: x}";
    for rules in both(text) {
        let setup = Setup { moments: vec![59_999, 60_000, 185_000], ..minutes(5) };
        let replay = Replay::run(&rules, vec![series("x", "1 2 3 4 5 6")], &setup);
        assert_eq!(replay.alerts_at(59_999), []);
        let told = |t| replay.alerts_at(t).iter().map(|a| a.annotations["a"].clone()).collect::<Vec<_>>();
        assert_eq!((told(60_000), told(185_000)), (vec!["2 4 1".to_owned()], vec!["4 8 3".to_owned()]));
    }
}

#[test]
fn groups_have_intervals_of_their_own_and_look_back_where_they_are_told_to() {
    let text = "groups: [{name: slow, interval: 2m, rules: [{record: a, expr: x}]}, {name: late, query_offset: 1m, rules: [{record: b, expr: x}]}]";
    let rules = Rules::read(&[("f", text)]).expect("valid");
    let setup = Setup { step: Step::Own(60_000), ..minutes(4) };
    let replay = Replay::run(&rules, vec![series("x", "1 2 3 4 5")], &setup);
    assert_eq!(values(&replay, "count_over_time(a[1h])", 4), "1 1 2 2 3");
    assert_eq!(values(&replay, "b", 4), "1 2 3 4 4", "what it records, it records a minute late");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line() {
    for (text, line, what) in [
        ("groups:\n- name: g\n  rule: []\n", 3, "groups[0].rule: is not known here"),
        ("group: []\n", 1, "group: is not known here"),
        ("groups:\n- rules: []\n", 2, "Groupname must not be empty"),
        ("groups:\n- name: g\n- name: g\n", 3, "is repeated in the same file"),
        ("groups:\n- name: g\n  interval: soon\n", 3, "not a valid duration"),
        ("groups:\n- name: g\n  limit: x\n", 3, "expected a whole number"),
        ("groups:\n- name: g\n  rules:\n  - expr: x\n", 4, "one of 'record' or 'alert' must be set"),
        ("groups:\n- name: g\n  rules:\n  - record: a\n    alert: b\n    expr: x\n", 4, "only one of"),
        ("groups:\n- name: g\n  rules:\n  - record: a\n", 4, "field 'expr' must be set"),
        ("groups:\n- name: g\n  rules:\n  - record: a\n    expr: sum(\n", 5, "could not parse expression"),
        ("groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n    for: 1m\n", 4, "invalid field 'for'"),
        ("groups:\n- name: g\n  rules:\n  - record: 'a{b=\"c\"}'\n    expr: x\n", 4, "braces present"),
        ("groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n    expr: y\n", 6, "stands here twice"),
        ("groups:\n- name: g\n  labels: {__name__: x}\n", 3, "invalid label name"),
        (
            "groups:\n- name: g\n  rules:\n  - alert: a\n    expr: x\n    labels:\n      b: '{{ $x }}'\n",
            7,
            "undefined variable",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - alert: a\n    expr: x\n    annotations:\n      b: '{{ nope }}'\n",
            7,
            "function \"nope\" not defined",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - alert: a\n    expr: x\n    annotations:\n      b: '{{ define \"x\" }}{{ end }}'\n",
            7,
            "not supported yet",
        ),
        ("groups:\n- name: g\n  rules: &a []\n", 3, "anchor"),
        ("groups: [\n", 2, "not YAML"),
        ("groups: []\n---\ngroups: []\n", 3, "second document"),
        ("groups:\n- name: g\n  rules: x\n", 3, "expected a list"),
    ] {
        let wrong = file::read("f", text).expect_err(text);
        let told = format!("{}: {}", wrong.key, wrong.message);
        assert!(wrong.line == line && told.contains(what), "{text}{wrong:?}");
    }
    for good in ["", "# nothing\n", "groups:\n", "groups: []\n", "groups: [{name: g, rules: , labels: ~}]\n"]
    {
        assert!(file::read("f", good).is_ok(), "{good}");
    }
}

#[test]
fn the_rules_of_this_project_are_read() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for entry in std::fs::read_dir(root.join("slo/rules")).expect("a folder").flatten() {
        let path = entry.path();
        let text = std::fs::read_to_string(&path).expect("readable");
        let groups = file::read("f", &text).unwrap_or_else(|e| panic!("{}: {e:?}", path.display()));
        count += groups.iter().map(|g| g.rules.len()).sum::<usize>();
    }
    assert!(count > 500, "{count} rules");
}
