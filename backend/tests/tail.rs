//! Whoever follows logs sees each line once, and does not hold the backend up.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{TestBackend, now_ns};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn push(backend: &TestBackend, ts_ns: u64, line: &str) {
    let body =
        json!({"streams": [{"stream": {"app": "a"}, "values": [[ts_ns.to_string(), line, {"id": "7"}]]}]});
    let url = format!("{}/loki/api/v1/push", backend.loki);
    assert_eq!(backend.post(url, "application/json", body.to_string()).await.status(), 204);
}

async fn stored(backend: &TestBackend, n: f64) {
    backend
        .until("the lines are stored", || async {
            backend.metric("backend_ingested_log_records_total").await >= n
        })
        .await;
}

/// Asks to follow; `query` is what stands behind `?`.
async fn follow(backend: &TestBackend, query: &str) -> Result<Socket, Error> {
    let url = format!("{}/loki/api/v1/tail?{query}", backend.loki.replace("http://", "ws://"));
    connect_async(url).await.map(|(socket, _)| socket)
}

/// The next message that is no ping; `None` when the backend has closed.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.expect("in time");
        match message {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
            Some(Ok(Message::Ping(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            other => panic!("{other:?}"),
        }
    }
}

/// The next lines, as many as are asked for.
async fn lines(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let message = next(socket).await.expect("lines");
        for stream in message["streams"].as_array().expect("streams") {
            assert_eq!(
                stream["stream"],
                json!({"app": "a", "service_name": "a", "detected_level": "unknown", "id": "7"})
            );
            lines.push(stream["values"][0][1].as_str().expect("a line").to_owned());
        }
    }
    lines
}

#[tokio::test]
async fn a_follower_gets_the_latest_lines_and_then_each_new_one_once() {
    let backend = TestBackend::start().await;
    let now = now_ns() - 1_000_000_000;
    for i in 0..5 {
        push(&backend, now + i, &format!("old {i}")).await;
    }
    stored(&backend, 5.0).await;
    let mut socket = follow(&backend, "query=%7Bapp%3D%22a%22%7D&limit=3").await.expect("a websocket");
    assert_eq!(lines(&mut socket, 3).await, ["old 2", "old 3", "old 4"]);
    for i in 0..3 {
        // The second is late: it is older than what has been sent.
        push(&backend, now - i * 60_000_000_000, &format!("new {i}")).await;
        assert_eq!(lines(&mut socket, 1).await, [format!("new {i}")]);
    }
    push(&backend, now_ns(), "GET x").await;
    push(&backend, now_ns(), "POST x").await;
    assert_eq!(lines(&mut socket, 2).await, ["GET x", "POST x"]);
    backend.stop().await;
    assert_eq!(next(&mut socket).await, None, "the backend says good-bye");
}

#[tokio::test]
async fn filters_and_categories_hold_for_what_is_followed() {
    let backend = TestBackend::start().await;
    let url = format!(
        "{}/loki/api/v1/tail?query=%7Bapp%3D%22a%22%7D%20%7C%3D%20%22GET%22",
        backend.loki.replace("http://", "ws://")
    );
    let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(url)
        .expect("a request");
    request
        .headers_mut()
        .insert("X-Loki-Response-Encoding-Flags", "categorize-labels".parse().expect("a value"));
    let (mut socket, _) = connect_async(request).await.expect("a websocket");
    for line in ["POST x", "GET y"] {
        push(&backend, now_ns(), line).await;
    }
    let message = next(&mut socket).await.expect("a line");
    assert_eq!(message["encodingFlags"], json!(["categorize-labels"]));
    assert_eq!(message["streams"].as_array().map(Vec::len), Some(1));
    assert_eq!(message["streams"][0]["stream"], json!({"app": "a", "service_name": "a"}));
    assert_eq!(message["streams"][0]["values"][0][1], "GET y");
    assert_eq!(message["streams"][0]["values"][0][2]["structuredMetadata"]["id"], "7");
    backend.stop().await;
}

#[tokio::test]
async fn who_cannot_follow_is_told_why() {
    let backend = TestBackend::start().await;
    for (query, said) in [
        ("query=%7Bapp", "parse error at line 1"),
        ("query=rate(%7Bapp%3D%22a%22%7D[1m])", "only log queries"),
        ("query=%7Bapp%3D%22a%22%7D&delay_for=6", "delay_for can't be greater than 5"),
        ("query=%7Bapp%3D%22a%22%7D&limit=0", "limit must be a positive value"),
    ] {
        match follow(&backend, query).await {
            Err(Error::Http(answer)) => {
                assert_eq!(answer.status(), 400, "{query}");
                let body = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                assert!(body.contains(said), "{query}: {body}");
            }
            other => panic!("{query}: {other:?}"),
        }
    }
    let plain = backend.get(&backend.loki, "/loki/api/v1/tail?query=%7Bapp%3D%22a%22%7D").await;
    assert!(plain.status().is_client_error(), "{}", plain.status());

    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(follow(&backend, "query=%7Bapp%3D%22a%22%7D").await.expect("a websocket"));
    }
    assert!(
        matches!(follow(&backend, "query=%7Bapp%3D%22a%22%7D").await, Err(Error::Http(a)) if a.status() == 400)
    );
    // One that leaves makes room.
    drop(sockets.pop());
    backend
        .until("there is room again", || async {
            follow(&backend, "query=%7Bapp%3D%22a%22%7D").await.is_ok()
        })
        .await;
    backend.stop().await;
}
