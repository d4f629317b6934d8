use super::super::alert::tests::at;
use super::super::silences::tests::silence;
use super::*;

const CONFIG: &str = "
global: {resolve_timeout: 1m}
route:
  receiver: screen
  group_by: [service]
  group_wait: 10s
  group_interval: 30s
  repeat_interval: 1h
  routes:
    - {matchers: [to=hook], receiver: hook}
    - {matchers: [to=both], receiver: both}
inhibit_rules:
  - {source_matchers: [alertname=Gone], target_matchers: [alertname!=Gone], equal: [service]}
receivers:
  - name: screen
  - {name: hook, webhook_configs: [{url: 'http://127.0.0.1:1/', send_resolved: false}]}
  - {name: both, webhook_configs: [{url: 'http://127.0.0.1:1/'}, {url: 'http://127.0.0.1:1/'}]}
";

fn core() -> Core {
    let config = Config::parse(CONFIG).expect("valid");
    Core::new(config, Silences::default(), Notified::default(), "http://here".to_owned(), at(0))
}

/// Posts an alert that fires until it says otherwise.
fn fire<const N: usize>(core: &mut Core, pairs: [(&str, &str); N], now: i64) {
    let one = Posted {
        labels: labels::of(pairs),
        starts_at: Some(at(now)),
        ends_at: Some(at(9999)),
        ..Posted::default()
    };
    core.post(vec![one], at(now)).expect("taken");
}

fn resolve<const N: usize>(core: &mut Core, pairs: [(&str, &str); N], now: i64) {
    let one = Posted {
        labels: labels::of(pairs),
        starts_at: Some(at(0)),
        ends_at: Some(at(now)),
        ..Posted::default()
    };
    core.post(vec![one], at(now)).expect("taken");
}

/// Takes all turns, every message being delivered; says to whom what went.
fn deliver(core: &mut Core, now: i64) -> Vec<String> {
    let mut said = Vec::new();
    for mut turn in core.take_turns(at(now)) {
        for sending in std::mem::take(&mut turn.sends) {
            let line = sending.message.as_ref().map_or("nothing".to_owned(), Message::line);
            said.push(format!("{}: {line}", sending.receiver));
            core.told(sending, at(now));
        }
        core.finish(&turn, true);
    }
    said
}

/// Takes all turns, nothing being delivered; says how many messages there would have been.
fn fail(core: &mut Core, now: i64) -> usize {
    let turns = core.take_turns(at(now));
    turns.iter().for_each(|turn| core.finish(turn, false));
    turns.iter().map(|turn| turn.sends.len()).sum()
}

#[test]
fn alerts_of_one_group_are_told_together_after_the_wait_and_what_joins_at_the_next_turn() {
    let mut core = core();
    fire(&mut core, [("alertname", "A"), ("service", "a")], 0);
    fire(&mut core, [("alertname", "B"), ("service", "a")], 5);
    fire(&mut core, [("alertname", "A"), ("service", "b")], 5);
    assert_eq!(core.next_turn(), at(10));
    assert!(deliver(&mut core, 9).is_empty());
    assert_eq!(deliver(&mut core, 10), ["screen: Alert firing A, B (2 alerts)"]);
    assert_eq!(deliver(&mut core, 15), ["screen: Alert firing A"]);
    assert!(deliver(&mut core, 40).is_empty(), "nothing new");
    fire(&mut core, [("alertname", "C"), ("service", "a")], 41);
    assert!(deliver(&mut core, 69).is_empty());
    assert_eq!(deliver(&mut core, 70), ["screen: Alert firing A, B, C (3 alerts)"]);
}

#[test]
fn what_goes_on_is_repeated_and_what_ends_is_told_once() {
    let mut core = core();
    fire(&mut core, [("alertname", "A")], 0);
    assert_eq!(deliver(&mut core, 10).len(), 1);
    for now in (40..3610).step_by(30) {
        assert!(deliver(&mut core, now).is_empty(), "{now}");
    }
    assert_eq!(deliver(&mut core, 3640), ["screen: Alert firing A"]);
    resolve(&mut core, [("alertname", "A")], 3645);
    assert_eq!(deliver(&mut core, 3670), ["screen: Alert resolved A"]);
    assert!(deliver(&mut core, 3700).is_empty());
    assert_eq!(core.groups.len(), 0, "a group without alerts is forgotten");
}

