use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Active, Alerts, Data, Externals, Found, State, annotations_of, labels_of};
use crate::labels::Labels;
use crate::rules::definition::Rule;
use crate::rules::file;

fn rule(fields: &str) -> Rule {
    let text = format!("groups: [{{name: g, rules: [{{alert: A, expr: x, {fields}}}]}}]");
    file::read("f", &text).unwrap_or_else(|e| panic!("{e:?}: {text}")).remove(0).rules.remove(0)
}

/// What the one alert is after each minute, at which the query holds or not.
fn states(rule: &Rule, holds: &[bool]) -> Vec<Option<State>> {
    let alert = rule.alert().expect("an alert");
    let mut alerts = Alerts::default();
    let mut states = Vec::new();
    for (i, holds) in holds.iter().enumerate() {
        let ts = i as i64 * 60_000;
        let labels = Labels::new([("alertname", "A")]);
        let found = Found { value: 1.0, labels: Labels::default(), at_ms: ts, annotations: None };
        let found = BTreeMap::from_iter(holds.then_some((labels, found)));
        alerts.advance(rule, alert, ts, found, 0).expect("within the limit");
        let active = alerts.active().next().map(|active| active.state);
        states.push(active);
    }
    states
}

/// `.` is inactive, `p` pending, `f` firing.
fn drawn(rule: &Rule, holds: &str) -> String {
    let holds: Vec<bool> = holds.chars().map(|c| c == '1').collect();
    let draw = |state: &Option<State>| match state {
        None | Some(State::Inactive) => '.',
        Some(State::Pending) => 'p',
        Some(State::Firing) => 'f',
    };
    states(rule, &holds).iter().map(draw).collect()
}

#[test]
fn an_alert_is_pending_until_it_has_held_and_over_when_it_does_not() {
    assert_eq!(drawn(&rule("labels: {}"), "0110"), ".ff.");
    assert_eq!(drawn(&rule("for: 2m"), "011011110"), ".pp.ppff.");
    assert_eq!(drawn(&rule("for: 90s"), "11111"), "ppfff");
}

#[test]
fn it_keeps_firing_only_once_it_has_fired_and_as_long_as_the_rule_asks() {
    assert_eq!(drawn(&rule("keep_firing_for: 2m"), "1000"), "fff.");
    assert_eq!(drawn(&rule("keep_firing_for: 2m"), "101000"), "fffff.");
    assert_eq!(drawn(&rule("{for: 1m, keep_firing_for: 1m}".trim_matches(['{', '}'])), "10110"), "p.pff");
}

#[test]
fn one_that_is_over_is_told_of_for_a_quarter_of_an_hour() {
    let rule = rule("labels: {}");
    let alert = rule.alert().expect("an alert");
    let mut alerts = Alerts::default();
    let found = |at_ms| Found { value: 1.0, labels: Labels::default(), at_ms, annotations: None };
    let one = Labels::new([("alertname", "A")]);
    alerts.advance(&rule, alert, 0, BTreeMap::from([(one, found(0))]), 0).expect("no limit");
    let minute = 60_000;
    for ts in 1..=16 {
        alerts.advance(&rule, alert, ts * minute, BTreeMap::new(), 0).expect("no limit");
        assert_eq!(alerts.active().count(), 0);
        let kept: Vec<&mut Active> = alerts.all_mut().collect();
        assert_eq!((kept.len(), kept[0].resolved_at_ms), (1, Some(minute)), "{ts}");
    }
    alerts.advance(&rule, alert, 17 * minute, BTreeMap::new(), 0).expect("no limit");
    assert!(alerts.is_empty());
}

