//! The receiver tracing-loki sends to: on loopback, in this process, always quick. It counts what arrives, which frees the
//! gate's places, and hands it on to the forwarder.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::push::Batch;
use crate::pipeline::Budget;

/// Header with the secret that only this process knows; others on the machine cannot push through the relay.
pub(super) const TOKEN_HEADER: &str = "x-relay-token";

/// The relay.
#[derive(Clone)]
pub(super) struct Relay {
    batches: mpsc::Sender<Batch>,
    inside: Arc<AtomicUsize>,
    budget: Arc<Budget>,
    token: Arc<str>,
}

impl Relay {
    pub(super) fn new(batches: mpsc::Sender<Batch>, inside: Arc<AtomicUsize>, budget: Arc<Budget>) -> Relay {
        let token = format!("{:032x}", rand::random::<u128>()).into();
        Relay { batches, inside, budget, token }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Listens and serves on the current runtime until the task is aborted.
    pub(super) fn start(self) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        // What arrives was in this process' memory before and is bounded there; a limit here could only make tracing-loki
        // repeat the same batch for ever.
        let app = Router::new()
            .route("/loki/api/v1/push", post(receive))
            .layer(DefaultBodyLimit::disable())
            .with_state(self);
        let task = tokio::spawn(async move {
            // Serving ends only when the task is aborted: accept errors are retried inside.
            let _ = axum::serve(listener, app).await;
        });
        Ok((address, task))
    }

    fn take(&self, body: &[u8]) {
        // A body that cannot be read is tracing-loki's mistake; its events stay held and are counted when the books close.
        let Ok(batch) = Batch::read(body) else { return };
        let entries = batch.entries;
        self.inside.fetch_sub(entries, Ordering::SeqCst);
        if self.batches.try_send(batch).is_err() {
            self.budget.done(entries, entries);
        }
    }
}

async fn receive(State(relay): State<Relay>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if headers.get(TOKEN_HEADER).is_none_or(|token| token.as_bytes() != relay.token.as_bytes()) {
        return StatusCode::FORBIDDEN;
    }
    relay.take(&body);
    StatusCode::NO_CONTENT
}
