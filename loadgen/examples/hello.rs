//! The trivial server that load generators are compared against: one route, one word. Prints its address.

use axum::Router;
use axum::routing::get;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .fallback(|| async { "{\"id\":1,\"token\":\"t\"}" });
    axum::serve(listener, app).await?;
    Ok(())
}
