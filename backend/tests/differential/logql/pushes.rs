//! What is taken of a push, and what is said of the rest: the same pushes into a real Loki and into ours.

use reqwest::Client;
use serde_json::{Value, json};

use crate::differential::loki::Loki;
use crate::harness::{TestBackend, now_ns, until};

/// Streams, each with its labels and entries; one second past the epoch stands for "now" and so on.
fn pushes(now_s: u64) -> Vec<Value> {
    let at = |offset: i64| format!("{}000000000", now_s.saturating_add_signed(offset));
    let now = at(0);
    let many = |n: usize| -> Value {
        (0..n).map(|i| (format!("l{i:02}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
    };
    let one = |stream: Value, line: &str| json!([{"stream": stream, "values": [[now, line]]}]);
    let entry = |entry: Value| json!([{"stream": {"a": "b"}, "values": [entry]}]);
    let mut named = many(15);
    named["service_name"] = json!("named");
    vec![
        json!([]),
        json!(null),
        json!([{"stream": {"a": "b"}}]),
        json!([{"stream": {"a": "b"}, "values": []}]),
        json!([{"stream": {"a": "b"}, "values": null}]),
        json!([{"stream": {"a": "b"}, "values": [null]}]),
        json!([{"values": [[now, "no labels"]]}]),
        one(json!({}), "empty labels"),
        one(json!({"a": ""}), "an empty value"),
        one(json!({"a": 5, "b": true, "c": 1.5}), "no texts"),
        one(json!({"a.b": "c"}), "no name"),
        one(json!({"": "c"}), "an empty name"),
        one(json!({"9": "c"}), "a digit"),
        one(many(15), "fifteen"),
        one(named, "fifteen and the service"),
        one(many(16), "sixteen"),
        one(json!({"a": "v".repeat(2048)}), "long"),
        one(json!({"a": "v".repeat(2049)}), "too long"),
        one(json!({"n".repeat(1024): "v"}), "a long name"),
        one(json!({"n".repeat(1025): "v"}), "too long a name"),
        one(json!({"a": "b"}), &"x".repeat(256 << 10)),
        one(json!({"a": "b"}), &"x".repeat((256 << 10) + 1)),
        // In a stream of its own: Loki refuses what is an hour behind the latest of its stream.
        json!([{"stream": {"a": "old"}, "values": [[at(-86_000), "old"]]}]),
        entry(json!([at(-87_000), "too old"])),
        entry(json!([at(590), "soon"])),
        entry(json!([at(700), "too soon"])),
        entry(json!(["1", "the seventies"])),
        entry(json!([now])),
        entry(json!([now_s, "a number for a time"])),
        entry(json!(["now", "a word for a time"])),
        entry(json!([now, 5])),
        entry(json!([now, "metadata", null])),
        entry(json!([now, "metadata", {"k": 5}])),
        entry(json!([now, "metadata", []])),
        entry(json!([now, "order", {"a.b": "1", "a-b": "2", "a_b": "3", "z": "9", "a": "0"}])),
        entry(json!([now, "order the other way", {"a_b": "3", "a-b": "2", "a.b": "1"}])),
        entry(json!([now, "empty", {"a.b": "", "a_b": "3", "c": ""}])),
        entry(json!([now, "bad \u{fffd}", {"a": "b\u{fffd}c"}])),
        entry(json!([now, "128", many(128)])),
        entry(json!([now, "129", many(129)])),
        entry(json!([now, "large", {"k": "v".repeat(500 << 10)}])),
        entry(json!([now, "too large", {"k": "v".repeat(513 << 10)}])),
        json!([{"stream": {"a": "c"}, "values": [[at(-87_000), "x"], [now, "taken"], [at(-87_000), "y"]]},
               {"stream": {"a": "d"}, "values": [[now, "taken, too"]]}]),
        json!([{"stream": many(16), "values": [[now, "x"], [now, "y"]]}, {"stream": {"a": "e"}, "values": [[now, "beside"]]}]),
    ]
}

async fn push(client: &Client, base: &str, body: String) -> (u16, String) {
    let request = client.post(format!("{base}/loki/api/v1/push")).header("content-type", "application/json");
    let answer = request.body(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

/// What is there of the last hour, in order: of what is older, Loki does not ask who has it in memory.
async fn stored(client: &Client, base: &str, now_s: u64) -> Vec<String> {
    let (start, end) = ((now_s - 3600).to_string(), (now_s + 1000).to_string());
    let query = [("query", r#"{service_name=~".+"}"#), ("limit", "5000"), ("start", &start), ("end", &end)];
    let request = client.get(format!("{base}/loki/api/v1/query_range")).query(&query);
    let request = request.header("X-Loki-Response-Encoding-Flags", "categorize-labels");
    let body: Value = request.send().await.expect("an answer").json().await.unwrap_or_default();
    let streams = body["data"]["result"].as_array().cloned().unwrap_or_default();
    let lines = streams.iter().flat_map(|stream| {
        let values = stream["values"].as_array().cloned().unwrap_or_default();
        values.into_iter().map(|value| json!([stream["stream"], value]).to_string())
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn what_loki_refuses_is_refused_and_the_rest_is_taken() {
    let backend = TestBackend::start().await;
    let client = &backend.client;
    let Some(loki) = Loki::start(client).await else { return };
    let now_s = now_ns() / 1_000_000_000;
    let mut found = Vec::new();
    for streams in pushes(now_s) {
        let body = json!({"streams": streams}).to_string();
        let (theirs, mine) =
            tokio::join!(push(client, &loki.url, body.clone()), push(client, &backend.loki, body.clone()));
        let shown = |text: &str| text.chars().take(300).collect::<String>();
        // What a library says of JSON is its own affair; and each looks at its own clock.
        let essence = |(status, text): &(u16, String)| {
            let said = text.trim_end().split(", oldest acceptable").next().unwrap_or_default().to_owned();
            let of_json = said.starts_with("loghttp.") || said.starts_with("the push body");
            let of_labels = said.starts_with("couldn't parse labels");
            (*status, if of_json || of_labels { String::new() } else { said })
        };
        if essence(&theirs) != essence(&mine) {
            found.push(format!(
                "{}\n    {} {}\n    {} {}",
                shown(&body),
                theirs.0,
                shown(&theirs.1),
                mine.0,
                shown(&mine.1)
            ));
        }
    }
    assert!(found.is_empty(), "{} answers differ:\n{}", found.len(), found.join("\n"));
    for base in [&loki.url, &backend.loki] {
        until("the last is readable", || async {
            stored(client, base, now_s).await.iter().any(|line| line.contains("beside"))
        })
        .await;
    }
    let (theirs, mine) = (stored(client, &loki.url, now_s).await, stored(client, &backend.loki, now_s).await);
    let shown = |lines: &[String], others: &[String]| -> Vec<String> {
        let own = lines.iter().filter(|line| !others.contains(line));
        own.map(|line| line.chars().take(300).collect()).collect()
    };
    assert!(
        theirs == mine,
        "in Loki alone {:#?}\nin ours alone {:#?}",
        shown(&theirs, &mine),
        shown(&mine, &theirs)
    );
    backend.stop().await;
}

#[tokio::test]
async fn the_older_form_of_a_push_is_refused() {
    // Loki takes it for streams without entries, and says that all is well.
    let backend = TestBackend::start().await;
    let old = r#"{"streams":[{"labels":"{a=\"b\"}","entries":[{"ts":"2026-01-01T00:00:00Z","line":"x"}]}]}"#;
    let (status, said) = push(&backend.client, &backend.loki, old.to_owned()).await;
    assert_eq!((status, said.contains("`stream` and `values`")), (400, true), "{said}");
    backend.stop().await;
}
