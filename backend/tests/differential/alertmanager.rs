//! The same configuration and the same alerts for a real Alertmanager and for ours, each with a receiver of webhooks: the
//! same lists, groups, silences, refusals and notifications.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::process::Command;

use super::programs::{self, Running};
use crate::harness::{TestBackend, until};
use crate::hook::Hook;

const CONFIG: &str = "
route:
  receiver: rest
  group_by: [service]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - {matchers: [severity=page], receiver: pages, continue: true}
    - {matchers: ['severity=~\"page|ticket\"'], receiver: each, group_by: ['...']}
    - {matchers: ['team!=\"\"', team!~\"x.*\"], receiver: nobody, routes: [{matchers: [team=a.b], receiver: some.body}]}
inhibit_rules:
  - {source_matchers: [alertname=Gone], target_matchers: [alertname!=Gone], equal: [service]}
receivers:
  - {name: rest, webhook_configs: [{url: 'HOOK/rest'}]}
  - {name: pages, webhook_configs: [{url: 'HOOK/pages', send_resolved: false, max_alerts: 1}]}
  - {name: each, webhook_configs: [{url: 'HOOK/each', send_resolved: false}, {url: 'HOOK/each-too'}]}
  - name: nobody
  - {name: some.body, webhook_configs: [{url: 'HOOK/somebody'}]}
";

/// A real one.
struct Alertmanager {
    url: String,
    _running: Running,
}

impl Alertmanager {
    async fn start(client: &Client, config: &str) -> Option<Self> {
        let program = programs::find("alertmanager")?;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("alertmanager.yaml");
        std::fs::write(&file, config).expect("writable");
        let [address] = programs::free();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--web.external-url=http://{address}"))
            .args(["--cluster.listen-address=", "--log.level=error"]);
        let running = Running::start(&mut command, folder);
        let url = format!("http://{address}");
        programs::ready(client, &format!("{url}/-/ready")).await;
        Some(Self { url, _running: running })
    }
}

/// A request: its method, its path, and the kind and text of its body.
type Case = (Method, &'static str, Option<(&'static str, String)>);

/// Both, each with its hook.
struct Both {
    real: Alertmanager,
    ours: TestBackend,
    hooks: [Hook; 2],
}

impl Both {
    async fn start() -> Option<Self> {
        let hooks = [Hook::listen().await, Hook::listen().await];
        let [real, own] = [0, 1].map(|i: usize| CONFIG.replace("HOOK", &hooks[i].url));
        let client = Client::builder().no_proxy().build().expect("a client");
        let real = Alertmanager::start(&client, &real).await?;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("alertmanager.yaml");
        std::fs::write(&file, own).expect("written");
        let ours = TestBackend::on(folder, |config| config.alertmanager_file = Some(file)).await;
        Some(Self { real, ours, hooks })
    }

    fn urls(&self) -> [&str; 2] {
        [&self.real.url, &self.ours.alertmanager]
    }

    /// What both answer: the status and the body, as JSON where it is.
    async fn ask(&self, method: Method, path: &str, body: Option<(&str, String)>) -> [(u16, Value); 2] {
        let mut answers = Vec::new();
        for url in self.urls() {
            let mut request = self.ours.client.request(method.clone(), format!("{url}{path}"));
            if let Some((kind, body)) = &body {
                request = request.header("content-type", *kind).body(body.clone());
            }
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let text = answer.text().await.expect("a body");
            answers.push((status, serde_json::from_str(&text).unwrap_or(Value::String(text))));
        }
        answers.try_into().expect("two")
    }

    async fn get(&self, path: &str) -> [Value; 2] {
        self.ask(Method::GET, path, None).await.map(|(status, answer)| {
            assert_eq!(status, 200, "{path}: {answer}");
            answer
        })
    }

    async fn post_alerts(&self, alerts: &Value) {
        let body = Some(("application/json", alerts.to_string()));
        for (status, answer) in self.ask(Method::POST, "/api/v2/alerts", body).await {
            assert_eq!(status, 200, "{answer}");
        }
    }
}

/// Seconds from now.
fn at(seconds: i64) -> String {
    (Timestamp::now() + SignedDuration::from_secs(seconds)).to_string()
}

fn alert(labels: &Value, starts: &str, ends: &str) -> Value {
    let name = labels["alertname"].as_str().unwrap_or_default();
    json!({
        "labels": labels, "startsAt": starts, "endsAt": ends, "generatorURL": "http://prometheus/graph?x=<y>",
        "annotations": {"summary": format!("{name} is wrong."), "runbook_url": "http://runbooks/"},
    })
}

/// Alerts for every branch of the tree. They start later, so that none is old enough for its group not to wait.
fn alerts(starts: &str, ends: &str) -> Value {
    let sets = [
        json!({"alertname": "Gone", "service": "a"}),
        json!({"alertname": "Slow", "service": "a", "severity": "page"}),
        json!({"alertname": "Slow", "service": "b", "severity": "page", "job": "j"}),
        json!({"alertname": "Wrong", "service": "b", "severity": "page", "empty": ""}),
        json!({"alertname": "Wrong", "service": "b", "severity": "ticket"}),
        json!({"alertname": "Odd", "service": "größe \"q\" \\ {}"}),
        json!({"alertname": "Odd", "team": "a.b"}),
        json!({"alertname": "Odd", "team": "c"}),
        json!({"alertname": "Odd", "team": "xyz"}),
        json!({"alertname": "Silent", "service": "s"}),
    ];
    sets.iter().map(|labels| alert(labels, starts, ends)).collect()
}

/// Without what is each one's own: when it was told, the ids and beginnings of silences.
fn without_own(mut answer: Value) -> Value {
    for item in answer.as_array_mut().into_iter().flatten() {
        strip(item);
        item.get_mut("alerts").and_then(Value::as_array_mut).into_iter().flatten().for_each(strip);
    }
    answer
}

fn strip(value: &mut Value) {
    let Some(object) = value.as_object_mut() else { return };
    object.remove("updatedAt");
    if object.remove("id").is_some() {
        // A silence begins when it was taken in.
        object.remove("startsAt");
    }
    if let Some(silences) = object.get_mut("status").and_then(|status| status.get_mut("silencedBy")) {
        *silences = json!(silences.as_array().map(Vec::len));
    }
}

/// What each receiver was told last of each alert of each group, with all that the group's message said of it.
fn told(hook: &Hook) -> BTreeMap<(String, String, String), Value> {
    let mut told = BTreeMap::new();
    for (receiver, message) in hook.told() {
        for alert in message["alerts"].as_array().expect("alerts") {
            let group = message["groupKey"].as_str().expect("a key").to_owned();
            let fingerprint = alert["fingerprint"].as_str().expect("a fingerprint").to_owned();
            told.insert((receiver.clone(), group, fingerprint), alert.clone());
        }
    }
    told
}

/// The last message of each group that has one alert: nothing of it depends on what came when.
fn lone(hook: &Hook) -> BTreeMap<(String, String), Value> {
    let lone = |(receiver, mut message): (String, Value)| {
        (message["alerts"].as_array().map(Vec::len) == Some(1) && message["truncatedAlerts"] == 0).then(
            || {
                message.as_object_mut().expect("an object").remove("externalURL").expect("an address");
                ((receiver, message["groupKey"].as_str().expect("a key").to_owned()), message)
            },
        )
    };
    hook.told().into_iter().filter_map(lone).collect()
}

fn silence(conditions: &Value) -> String {
    let (starts, ends) = (at(0), at(3600));
    json!({"matchers": conditions, "startsAt": starts, "endsAt": ends, "createdBy": "me", "comment": "why"})
        .to_string()
}

#[tokio::test]
async fn the_same_alerts_are_listed_grouped_held_back_and_told() {
    let Some(both) = Both::start().await else { return };
    let silent = silence(&json!([{"name": "alertname", "value": "Sil.*", "isRegex": true}]));
    for (status, answer) in
        both.ask(Method::POST, "/api/v2/silences", Some(("application/json", silent))).await
    {
        assert!(status == 200 && answer["silenceID"].is_string(), "{answer}");
    }
    let (starts, ends) = (at(600), at(7200));
    both.post_alerts(&alerts(&starts, &ends)).await;

    // The real one takes alerts in behind its answer.
    until("both have told everybody", || async {
        let [real, ours] = both.hooks.each_ref().map(told);
        let wanted = ["rest", "pages", "each", "each-too", "somebody"];
        wanted.iter().all(|name| real.keys().any(|(receiver, ..)| receiver == name)) && real == ours
    })
    .await;
    let [real, ours] = both.hooks.each_ref().map(lone);
    assert_eq!(real, ours);
    assert!(real.len() >= 4, "{real:?}");

    for path in [
        "/api/v2/alerts",
        "/api/v2/alerts?active=false",
        "/api/v2/alerts?silenced=false&inhibited=false",
        "/api/v2/alerts?inhibited=false&unprocessed=false",
        "/api/v2/alerts?filter=service%3Db&filter=alertname%3D~%22W.*%22",
        "/api/v2/alerts?filter=job%3D%22%22",
        "/api/v2/alerts?filter=job!%3D%22%22",
        "/api/v2/alerts?filter=%22service%22%3Da",
        "/api/v2/alerts?receiver=pag.*",
        "/api/v2/alerts?receiver=nothing",
        "/api/v2/alerts/groups",
        "/api/v2/alerts/groups?receiver=each&silenced=false",
        "/api/v2/alerts/groups?inhibited=false&muted=false",
        "/api/v2/alerts/groups?filter=alertname%3DOdd",
        "/api/v2/receivers",
        "/api/v2/silences",
        "/api/v2/silences?filter=alertname%3D~%22Sil.*%22",
        "/api/v2/silences?filter=alertname%3DSilent",
    ] {
        let [real, ours] = both.get(path).await.map(without_own);
        assert_eq!(real, ours, "{path}");
    }

    // The end: of each alert to those that want it, once.
    both.post_alerts(&alerts(&at(-10), &at(-1))).await;
    until("both have told the end", || async {
        let [real, ours] = both.hooks.each_ref().map(told);
        let ends = |told: &BTreeMap<_, Value>| told.values().filter(|a| a["status"] == "resolved").count();
        ends(&real) >= 7 && real.len() == ours.len() && ends(&real) == ends(&ours)
    })
    .await;
    let statuses = |hook: &Hook| -> BTreeMap<_, Value> {
        told(hook).into_iter().map(|(key, alert)| (key, json!([alert["status"], alert["endsAt"]]))).collect()
    };
    let [real, ours] = both.hooks.each_ref().map(statuses);
    assert_eq!(real, ours);
    let [real, ours] = both.get("/api/v2/alerts").await;
    assert_eq!((real, ours), (json!([]), json!([])));
}

#[tokio::test]
async fn silences_live_alike() {
    let Some(both) = Both::start().await else { return };
    let post = |body: Value| {
        both.ask(Method::POST, "/api/v2/silences", Some(("application/json", body.to_string())))
    };
    let one = |starts: i64, ends: i64, value: &str| {
        json!({
            "matchers": [{"name": "a", "value": value, "isRegex": false, "isEqual": true}, {"name": "b", "value": "x|y", "isRegex": true, "isEqual": false}],
            "startsAt": at(starts), "endsAt": at(ends), "createdBy": "me", "comment": "",
        })
    };
    let ids = |answers: [(u16, Value); 2]| {
        answers.map(|(status, answer)| {
            assert_eq!(status, 200, "{answer}");
            answer["silenceID"].as_str().expect("an id").to_owned()
        })
    };
    let active = ids(post(one(0, 3600, "1")).await);
    let pending = ids(post(one(1800, 3600, "2")).await);

    // A longer end keeps the id; another condition does not, and ends the old one.
    for (change, keeps) in [(one(0, 7200, "1"), true), (one(0, 7200, "3"), false)] {
        for (at, url) in both.urls().iter().enumerate() {
            let old: Value = both
                .ours
                .client
                .get(format!("{url}/api/v2/silence/{}", active[at]))
                .send()
                .await
                .expect("an answer")
                .json()
                .await
                .expect("JSON");
            let mut change = change.clone();
            change["id"] = json!(active[at]);
            change["startsAt"] = old["startsAt"].clone();
            let request = both.ours.client.post(format!("{url}/api/v2/silences"));
            let answer: Value =
                request.json(&change).send().await.expect("an answer").json().await.expect("JSON");
            assert_eq!(answer["silenceID"] == active[at].as_str(), keeps, "{url}: {answer}");
        }
    }
    for (at, url) in both.urls().iter().enumerate() {
        let delete = both.ours.client.delete(format!("{url}/api/v2/silence/{}", pending[at])).send().await;
        let answer = delete.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.text().await.expect("a body").as_str()), (200, ""));
    }
    let shape = |answer: Value| -> Vec<Value> {
        let states = answer.as_array().expect("a list").iter();
        states.map(|s| json!([s["status"], s["matchers"], s["comment"], s["createdBy"]])).collect()
    };
    let [mut real, mut ours] = both.get("/api/v2/silences").await.map(shape);
    // Two that ended at nearly the same time: which of them was later is each one's own.
    for list in [&mut real, &mut ours] {
        list.sort_by_key(ToString::to_string);
    }
    assert_eq!(real, ours);
    assert_eq!(real.len(), 3);
}