#[test]
fn receivers_hear_of_it_when_it_fires_each_minute_and_when_it_is_over() {
    let rule = rule("for: 1m");
    let alert = rule.alert().expect("an alert");
    let mut alerts = Alerts::default();
    let one = Labels::new([("alertname", "A")]);
    let mut sent = Vec::new();
    for ts in (0..=300_000).step_by(15_000) {
        let found = Found { value: 1.0, labels: Labels::default(), at_ms: ts, annotations: None };
        let found = BTreeMap::from_iter((ts < 200_000).then(|| (one.clone(), found)));
        alerts.advance(&rule, alert, ts, found, 0).expect("no limit");
        for active in alerts.all_mut() {
            if active.needs_sending(ts, 60_000) {
                active.last_sent_ms = Some(ts);
                sent.push((ts / 1000, active.state));
            }
        }
    }
    let expected =
        [(60, State::Firing), (135, State::Firing), (210, State::Inactive), (285, State::Inactive)];
    assert_eq!(sent, expected);
}

#[test]
fn more_alerts_than_the_limit_are_an_error_and_forgotten() {
    let rule = rule("labels: {}");
    let mut alerts = Alerts::default();
    let found = |n: usize| {
        let one = |i: usize| {
            let labels = Labels::new([("i", i.to_string().as_str())]);
            (labels.clone(), Found { value: 1.0, labels, at_ms: 0, annotations: None })
        };
        (0..n).map(one).collect::<BTreeMap<_, _>>()
    };
    let alert = rule.alert().expect("an alert");
    assert_eq!(alerts.advance(&rule, alert, 0, found(2), 2), Ok(()));
    let error = alerts.advance(&rule, alert, 60_000, found(3), 2);
    assert_eq!(error, Err("exceeded limit of 2 with 3 alerts".to_owned()));
    assert!(alerts.is_empty());
}

/// A text as an annotation of an alert with these labels, and the value 0.1234.
fn expand(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("JSON");
    let rule = rule(&format!("annotations: {{a: {quoted}}}"));
    let labels = Labels::new([("__name__", "up"), ("instance", "web:80"), ("job", "it's")]);
    let externals = Externals { labels: Labels::new([("cluster", "one")]), url: "http://h:1/p".to_owned() };
    let ask = |query: &str, t: i64| match query {
        "none" => Ok(Vec::new()),
        "bad" => Err("no such thing".to_owned()),
        _ => Ok(vec![
            (Labels::new([("q", query), ("n", "2")]), 2.5),
            (Labels::new([("q", query), ("n", "1")]), t as f64),
        ]),
    };
    let data = Data { labels: &labels, value: 0.1234, at_ms: 60_000, externals: &externals, ask: &ask };
    let annotations = annotations_of(&rule, &data);
    annotations.first().map(|(_, text)| text.clone()).unwrap_or_default()
}

#[test]
fn templates_see_labels_value_and_what_is_outside() {
    for (text, expected) in [
        ("{{ $labels.instance }} of {{ .Labels.job }}: {{ $value }}", "web:80 of it's: 0.1234"),
        ("{{ $labels.missing }}|{{ $externalLabels.cluster }}|{{ $externalURL }}", "|one|http://h:1/p"),
        ("{{ $value | humanizePercentage }} {{ printf \"%.1f\" .Value }}", "12.34% 0.1"),
        ("{{ externalURL }}{{ pathPrefix }} {{ now }}", "http://h:1/p/p 60"),
        (
            "{{ $labels.instance | toUpper }} {{ reReplaceAll \"(.*):.*\" \"$1\" $labels.instance }}",
            "WEB:80 web",
        ),
        ("{{ if match \"web.*\" $labels.instance }}y{{ else }}n{{ end }}", "y"),
        ("{{ stripPort $labels.instance }} {{ title \"a b\" }}", "web A B"),
        ("{{ index $labels \"job\" }} {{ len $labels.job }}", "it's 4"),
        ("{{ 1234567 | humanize }} {{ \"1048576\" | humanize1024 }}", "1.235M 1Mi"),
        ("{{ parseDuration \"1m30s\" }}", "90"),
        ("{{ tableLink \"a b\" }}", "/graph?g0.expr=a+b&g0.tab=1"),
    ] {
        assert_eq!(expand(text), expected, "{text}");
    }
}

