//! What is served where, and the life of the server.

use crate::{correlation, gate, home, problem, search, statics, trace};
use anyhow::Context as _;
use axum::{Router, body::Body, extract::Request, middleware, routing::get};
use query::{Limits, Stack};
use std::{future::ready, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::oneshot};
use unread::ReadOn;

/// Where the APIs are, and what the pages are headed with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Base URL of the Prometheus API.
    pub prometheus: String,
    /// Base URL of the Loki API.
    pub loki: String,
    /// Base URL of the Jaeger API.
    pub jaeger: String,
    /// The heading of every page.
    pub title: String,
}

/// What every page needs.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) stack: Stack,
    /// The same APIs, with less patience: for questions whose answers are small.
    pub(crate) quick: Stack,
    pub(crate) title: Arc<str>,
}

/// A page waits no longer than this for one answer; a trace may have thousands of spans.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(5), body_bytes: 16 << 20 };
/// And no longer than this for an answer that is small, and for all that the first page asks together.
pub(crate) const QUICK: Duration = Duration::from_secs(2);
/// After the shutdown signal, requests under way get this long.
const DRAIN: Duration = Duration::from_secs(6);

/// The pages, without a socket.
///
/// # Errors
/// A base URL is malformed or not `http`.
pub fn router(config: &Config) -> anyhow::Result<Router> {
    let with = |limits| Stack::with_limits(&config.prometheus, &config.loki, &config.jaeger, limits);
    let (stack, quick) = (with(LIMITS)?, with(Limits { timeout: QUICK, ..LIMITS })?);
    let app = App { stack, quick, title: config.title.as_str().into() };
    let pages = Router::new()
        .route("/", get(home::page))
        .route("/trace/{id}", get(trace::page))
        .route("/correlation/{id}", get(correlation::page))
        .route("/search", get(search::page))
        .fallback(problem::no_such_page)
        .layer(middleware::from_fn_with_state(gate::places(), gate::limit));
    Ok(pages
        .route("/healthz", get(|| async { "ok\n" }))
        .route(&statics::STYLE_PATH, get(statics::style))
        .route(&statics::ICON_PATH, get(statics::icon))
        .layer(middleware::from_fn(gate::headers))
        .layer(middleware::map_request(|request: Request| ready(ReadOn::within(request).map(Body::new))))
        .with_state(app))
}

/// Serves the pages until `shutdown` resolves and the requests under way are answered.
///
/// # Errors
/// A base URL is malformed, or the listener fails.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let app = router(&config)?;
    let (stop, stopping) = oneshot::channel();
    let signal = async move {
        shutdown.await;
        let _ = stop.send(());
    };
    let deadline = async {
        let _ = stopping.await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = axum::serve(listener, app).with_graceful_shutdown(signal) => {
            served.context("serving the console")
        }
        () = deadline => {
            tracing::warn!(seconds = DRAIN.as_secs(), "requests were still under way at the end of the drain");
            Ok(())
        }
    }
}