#[tokio::test]
async fn what_is_wrong_is_refused_alike() {
    let Some(both) = Both::start().await else { return };
    let json = "application/json";
    let unknown = "/api/v2/silence/00000000-0000-4000-8000-000000000000";
    let one = |change: fn(&mut Value)| {
        let mut silence: Value =
            serde_json::from_str(&silence(&json!([{"name": "a", "value": "1", "isRegex": false}])))
                .expect("JSON");
        change(&mut silence);
        silence.to_string()
    };
    let cases: Vec<Case> = vec![
        (Method::GET, "/api/v2/nothing", None),
        (Method::PUT, "/api/v2/receivers", None),
        (Method::GET, "/api/v2/alerts?filter=a", None),
        (Method::GET, "/api/v2/alerts?filter=%7Ba%3Db%7D", None),
        (Method::GET, "/api/v2/alerts/groups?filter=a%3D%22", None),
        (Method::GET, "/api/v2/silences?filter=a", None),
        (Method::GET, unknown, None),
        (Method::DELETE, unknown, None),
        (Method::GET, "/api/v2/silence/one", None),
        (Method::POST, "/api/v2/alerts", Some(("text/plain", "[]".to_owned()))),
        (Method::POST, "/api/v2/alerts", Some((json, "[{}]".to_owned()))),
        (Method::POST, "/api/v2/alerts", Some((json, "[{\"labels\":{}}]".to_owned()))),
        (Method::POST, "/api/v2/alerts", Some((json, "[{\"labels\":{\"a\":\"\"}}]".to_owned()))),
        (
            Method::POST,
            "/api/v2/alerts",
            Some((
                json,
                format!(
                    "[{{\"labels\":{{\"a\":\"1\"}},\"startsAt\":\"{}\",\"endsAt\":\"{}\"}}]",
                    at(0),
                    at(-9)
                ),
            )),
        ),
        (Method::POST, "/api/v2/silences", Some((json, "{}".to_owned()))),
        (Method::POST, "/api/v2/silences", Some((json, one(|s| s["matchers"] = json!([]))))),
        (Method::POST, "/api/v2/silences", Some((json, one(|s| s["matchers"][0]["value"] = json!(""))))),
        (Method::POST, "/api/v2/silences", Some((json, one(|s| s["matchers"][0]["name"] = json!(""))))),
        (Method::POST, "/api/v2/silences", Some((json, one(|s| s["endsAt"] = s["startsAt"].clone())))),
        (
            Method::POST,
            "/api/v2/silences",
            Some((json, one(|s| (s["startsAt"], s["endsAt"]) = (json!(at(-20)), json!(at(-10)))))),
        ),
        (
            Method::POST,
            "/api/v2/silences",
            Some((json, one(|s| s["id"] = json!("00000000-0000-4000-8000-000000000000")))),
        ),
    ];
    for (method, path, body) in cases {
        let [real, ours] = both.ask(method.clone(), path, body.clone()).await;
        assert_eq!(real, ours, "{method} {path} {body:?}");
    }
    // Of several methods that are allowed, the real one names now this one first and now that one.
    let [real, ours] = both.ask(Method::DELETE, "/api/v2/silences", None).await;
    assert_eq!((real.0, &real.1["code"]), (ours.0, &ours.1["code"]), "{} {}", real.1, ours.1);
    // The words of what cannot be read at all are a library's there.
    for body in ["{", "[1]", "[{\"labels\":{\"a\":1}}]", "[{\"labels\":{\"a\":\"1\"},\"startsAt\":\"soon\"}]"]
    {
        let [real, ours] = both.ask(Method::POST, "/api/v2/alerts", Some((json, body.to_owned()))).await;
        assert_eq!((real.0, &real.1["code"]), (ours.0, &ours.1["code"]), "{body}: {} {}", real.1, ours.1);
    }
}
