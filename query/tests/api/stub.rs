//! A server that gives one answer to everything and keeps what it was asked.

use axum::{
    Router,
    extract::{OriginalUri, State},
    http::StatusCode,
    response::IntoResponse,
};
use std::sync::{Arc, Mutex};

/// The server. It stops with the test's runtime.
pub(crate) struct Stub {
    pub(crate) base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Answers every request with this status, content type and body.
    pub(crate) async fn answering(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let body = body.into();
        Self::with(move |_| (status, [("content-type", content_type)], body.clone())).await
    }

    /// Answers every request with 200 and this JSON.
    pub(crate) async fn json(body: impl Into<String>) -> Self {
        Self::answering(200, "application/json", body).await
    }

    /// Answers as the function says, which is given path and query.
    pub(crate) async fn with<F, R>(answer: F) -> Self
    where
        F: Fn(&str) -> R + Clone + Send + Sync + 'static,
        R: IntoResponse,
    {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let handler = move |State(asked): State<Arc<Mutex<Vec<String>>>>, OriginalUri(uri): OriginalUri| {
            let answer = answer.clone();
            async move {
                let uri = uri.to_string();
                asked.lock().unwrap().push(uri.clone());
                answer(&uri).into_response()
            }
        };
        let app = Router::new().fallback(handler).with_state(Arc::clone(&asked));
        Self { base: serve(app).await, asked }
    }

    /// The paths and queries asked so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Serves an app on a free port; the base URL of it.
pub(crate) async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}
