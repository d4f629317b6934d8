//! Logging in: the right password gets a token, anything else the same refusal, and a new cost renews the hash.

use std::time::Duration;

use chassis::clock;
use chassis::testing::{Reply, post, send};
use serde_json::json;
use telemetry::db::{RowExt, Statement, query};
use telemetry::statement;
use user_service::sessions::token::Signer;

use crate::support::{Service, service_with};

static HASH: Statement = statement!("SELECT", "users", "SELECT password_hash FROM users WHERE id = 1");

async fn login(service: &Service, email: &str, password: &str) -> Reply {
    send(&service.router, post("/sessions", &json!({ "email": email, "password": password }))).await
}

async fn hash(service: &Service) -> String {
    service.app.database.fetch_optional(query(&HASH)).await.unwrap().unwrap().try_get(0).unwrap()
}

#[tokio::test]
async fn the_right_password_gets_a_token_that_verifies() {
    let service = service_with(|config| config.sessions.secret = Some("s".to_owned())).await;
    let reply = login(&service, "Alice@Example.com", "correct-horse").await;
    assert_eq!(reply.status, 201, "addresses are compared without case");
    assert_eq!(reply.json["user"]["id"], 1);
    let signer = Signer::new(Some("s"), Duration::from_secs(3600));
    assert_eq!(signer.verify(reply.json["token"].as_str().unwrap(), clock::now_ms()), Some(1));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_are_told_alike() {
    let service = service_with(|_| {}).await;
    let wrong = login(&service, "alice@example.com", "wrong").await;
    let unknown = login(&service, "nobody@example.com", "correct-horse").await;
    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert_eq!(wrong.json["detail"], unknown.json["detail"]);
}

#[tokio::test]
async fn a_login_under_another_cost_stores_a_new_hash_once() {
    let service = service_with(|config| config.sessions.hash_iterations = 1).await;
    let seeded = hash(&service).await;
    assert_eq!(login(&service, "alice@example.com", "correct-horse").await.status, 201);
    let renewed = hash(&service).await;
    assert_ne!(seeded, renewed);
    assert!(renewed.contains("t=1"), "{renewed}");
    assert_eq!(login(&service, "alice@example.com", "correct-horse").await.status, 201);
    assert_eq!(hash(&service).await, renewed);
}