#[test]
fn templates_ask_queries_and_go_round_their_answers() {
    for (text, expected) in [
        ("{{ with query \"x\" }}{{ . | first | value | humanize }}{{ else }}-{{ end }}", "2.5"),
        ("{{ with query \"none\" }}{{ . | first | value }}{{ else }}nothing{{ end }}", "nothing"),
        (
            "{{ with printf `a{i=\"%s\"}` $labels.instance | query }}{{ . | first | label \"q\" }}{{ end }}",
            "a{i=\"web:80\"}",
        ),
        (
            "{{ range query \"x\" | sortByLabel \"n\" }}[{{ .Labels.n }}={{ .Value }}]{{ end }}",
            "[1=60000][2=2.5]",
        ),
        ("{{ range $i, $s := query \"x\" }}{{ $i }}:{{ $s.Labels.n }} {{ end }}", "0:2 1:1 "),
        ("{{ range query \"none\" }}x{{ else }}empty{{ end }}", "empty"),
        ("{{ $n := 0 }}{{ range query \"x\" }}{{ $n = .Value }}{{ end }}{{ $n }}", "60000"),
        ("{{ (query \"x\" | first).Labels.n }}", "2"),
        ("{{ with $labels.missing }}a{{ else with $labels.job }}{{ . }}{{ end }}", "it's"),
        ("{{ with $x := 5 }}{{ $x }}{{ $.Value }}{{ end }}", "50.1234"),
    ] {
        assert_eq!(expand(text), expected, "{text}");
    }
}

#[test]
fn a_template_that_fails_says_so_in_its_place() {
    for text in [
        "{{ query \"bad\" }}",
        "{{ query \"none\" | first }}",
        "{{ .Nothing }}",
        "{{ $labels.job.more }}",
        "{{ query \"x\" }}",
        "{{ humanize \"many\" }}",
    ] {
        let made = expand(text);
        assert!(
            made.starts_with("<error expanding template: error executing template __alert_A: "),
            "{text}: {made}"
        );
    }
}

#[test]
fn a_templated_label_is_part_of_the_alert() {
    let rule = rule("labels: {severity: '{{ if gt $value 0.5 }}page{{ else }}ticket{{ end }}', job: ''}");
    let row = Labels::new([("__name__", "x"), ("job", "j"), ("a", "b")]);
    let ask = |_: &str, _: i64| Ok(Vec::new());
    let externals = Externals::default();
    let data = Data { labels: &row, value: 0.7, at_ms: 0, externals: &externals, ask: &ask };
    let labels = labels_of(&rule, &data);
    assert_eq!(labels, Labels::new([("a", "b"), ("alertname", "A"), ("severity", "page")]));
}

proptest! {
    /// What fires has held, or is kept; what has held for long enough fires.
    #[test]
    fn an_alert_fires_if_and_only_if_it_held_for_long_enough_or_is_kept(
        holds in proptest::collection::vec(any::<bool>(), 1..40),
        wait in 0usize..5,
        keep in 0usize..5,
    ) {
        let rule = rule(&format!("for: {wait}m, keep_firing_for: {keep}m"));
        let states = states(&rule, &holds);
        for i in 0..holds.len() {
            let fires = states[i] == Some(State::Firing);
            let held = i >= wait && holds[i - wait..=i].iter().all(|h| *h);
            if held {
                prop_assert!(fires, "it held at {i}: {states:?}");
            }
            if fires && !held {
                // It has fired before, and since then there was no gap that is longer than what it is kept for.
                prop_assert!(i > 0 && states[i - 1] == Some(State::Firing), "at {i}: {states:?}");
                let gap = holds[..=i].iter().rev().take_while(|h| !**h).count();
                prop_assert!(gap <= keep, "at {i}: {states:?}");
            }
            prop_assert!(!holds[i] || states[i].is_some());
        }
    }
}
