//! The server: what it refuses to start with, how it ends, how much it takes at once.

use crate::{config, get, stub, words};
use axum::{Router, http::StatusCode};
use std::sync::Arc;
use tokio::{net::TcpListener, sync::Notify};

#[tokio::test]
async fn run_serves_until_the_shutdown_and_then_returns() {
    let base = stub::serve(words()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = listener.local_addr().unwrap();
    let stop = Arc::new(Notify::new());
    let shutdown = Arc::clone(&stop);
    let serving = tokio::spawn(console::run(listener, config(&base, &base, &base), async move {
        shutdown.notified().await;
    }));
    let mut stream = tokio::net::TcpStream::connect(url).await.unwrap();
    let mut answer = String::new();
    tokio::io::AsyncWriteExt::write_all(
        &mut stream,
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await
    .unwrap();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    stop.notify_one();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_bad_url_is_refused_at_the_start() {
    let error =
        console::router(&config("http://127.0.0.1:1", "localhost:3100", "http://127.0.0.1:1")).unwrap_err();
    assert!(error.to_string().contains("Loki") && error.to_string().contains("localhost:3100"), "{error}");
}

#[tokio::test]
async fn more_pages_than_places_are_turned_away_while_health_is_answered() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(tokio::sync::Semaphore::new(0)));
    let (inside, gate) = (Arc::clone(&entered), Arc::clone(&release));
    let slow = Router::new().fallback(move || {
        let (inside, gate) = (Arc::clone(&inside), Arc::clone(&gate));
        async move {
            inside.notify_one();
            drop(gate.acquire().await);
            StatusCode::NOT_FOUND
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, slow).await });
    let app = console::router(&config(&base, &base, &base)).unwrap();

    let mut held = Vec::new();
    for _ in 0..16 {
        let app = app.clone();
        held.push(tokio::spawn(async move { get(&app, &format!("/trace/{}", stub::TRACE)).await.status }));
        entered.notified().await;
    }
    let turned_away = get(&app, &format!("/trace/{}", stub::TRACE)).await;
    assert_eq!(turned_away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(turned_away.headers["retry-after"], "2");
    assert_eq!(get(&app, "/healthz").await.status, StatusCode::OK);
    release.add_permits(1_000);
    for page in held {
        assert_eq!(page.await.unwrap(), StatusCode::BAD_GATEWAY);
    }
    assert_ne!(get(&app, "/").await.status, StatusCode::SERVICE_UNAVAILABLE, "the places are free again");
}
