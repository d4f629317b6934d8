//! A receiver of webhooks, which keeps what it is told.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Listens until it is dropped.
pub(crate) struct Hook {
    /// Whatever stands behind it names the receiver.
    pub(crate) url: String,
    told: Arc<Mutex<Vec<(String, Value)>>>,
    serving: JoinHandle<()>,
}

impl Hook {
    pub(crate) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let told: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let keep = Arc::clone(&told);
        let take = move |Path(name): Path<String>, Json(message): Json<Value>| {
            keep.lock().expect("no panic").push((name, message));
            std::future::ready(())
        };
        let serving = axum::serve(listener, Router::new().route("/{name}", post(take)));
        let serving = tokio::spawn(async move { serving.await.expect("it serves") });
        Self { url, told, serving }
    }

    /// All that it was told so far: the receiver and the message.
    pub(crate) fn told(&self) -> Vec<(String, Value)> {
        self.told.lock().expect("no panic").clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
