//! Settings of logins and notifications act while the service runs.

use std::sync::mpsc;

use chassis::testing::{Reply, get, post, send, set};
use serde_json::json;
use telemetry::db::{RowExt, Statement, query};
use telemetry::statement;

use crate::support::{Service, service};

static HASH: Statement = statement!("SELECT", "users", "SELECT password_hash FROM users WHERE id = 1");

async fn login(service: &Service) -> Reply {
    let body = json!({ "email": "alice@example.com", "password": "correct-horse" });
    send(&service.router, post("/sessions", &body)).await
}

async fn hash(service: &Service) -> String {
    service.app.database.fetch_optional(query(&HASH)).await.unwrap().unwrap().try_get(0).unwrap()
}

#[tokio::test]
async fn a_login_pays_the_cost_of_this_moment() {
    let service = service().await;
    for (key, value, cost) in [
        ("auth.hash_memory_kib", 128, "m=128,t=2"),
        ("auth.hash_iterations", 3, "m=128,t=3"),
        ("auth.hash_memory_kib", 4096, "m=4096,t=3"),
    ] {
        set(service.app.settings(), key, value).await;
        assert_eq!(login(&service).await.status, 201);
        let hash = hash(&service).await;
        assert!(hash.contains(cost), "{key}={value}: {hash}");
    }
}

/// A runtime with one worker and one other thread, which is busy until something is sent.
fn with_a_busy_pool<T>(work: impl AsyncFnOnce(mpsc::Sender<()>) -> T) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let done = runtime.block_on(async {
        let (release, released) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || released.recv());
        work(release).await
    });
    runtime.shutdown_background();
    done
}

/// Waits until a login that came before has read its account: there is one connection, first come first served.
async fn its_account_is_read(service: &Service) {
    for _ in 0..3 {
        assert_eq!(send(&service.router, get("/users/1")).await.status, 200);
    }
}

#[test]
fn a_password_is_checked_on_the_worker_or_on_the_pool() {
    let status = with_a_busy_pool(async |_busy| {
        let service = service().await;
        set(service.app.settings(), "runtime.blocking_work", "inline").await;
        login(&service).await.status
    });
    assert_eq!(status, 201, "it needs no other thread than the worker");
    with_a_busy_pool(async |release| {
        let service = service().await;
        set(service.app.settings(), "db.pool.max_connections", 1).await;
        let mut waiting = std::pin::pin!(login(&service));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("the pool is busy"),
            () = its_account_is_read(&service) => {}
        }
        release.send(()).unwrap();
        assert_eq!(waiting.await.status, 201);
    });
}

#[test]
fn as_many_logins_are_checked_at_once_as_there_are_turns() {
    with_a_busy_pool(async |release| {
        let service = service().await;
        set(service.app.settings(), "auth.hash_queue_ms", 1).await;
        set(service.app.settings(), "auth.hash_concurrency", 1).await;
        set(service.app.settings(), "db.pool.max_connections", 1).await;
        let mut first = std::pin::pin!(login(&service));
        // The first has the only turn then, and waits for a thread.
        let second = async {
            its_account_is_read(&service).await;
            login(&service).await
        };
        let refused = tokio::select! {
            biased;
            _ = &mut first => panic!("the pool is busy"),
            refused = second => refused,
        };
        assert_eq!((refused.status, &refused.json["type"]), (503, &json!("urn:problem:overloaded")));
        set(service.app.settings(), "auth.hash_concurrency", 2).await;
        set(service.app.settings(), "auth.hash_queue_ms", 60_000).await;
        let third = login(&service);
        release.send(()).unwrap();
        let (first, third) = tokio::join!(first, third);
        assert_eq!((first.status, third.status), (201, 201));
    });
}

#[tokio::test]
async fn a_page_reads_itself_or_all_there_is_and_shows_the_same() {
    let service = service().await;
    for event in 0..7 {
        let body = json!({"event_id": format!("e-{event}"), "type": "t", "order_id": event, "total": 1.0});
        assert_eq!(send(&service.router, post("/users/1/notifications", &body)).await.status, 201);
    }
    let page = async |query: &str| {
        let reply = send(&service.router, get(&format!("/users/1/notifications?{query}"))).await;
        assert_eq!(reply.status, 200);
        reply.json
    };
    let queries = ["", "per_page=3", "per_page=3&page=3", "per_page=3&page=9"];
    let mut bounded = Vec::new();
    for query in queries {
        bounded.push(page(query).await);
    }
    set(service.app.settings(), "notifications.page", "all").await;
    for (query, expected) in queries.into_iter().zip(bounded) {
        assert_eq!(page(query).await, expected, "{query}");
    }
}
