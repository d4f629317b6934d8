//! The listener's answers, in process; and once over a socket, while the workers are busy.

use axum::body::{Body, to_bytes};
use http::Method;
use tower::ServiceExt as _;

use super::super::{Integer, List};
use super::*;

const TOKEN: &str = "secret";

struct Service {
    router: Router,
    settings: Settings,
    pool: Integer,
}

fn service() -> Service {
    service_in(None)
}

fn service_in(folder: Option<&std::path::Path>) -> Service {
    let mut list = List::new();
    let pool = list.integer("db.pool.max_connections", "connections", 1..=64, 8, "The most");
    list.choice("query.plan", &[("indexed", 0), ("scan", 1)], 0, "How");
    list.number("ratio", "", 0.0..=1.0, 0.5, "How much");
    list.flag("cache.enabled", false, "Whether");
    let settings = list.open("test-service", folder.map(|folder| folder.join("settings.json"))).unwrap();
    let desk = Desk { settings: settings.clone(), version: "1.2.3".to_owned(), instance: "here".to_owned() };
    Service { router: routes(&Arc::new(desk), TOKEN, Router::new()), settings, pool }
}

impl Service {
    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn set(&self, body: Value) -> (u16, Value) {
        self.ask(Method::PATCH, "/settings", body).await
    }
}

