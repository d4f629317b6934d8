//! Serves the backend alone on free ports, for benchmarks and for trying it by hand.
//!
//! Usage: `cargo run --release -p backend --example ingest -- DIR [MAX_BYTES]`. Prints one JSON line with the
//! addresses when it serves, and ends when its standard input closes.

use std::io::Write as _;

use backend::{Config, Listeners};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("the first argument is the data directory")?;
    let mut config = Config { data_dir: dir.into(), ..Config::default() };
    if let Some(bytes) = args.next() {
        config.max_bytes = bytes.parse()?;
    }
    let bind = || TcpListener::bind("127.0.0.1:0");
    let listeners = Listeners {
        otlp_grpc: bind().await?,
        otlp_http: bind().await?,
        prometheus: bind().await?,
        loki: bind().await?,
        jaeger: bind().await?,
        alertmanager: bind().await?,
    };
    let address = |listener: &TcpListener| listener.local_addr().map(|a| a.to_string());
    println!(
        r#"{{"otlp_grpc":"{}","otlp_http":"{}","prometheus":"{}","loki":"{}","jaeger":"{}"}}"#,
        address(&listeners.otlp_grpc)?,
        address(&listeners.otlp_http)?,
        address(&listeners.prometheus)?,
        address(&listeners.loki)?,
        address(&listeners.jaeger)?,
    );
    std::io::stdout().flush()?;
    let parent_left = async {
        let mut stdin = tokio::io::stdin();
        let _ = tokio::io::copy(&mut stdin, &mut tokio::io::sink()).await;
    };
    Ok(backend::run(listeners, config, parent_left).await?)
}
