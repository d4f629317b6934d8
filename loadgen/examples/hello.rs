//! The trivial server that load generators are compared against: a word on one route. It also answers what the plan's
//! journeys expect, so that an open run against it is whole. Prints its address.

use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::get;

/// What the services would answer, from the shape of the request alone.
async fn shop(method: Method, uri: Uri, body: Bytes) -> (StatusCode, &'static str) {
    let unknown = |digits: &[u8]| digits.len() == 7 && digits.iter().all(u8::is_ascii_digit);
    let mentions_unknown = |text: &[u8]| text.split(|b| !b.is_ascii_digit()).any(unknown);
    let status = match method {
        _ if mentions_unknown(uri.path().as_bytes()) => StatusCode::NOT_FOUND,
        Method::POST if mentions_unknown(&body) => StatusCode::BAD_REQUEST,
        Method::POST if body.windows(18).any(|w| w.starts_with(b"\"product_id\":90") && w[17] == b',') => {
            StatusCode::CONFLICT
        }
        Method::POST => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    (status, r#"{"id":1,"token":"t"}"#)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    let app = Router::new().route("/", get(|| async { "hello" })).fallback(shop);
    axum::serve(listener, app).await?;
    Ok(())
}