#[test]
fn an_alert_that_is_not_heard_of_again_is_over_after_the_timeout() {
    let mut core = core();
    core.post(vec![Posted { labels: labels::of([("alertname", "A")]), ..Posted::default() }], at(0))
        .expect("taken");
    assert_eq!(deliver(&mut core, 10), ["screen: Alert firing A"]);
    assert!(deliver(&mut core, 40).is_empty());
    assert_eq!(deliver(&mut core, 70), ["screen: Alert resolved A"]);
}

#[test]
fn what_began_and_ended_within_the_wait_is_not_told() {
    let mut core = core();
    fire(&mut core, [("alertname", "A")], 0);
    resolve(&mut core, [("alertname", "A")], 5);
    assert!(deliver(&mut core, 10).is_empty());
}

#[test]
fn where_ends_are_not_sent_they_are_remembered() {
    let mut core = core();
    let labels = [("alertname", "A"), ("to", "hook")];
    fire(&mut core, labels, 0);
    assert_eq!(deliver(&mut core, 10), ["hook: Alert firing A"]);
    resolve(&mut core, labels, 20);
    assert_eq!(deliver(&mut core, 40), ["hook: nothing"]);
    fire(&mut core, labels, 50);
    assert_eq!(deliver(&mut core, 70), ["hook: Alert firing A"], "it is news again");
}

#[test]
fn every_channel_of_a_receiver_is_told() {
    let mut core = core();
    fire(&mut core, [("alertname", "A"), ("to", "both")], 0);
    assert_eq!(deliver(&mut core, 10).len(), 2);
    assert!(deliver(&mut core, 40).is_empty());
}

#[test]
fn what_was_not_delivered_is_tried_again_at_the_next_turn() {
    let mut core = core();
    fire(&mut core, [("alertname", "A")], 0);
    assert_eq!(fail(&mut core, 10), 1);
    assert!(deliver(&mut core, 39).is_empty());
    resolve(&mut core, [("alertname", "A")], 39);
    assert_eq!(fail(&mut core, 40), 0, "nobody was told that it was there");
    fire(&mut core, [("alertname", "B")], 41);
    assert_eq!(fail(&mut core, 70), 1);
    assert_eq!(deliver(&mut core, 100).len(), 1);
    resolve(&mut core, [("alertname", "B")], 101);
    assert_eq!(fail(&mut core, 130), 1);
    assert_eq!(deliver(&mut core, 160).len(), 1, "its end is kept until it is told");
}

#[test]
fn what_is_explained_by_another_alert_is_held_back_until_that_is_over() {
    let mut core = core();
    fire(&mut core, [("alertname", "Slow"), ("service", "a")], 0);
    fire(&mut core, [("alertname", "Gone"), ("service", "a")], 5);
    fire(&mut core, [("alertname", "Slow"), ("service", "b")], 5);
    assert_eq!(deliver(&mut core, 15), ["screen: Alert firing Gone", "screen: Alert firing Slow"]);
    assert_eq!(core.counts.suppressed_by_inhibition, 1);
    assert_eq!(core.firing(at(15)), BTreeMap::from([("active", 2), ("suppressed", 1)]));
    resolve(&mut core, [("alertname", "Gone"), ("service", "a")], 20);
    assert_eq!(deliver(&mut core, 45), ["screen: Alert firing Slow (2 alerts)"]);
}