#[tokio::test]
async fn without_the_token_there_is_nothing_to_see() {
    let service = service();
    for header in [None, Some("secret"), Some("Bearer "), Some("Bearer secre"), Some("Bearer secret2")] {
        for path in ["/settings", "/history", "/nothing"] {
            let mut request = Request::get(path);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = service.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 401, "{header:?} {path}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
    }
}

#[tokio::test]
async fn settings_are_shown_with_what_they_take() {
    let (status, shown) = service().ask(Method::GET, "/settings", Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!((&shown["service"], &shown["version"]), (&json!("test-service"), &json!("1.2.3")));
    assert_eq!((&shown["instance"], &shown["revision"]), (&json!("here"), &json!(0)));
    assert_eq!(
        shown["settings"]["db.pool.max_connections"],
        json!({"value": 8, "default": 8, "unit": "connections", "min": 1, "max": 64, "description": "The most"})
    );
    assert_eq!(
        shown["settings"]["query.plan"],
        json!({"value": "indexed", "default": "indexed", "unit": "", "allowed": ["indexed", "scan"], "description": "How"})
    );
    assert_eq!(shown["settings"]["cache.enabled"]["allowed"], json!([true, false]));
    assert_eq!(shown["settings"]["ratio"]["max"], json!(1.0));
}

#[tokio::test]
async fn a_change_acts_at_once_and_is_a_revision() {
    let service = service();
    let (status, shown) = service.set(json!({"settings": {"db.pool.max_connections": 4}})).await;
    assert_eq!((status, service.pool.get()), (200, 4));
    assert_eq!((&shown["revision"], shown.get("lease")), (&json!(1), None));
    assert_eq!(shown["settings"]["db.pool.max_connections"]["value"], 4);
}

#[tokio::test]
async fn a_change_with_anything_wrong_in_it_is_refused_whole_with_what_is_allowed() {
    let service = service();
    let (status, problem) = service
        .set(json!({"settings": {"db.pool.max_connections": 4, "query.plan": "fast", "querry.plan": "scan"}}))
        .await;
    assert_eq!(status, 422);
    assert_eq!(service.pool.get(), 8, "nothing of it was done");
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!((&errors[0]["key"], &errors[1]["key"]), (&json!("querry.plan"), &json!("query.plan")));
    assert_eq!(errors[1]["setting"]["allowed"], json!(["indexed", "scan"]));
    assert_eq!(problem["known"], json!(["cache.enabled", "db.pool.max_connections", "query.plan", "ratio"]));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("query.plan: \"fast\" is not one of indexed, scan"), "{detail}");
}

#[tokio::test]
async fn a_body_of_another_form_is_refused() {
    let service = service();
    for (body, status) in [
        (json!({}), 422),
        (json!({"settings": {}}), 422),
        (json!({"settings": []}), 422),
        (json!({"setings": {"ratio": 1}}), 422),
        (json!({"settings": {"ratio": 1}, "lease_s": 0}), 422),
        (json!({"settings": {"ratio": 1}, "lease_s": 3601}), 422),
        (json!({"settings": {"ratio": "1".repeat(70_000)}}), 413),
    ] {
        assert_eq!(
            service.set(body.clone()).await.0,
            status,
            "{}",
            body.to_string().get(..60).unwrap_or_default()
        );
    }
    let mut request = Request::patch("/settings").body(Body::from("{")).unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    assert_eq!(service.router.clone().oneshot(request).await.unwrap().status(), 415);
    assert_eq!(service.settings.shown().0, 0);
}

#[tokio::test]
async fn a_lease_is_prolonged_and_taken_back_by_its_id_and_is_gone_then() {
    let service = service();
    let (_, shown) = service.set(json!({"settings": {"db.pool.max_connections": 1}, "lease_s": 3600})).await;
    let path = format!("/leases/{}", shown["lease"].as_str().unwrap());
    assert_eq!(service.ask(Method::PUT, &path, json!({"lease_s": 60.5})).await.0, 200);
    assert_eq!(service.ask(Method::PUT, &path, json!({"lease_s": -1})).await.0, 422);
    assert_eq!(service.pool.get(), 1);
    let (status, shown) = service.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!((status, &shown["revision"], service.pool.get()), (200, &json!(2), 8));
    assert_eq!(service.ask(Method::PUT, &path, json!({"lease_s": 60})).await.0, 404);
    assert_eq!(service.ask(Method::DELETE, &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_way_back_is_without_a_body_or_with_a_revision() {
    let service = service();
    for value in [4, 2] {
        service.set(json!({"settings": {"db.pool.max_connections": value}})).await;
    }
    assert_eq!(service.ask(Method::POST, "/rollback", Value::Null).await.0, 200);
    assert_eq!(service.pool.get(), 4);
    assert_eq!(service.ask(Method::POST, "/rollback", json!({"revision": 0})).await.0, 200);
    assert_eq!(service.pool.get(), 8);
    let (status, problem) = service.ask(Method::POST, "/rollback", json!({"revision": 9})).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("from 0 to 4"), "{problem}");
}

#[tokio::test]
async fn the_history_tells_no_lease_from_another_change() {
    let service = service();
    service.set(json!({"settings": {"db.pool.max_connections": 4}})).await;
    let (_, shown) = service.set(json!({"settings": {"db.pool.max_connections": 1}, "lease_s": 60})).await;
    service.ask(Method::DELETE, &format!("/leases/{}", shown["lease"].as_str().unwrap()), Value::Null).await;
    let (_, history) = service.ask(Method::GET, "/history", Value::Null).await;
    let history = history["history"].as_array().unwrap();
    let changes: Vec<_> =
        history.iter().map(|revision| &revision["changes"]["db.pool.max_connections"]).collect();
    assert_eq!(
        changes,
        [&json!({"from": 8, "to": 4}), &json!({"from": 4, "to": 1}), &json!({"from": 1, "to": 4})]
    );
    for revision in history {
        let mut names: Vec<_> = revision.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["at", "changes", "revision"]);
    }
}

#[tokio::test]
async fn settings_and_leases_survive_a_restart_and_an_ended_lease_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = service_in(Some(folder.path()));
    first.set(json!({"settings": {"query.plan": "scan"}})).await;
    let (_, lasting) = first.set(json!({"settings": {"ratio": 1.0}, "lease_s": 3600})).await;
    first.set(json!({"settings": {"db.pool.max_connections": 1}, "lease_s": 0.001})).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    drop(first);
    let second = service_in(Some(folder.path()));
    let (revision, shown) = second.settings.shown();
    let value = |key: &str| shown[key]["value"].clone();
    assert_eq!((value("query.plan"), value("ratio")), (json!("scan"), json!(1.0)));
    assert_eq!((value("db.pool.max_connections"), second.pool.get(), revision), (json!(8), 8, 4));
    let path = format!("/leases/{}", lasting["lease"].as_str().unwrap());
    let (_, shown) = second.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!(shown["settings"]["ratio"]["value"], json!(0.5));
}

#[tokio::test]
async fn what_cannot_be_kept_does_not_act() {
    let folder = tempfile::tempdir().unwrap();
    let service = service_in(Some(folder.path()));
    // A folder where the file would be written.
    std::fs::create_dir(folder.path().join("settings.json.new")).unwrap();
    let (status, problem) = service.set(json!({"settings": {"db.pool.max_connections": 4}})).await;
    assert_eq!(status, 507, "{problem}");
    assert_eq!((service.pool.get(), service.settings.shown().0), (8, 0));
}

/// The runtime of this test has one thread, which the test holds from the change on until the lease has ended.
#[tokio::test]
async fn a_lease_ends_by_itself_also_while_the_workers_are_busy() {
    let service = service();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let access =
        Access { listener, token: TOKEN.to_owned(), version: String::new(), instance: String::new() };
    let stop = CancellationToken::new();
    serve(access, service.settings.clone(), Router::new(), stop.clone()).unwrap();
    let wanted = Values::from([("db.pool.max_connections".to_owned(), json!(1))]);
    service.settings.set(&wanted, Some(Duration::from_millis(20))).unwrap();
    // Blocks the only worker: nothing but the settings' own thread can end the lease and answer.
    let patient = std::time::Instant::now() + Duration::from_secs(20);
    while service.pool.get() != 8 {
        assert!(std::time::Instant::now() < patient, "the lease goes on");
        std::thread::sleep(Duration::from_millis(1));
    }
    let answer = ask_over_a_socket(address);
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"revision\":2"), "{answer}");
    stop.cancel();
}

fn ask_over_a_socket(address: std::net::SocketAddr) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "GET /settings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
