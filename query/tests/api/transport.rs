//! What can go wrong below the APIs: no server, a silent one, too much, something else.

use crate::stub::Stub;
use axum::{Router, body::Body};
use futures_util::StreamExt;
use query::{ErrorKind, Jaeger, Limits, Prometheus, Stack};
use std::time::Duration;

#[tokio::test]
async fn nothing_listens_is_told_with_the_address() {
    // Bound, but not listening: nobody else can take the port, and connections are refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", socket.local_addr().unwrap());
    let error = Jaeger::new(&base, Limits::default()).unwrap().services().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused { base: base.clone() });
    assert!(error.is_unreachable());
    let wanted = format!(
        "Jaeger API, services, at {base}/api/services: nothing answers at {base} (connection refused)"
    );
    assert_eq!(error.to_string(), wanted);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_ends_with_the_timeout() {
    let app = Router::new().fallback(|| async { std::future::pending::<()>().await });
    let base = crate::stub::serve(app).await;
    let limits = Limits { timeout: Duration::from_secs(3), ..Limits::default() };
    let error = Prometheus::new(&base, limits).unwrap().instant("up", None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout(Duration::from_secs(3)));
    let wanted = format!(
        "Prometheus API, instant query up, at {base}/api/v1/query: no whole answer within 3 s; it hangs or is overloaded"
    );
    assert_eq!(error.to_string(), wanted, "who hung, over what, where, and for how long");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_ends_with_the_timeout() {
    let app = Router::new().fallback(|| async {
        let beginning = futures_util::stream::once(async { Ok::<_, std::io::Error>("{\"data\":") });
        Body::from_stream(beginning.chain(futures_util::stream::pending()))
    });
    let base = crate::stub::serve(app).await;
    let limits = Limits { timeout: Duration::from_secs(3), ..Limits::default() };
    let error = Jaeger::new(&base, limits).unwrap().services().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout(Duration::from_secs(3)));
}

#[tokio::test]
async fn an_answer_over_the_limit_is_given_up() {
    let app = Router::new().fallback(|| async {
        Body::from_stream(futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(1_000))))
    });
    let base = crate::stub::serve(app).await;
    let limits = Limits { body_bytes: 10_000, ..Limits::default() };
    let error = Jaeger::new(&base, limits).unwrap().services().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge { limit: 10_000 });
}

#[tokio::test]
async fn an_endless_error_page_is_cut() {
    let stub = Stub::answering(502, "text/html", "bad gateway ".repeat(100_000)).await;
    let error =
        Prometheus::new(&stub.base, Limits::default()).unwrap().instant("up", None).await.unwrap_err();
    let ErrorKind::Api { status: 502, message, .. } = error.kind else { panic!("{error}") };
    assert!(message.starts_with("bad gateway bad gateway") && message.chars().count() == 301, "{message}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let stub = Stub::with(|_| axum::response::Redirect::temporary("http://127.0.0.1:1/elsewhere")).await;
    let error =
        Prometheus::new(&stub.base, Limits::default()).unwrap().instant("up", None).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Api { status: 307, .. }), "{error}");
}

#[test]
fn only_plain_http_urls_without_credentials_are_taken() {
    let url = |prometheus| Stack::new(prometheus, "http://127.0.0.1:3100", "http://127.0.0.1:16686");
    assert_eq!(url("http://127.0.0.1:9090/").unwrap().prometheus.base(), "http://127.0.0.1:9090");
    assert_eq!(url("http://localhost:1/prefix/").unwrap().prometheus.base(), "http://localhost:1/prefix");
    for bad in ["", "127.0.0.1:9090", "https://127.0.0.1:9090", "file:///etc/passwd"] {
        assert!(matches!(url(bad).unwrap_err().kind, ErrorKind::BadRequest(_)), "{bad:?}");
    }
    let error = url("http://me:secret@127.0.0.1:9090").unwrap_err().to_string();
    assert!(error.contains("must not carry credentials") && !error.contains("secret"), "{error}");
}
