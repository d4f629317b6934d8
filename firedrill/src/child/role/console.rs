//! The console as a child: it is told where the three APIs are.

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::environment::{plain_log, text};
use crate::failure::Failure;

/// Serves until `stop`.
pub(super) async fn run(listener: TcpListener, stop: CancellationToken) -> Result<(), Failure> {
    plain_log(std::io::stdout, "info");
    let config = console::Config {
        prometheus: text("PROMETHEUS_URL")?,
        loki: text("LOKI_URL")?,
        jaeger: text("JAEGER_URL")?,
        title: "Firedrill".into(),
    };
    console::run(listener, config, async move { stop.cancelled().await }).await?;
    Ok(())
}
