//! Programs do drills: over a small HTTP API they start one, act and answer, and are measured on many.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::harness::{Stack, command, eventually, json as parsed, run, said};

/// The listener of `drill serve`.
struct Listener<'a> {
    stack: &'a Stack,
    url: String,
    token: String,
}

impl Listener<'_> {
    async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.stack.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }
}

#[tokio::test]
async fn a_program_starts_a_drill_acts_and_answers() {
    let stack = Stack::quiet().await;
    let mut serve = command(stack.home.path());
    let mut serve = serve
        .args(["drill", "serve", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(serve.stdout.take().expect("its output")).lines();
    let told = lines.next_line().await.expect("readable").expect("where it listens");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let text = |key: &str| told[key].as_str().expect("text").to_owned();
    let listener = Listener { stack: &stack, url: text("url"), token: text("token") };

    let (status, said) = listener.ask(Method::GET, "/drill", Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    let stranger = Listener { token: "guess".to_owned(), url: listener.url.clone(), stack: &stack };
    assert_eq!(stranger.ask(Method::POST, "/drill", json!({})).await.0, StatusCode::UNAUTHORIZED);
    for (body, word) in [
        (json!({"drill": "harbor"}), "harbour"),
        (json!({"minutes": 1}), "2 to 120"),
        (json!({"speed": 9}), "from 1 to 8"),
        (json!({"sped": 2}), "sped"),
    ] {
        let (status, said) = listener.ask(Method::POST, "/drill", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(said["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{word} in {said}");
    }

    let begin = json!({"drill": "commons", "seed": 3, "speed": 8});
    let (status, begun) = listener.ask(Method::POST, "/drill", begin.clone()).await;
    assert_eq!((status, &begun["phase"]), (StatusCode::CREATED, &json!("calm")), "{begun}");
    assert_eq!(begun["queries"]["prometheus"], stack.url("prometheus"), "{begun}");
    assert_eq!(listener.ask(Method::POST, "/drill", begin).await.0, StatusCode::CONFLICT, "one at a time");
    let paged = eventually("the page", || async {
        let (_, now) = listener.ask(Method::GET, "/drill", Value::Null).await;
        (now["phase"] == "investigating").then_some(now)
    })
    .await;
    assert!(paged["page"].is_string(), "{paged}");

    let (status, hint) = listener.ask(Method::POST, "/drill/hints", Value::Null).await;
    assert!(status.is_success() && hint["hint"].is_string(), "{hint}");
    for ops in ["kill order-service", "get order-service --home=/", ""] {
        let (status, said) = listener.ask(Method::POST, "/drill/ops", json!({"ops": ops})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{ops}: {said}");
    }
    let (_, seen) = listener.ask(Method::POST, "/drill/ops", json!({"ops": "get user-service"})).await;
    assert!(seen["exit"] == 0 && seen["answer"].is_object(), "{seen}");
    let (status, said) =
        listener.ask(Method::POST, "/drill/answers", json!({"cause": "pool-exhausted"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
    assert!(said["detail"].as_str().is_some_and(|detail| detail.contains("pool-exhaustion")), "{said}");
    let (_, grade) = listener.ask(Method::POST, "/drill/answers", json!({"cause": "nothing"})).await;
    assert_eq!((&grade["whole"], &grade["phase"]), (&json!(true), &json!("solved")), "{grade}");
    assert_eq!(
        listener.ask(Method::DELETE, "/drill", Value::Null).await.0,
        StatusCode::CONFLICT,
        "it is over"
    );
}

#[tokio::test]
async fn a_program_is_measured_on_drills() {
    let stack = Stack::quiet().await;
    let player = format!("python3 {}", crate::harness::checkout().join("tests/players/loudest.py").display());
    let bench = ["drill", "bench", "commons", "--seeds", "1", "--speed", "8", "--player"];
    let output = stack.run_long(&[&bench[..], &[&player, "--json"]].concat()).await;
    let told = parsed(&output);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(
        (&told["runs"], &told["right"], &told["mean_score"]),
        (&json!(1), &json!(1), &json!(100.0)),
        "{told}"
    );
    let result = &told["results"][0];
    assert_eq!(
        (&result["phase"], &result["exit"], &result["tries"]),
        (&json!("solved"), &json!(0), &json!(1)),
        "{told}"
    );

    // One that gives no answer has found nothing, and the drill is over all the same.
    let output = stack.run_long(&[&bench[..], &["exit 7", "--json"]].concat()).await;
    let told = parsed(&output);
    assert_eq!((output.status.code(), &told["right"]), (Some(1), &json!(0)), "{}", said(&output));
    let result = &told["results"][0];
    assert_eq!(
        (&result["phase"], &result["exit"], &result["score"]),
        (&json!("stopped"), &json!(7), &json!(0)),
        "{told}"
    );
}

#[tokio::test]
async fn a_listener_without_a_stack_says_how_to_start_one() {
    let home = tempfile::tempdir().expect("a home");
    for args in [&["drill", "serve"][..], &["drill", "bench", "commons", "--player", "true"]] {
        let output = run(home.path(), args).await;
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains("firedrill up"), "{}", said(&output));
    }
}