#[test]
fn a_silence_holds_back_and_its_end_lets_go() {
    let mut core = core();
    let id = core.silences.set(silence("alertname=A", 0, 60), || "s".to_owned(), at(0)).expect("taken");
    fire(&mut core, [("alertname", "A")], 0);
    assert!(deliver(&mut core, 10).is_empty());
    let why = core.held_back(&labels::of([("alertname", "A")]), at(10));
    assert_eq!((why.inhibited_by, why.silenced_by), (None, vec![id]));
    assert!(deliver(&mut core, 40).is_empty());
    assert_eq!(deliver(&mut core, 70), ["screen: Alert firing A"]);
    assert_eq!(core.counts.suppressed_by_silence, 2);
}

#[test]
fn after_a_restart_what_was_told_is_not_told_again() {
    let mut before = core();
    fire(&mut before, [("alertname", "A")], 0);
    assert_eq!(deliver(&mut before, 10).len(), 1);
    let mut after = core();
    after.notified = before.notified;
    fire(&mut after, [("alertname", "A")], 20);
    assert!(deliver(&mut after, 30).is_empty());
    resolve(&mut after, [("alertname", "A")], 40);
    assert_eq!(deliver(&mut after, 60), ["screen: Alert resolved A"]);
}

#[test]
fn another_configuration_groups_anew_and_repeats_nothing() {
    let mut core = core();
    fire(&mut core, [("alertname", "A")], 0);
    let turn = core.take_turns(at(10)).pop().expect("a turn");
    core.reconfigure(Config::parse(&CONFIG.replace("10s", "0s")).expect("valid"), at(11));
    core.finish(&turn, true);
    assert_eq!(deliver(&mut core, 12), ["screen: Alert firing A"], "what was under way was not told");
    core.reconfigure(Config::parse(CONFIG).expect("valid"), at(13));
    assert!(deliver(&mut core, 40).is_empty());
}

#[test]
fn what_is_wrong_is_told_and_the_rest_is_taken() {
    let mut core = core();
    let good = Posted { labels: labels::of([("alertname", "A")]), ..Posted::default() };
    let told = core.post(vec![Posted::default(), good], at(0)).expect_err("one is wrong");
    assert_eq!(told, PostError::Wrong("at least one label pair required".to_owned()));
    assert_eq!((core.alerts.iter().count(), core.counts.invalid), (1, 1));
}

#[test]
fn alerts_that_are_over_make_room() {
    let mut core = core();
    let many = |from: usize, ends: i64| -> Vec<Posted> {
        let one = |i: usize| Posted {
            labels: labels::of([("alertname", "A"), ("i", i.to_string().as_str())]),
            starts_at: Some(at(0)),
            ends_at: Some(at(ends)),
            ..Posted::default()
        };
        (from..from + super::super::alerts::MAX_ALERTS).map(one).collect()
    };
    core.post(many(0, 50), at(0)).expect("room");
    let more = vec![many(1_000_000, 50).remove(0)];
    assert_eq!(core.post(more.clone(), at(10)), Err(PostError::NoRoom(1)));
    assert_eq!(core.counts.limited, 1);
    core.post(vec![Posted { ends_at: Some(at(99)), ..more[0].clone() }], at(50)).expect("room again");
    assert_eq!(core.alerts.iter().count(), 1);
}

#[test]
fn the_page_of_metrics_has_alertmanagers_names() {
    let mut core = core();
    fire(&mut core, [("alertname", "A")], 0);
    deliver(&mut core, 10);
    let page = super::super::counts::render(&core, at(10));
    for line in [
        "alertmanager_alerts{state=\"active\"} 1",
        "alertmanager_alerts_received_total{status=\"firing\",version=\"v2\"} 1",
        "alertmanager_notifications_total{integration=\"webhook\"} 0",
        "alertmanager_notifications_failed_total{integration=\"webhook\",reason=\"serverError\"} 0",
        "alertmanager_notification_latency_seconds_bucket{integration=\"webhook\",le=\"+Inf\"} 0",
        "alertmanager_dispatcher_aggregation_groups 1",
        "alertmanager_integrations 4",
        "alertmanager_inhibition_rules 1",
        "alertmanager_config_last_reload_successful 1",
    ] {
        assert!(page.lines().any(|l| l == line), "{line} in {page}");
    }
}
