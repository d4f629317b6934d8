//! The relay's control listener: links come and go, changes may undo themselves, and what makes no sense is refused whole.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod relay_support;
mod support;

use relay_support::{LINK, Relay, Server};
use serde_json::Value;
use support::ask;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn echo_a_byte(stream: &mut TcpStream) {
    stream.write_all(b"x").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leased_change_undoes_itself() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    let body = r#"{"condition":{"blackhole":true},"lease_s":0.05}"#;
    let (code, link) = relay.ask("PATCH", LINK, body).await;
    assert_eq!((code, link["condition"]["blackhole"].as_bool()), (200, Some(true)), "{link}");
    assert!(link["lease"].is_string(), "{link}");
    // Nobody ends it, and yet it ends.
    echo_a_byte(&mut relay.connect().await).await;
    assert_eq!(relay.link().await["condition"]["blackhole"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_prolonged_and_ended_by_its_id() {
    let relay = Relay::at("127.0.0.1:1").await;
    relay.set(r#"{"delay_ms":5}"#).await;
    let (_, link) = relay.ask("PATCH", LINK, r#"{"condition":{"delay_ms":9},"lease_s":3600}"#).await;
    let lease = format!("/leases/{}", link["lease"].as_str().unwrap());
    let (code, body) = relay.ask("PUT", &lease, r#"{"lease_s":1800}"#).await;
    assert_eq!((code, body["lease_s"].as_f64()), (200, Some(1800.0)));
    assert_eq!(relay.ask("DELETE", &lease, "").await.0, 204);
    assert_eq!(relay.link().await["condition"]["delay_ms"], 5);
    for (method, body) in [("PUT", r#"{"lease_s":5}"#), ("DELETE", "")] {
        let (code, problem) = relay.ask(method, &lease, body).await;
        assert_eq!(code, 404, "{problem}");
    }
    assert_eq!(relay.ask("DELETE", "/leases/none", "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_link_carries_and_a_removed_one_is_gone_with_its_connections() {
    let server = Server::echo().await;
    let relay = Relay::at("127.0.0.1:1").await;
    let new = format!(r#"{{"name":"late","target":"{}"}}"#, server.address);
    let (code, link) = relay.ask("POST", "/links", &new).await;
    assert_eq!(code, 201, "{link}");
    let mut stream = TcpStream::connect(link["listen"].as_str().unwrap()).await.unwrap();
    echo_a_byte(&mut stream).await;
    let (code, problem) = relay.ask("POST", "/links", &new).await;
    assert_eq!(code, 409, "{problem}");

    assert_eq!(relay.ask("DELETE", "/links/late", "").await.0, 204);
    assert!(matches!(stream.read(&mut [0; 8]).await, Ok(0) | Err(_)), "the connection is over");
    let (_, left) = relay.ask("GET", "/links", "").await;
    assert_eq!(left["links"].as_array().unwrap().len(), 1, "{left}");
    let (code, problem) = relay.ask("DELETE", "/links/late", "").await;
    assert_eq!(code, 404);
    assert!(problem["detail"].as_str().unwrap().contains("shop>store"), "{problem}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_whole_and_says_what_is_allowed() {
    let relay = Relay::at("127.0.0.1:1").await;
    for (condition, word) in [
        (r#"{"delay_ms":5,"delai_ms":5}"#, "did you mean `delay_ms`?"),
        (r#"{"delay_ms":5,"reset_ratio":2}"#, "from 0 to 1"),
        (r#"{"delay_ms":"5"}"#, "whole number"),
    ] {
        let (code, problem) =
            relay.ask("PATCH", LINK, &format!(r#"{{"condition":{condition},"lease_s":5}}"#)).await;
        assert_eq!(code, 422, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
        assert!(problem["allowed"]["bandwidth_kib_s"]["range"].is_string(), "{problem}");
    }
    for lease in ["0", "-1", "1e9"] {
        let body = format!(r#"{{"condition":{{"delay_ms":5}},"lease_s":{lease}}}"#);
        assert_eq!(relay.ask("PATCH", LINK, &body).await.0, 422, "{lease}");
    }
    assert_eq!(relay.link().await["condition"]["delay_ms"], 0, "nothing was half applied");

    assert_eq!(relay.ask("PATCH", "/links/none", r#"{"condition":{}}"#).await.0, 404);
    for body in ["", "{}", r#"{"condition":{},"more":1}"#] {
        let (code, problem) = relay.ask("PATCH", LINK, body).await;
        assert!((400..=422).contains(&code) && problem["detail"].as_str().unwrap().contains("condition"));
    }
    assert_eq!(relay.ask("POST", "/links", r#"{"name":"a b","target":"127.0.0.1:1"}"#).await.0, 422);
    assert_eq!(relay.ask("POST", "/links", &" ".repeat(5_000)).await.0, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_token_nothing_is_told_or_changed() {
    let relay = Relay::at("127.0.0.1:1").await;
    for (method, path) in [
        ("GET", "/links"),
        ("POST", "/links"),
        ("PATCH", LINK),
        ("DELETE", LINK),
        ("PUT", "/leases/1"),
        ("DELETE", "/leases/1"),
    ] {
        for token in ["", "open-sesam"] {
            let (code, body) =
                ask(relay.control, method, path, token, r#"{"condition":{"delay_ms":5}}"#).await;
            assert_eq!(code, 401, "{method} {path}");
            assert!(serde_json::from_str::<Value>(&body).unwrap()["detail"].is_string());
        }
    }
    assert_eq!(ask(relay.control, "GET", "/healthz", "", "").await.0, 200);
    assert_eq!(relay.link().await["condition"]["delay_ms"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_when_asked_though_connections_are_open() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    let mut stream = relay.connect().await;
    echo_a_byte(&mut stream).await;
    relay.stop.send(()).unwrap();
    relay.ended.await.unwrap().unwrap();
    assert!(matches!(stream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
}
