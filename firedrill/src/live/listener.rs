//! A webhook of our own: who was told of which alert, and when.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::failure::Failure;

/// So many notifications are kept; more belong to no drill.
const MOST: usize = 10_000;

/// Somebody was told of an alert.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) at: Timestamp,
    pub(super) receiver: String,
    pub(super) labels: BTreeMap<String, String>,
}

type Notes = Arc<Mutex<Vec<Note>>>;

/// The part of Alertmanager's message that is read.
#[derive(Deserialize)]
struct Message {
    receiver: String,
    alerts: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    status: String,
    labels: BTreeMap<String, String>,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    url: String,
    notes: Notes,
    stop: CancellationToken,
    _serving: AbortOnDropHandle<()>,
}

impl Listener {
    pub(super) async fn start() -> Result<Self, Failure> {
        let failed = |error| Failure::environment(format!("cannot listen for notifications: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let url = format!("http://{}/", listener.local_addr().map_err(failed)?);
        let (notes, stop) = (Notes::default(), CancellationToken::new());
        let app = Router::new().route("/", post(take)).with_state(Arc::clone(&notes));
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            // A listener that fails hears nothing, and a case in which nobody is told is not good.
            let _ = axum::serve(listener, app).with_graceful_shutdown(stopped).await;
        });
        Ok(Self { url, notes, stop, _serving: AbortOnDropHandle::new(serving) })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Who was told of what fires, from a moment on, in the order in which they were.
    pub(super) fn told_since(&self, moment: Timestamp) -> Vec<Note> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().filter(|note| note.at >= moment).cloned().collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn take(State(notes): State<Notes>, Json(message): Json<Message>) -> StatusCode {
    let at = Timestamp::now();
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    for alert in message.alerts.into_iter().filter(|alert| alert.status == "firing") {
        if notes.len() < MOST {
            notes.push(Note { at, receiver: message.receiver.clone(), labels: alert.labels });
        }
    }
    StatusCode::OK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_fires_is_noted_with_its_receiver_and_what_is_over_is_not() {
        let listener = Listener::start().await.expect("it listens");
        let began = Timestamp::now();
        let alert = |status, name| serde_json::json!({"status": status, "labels": {"alertname": name}, "startsAt": "x"});
        let message = serde_json::json!({"receiver": "pager", "alerts": [alert("firing", "A"), alert("resolved", "B")], "version": "4"});
        let answer =
            reqwest::Client::new().post(listener.url()).json(&message).send().await.expect("an answer");
        assert!(answer.status().is_success());
        let notes = listener.told_since(began);
        let [note] = &notes[..] else { panic!("{notes:?}") };
        assert_eq!((note.receiver.as_str(), note.labels["alertname"].as_str()), ("pager", "A"));
        assert!(listener.told_since(Timestamp::MAX).is_empty());
    }
}
