//! `/loki/api/v1/tail`: lines as they come in, over a websocket. First the latest that there are, then what is new every half
//! second. Lines more than ten minutes late are not followed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::LokiError;
use super::lines::{self, Collected, Hit, Stream, Wish};
use super::query::{MAX_LIMIT, limit, wants_categories};
use super::times::{DEFAULT_LOGS_NS, range};
use crate::Backend;
use crate::api::params;
use crate::logql::{self, Query};
use crate::store::logs::LogQuery;
use crate::store::tail::Cursor;
use crate::time::now_ns;

/// Followers at once, as with Loki.
pub(crate) const MAX_TAILS: usize = 10;
/// How often the store is asked for new lines.
const POLL: Duration = Duration::from_millis(500);
const PING: Duration = Duration::from_secs(1);
/// The longest that one connection is followed.
const MAX_DURATION: Duration = Duration::from_secs(3600);
/// How long a client may leave a message unread.
const PATIENCE: Duration = Duration::from_secs(10);
/// Lines of one message.
const PER_MESSAGE: usize = 100;
/// Lines that wait for their time; what comes beyond is dropped, and the client told.
const MAX_WAITING: usize = 10_000;
/// The most seconds that lines may be held back.
const MAX_DELAY_S: i64 = 5;
const LATE_NS: i64 = 600_000_000_000;

pub(super) async fn tail(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let categorize = wants_categories(&request);
    let (mut parts, body) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let answer = async {
        let params = params::read(&backend.bodies, Request::from_parts(parts, body)).await?;
        let query = logql::parse_log(params.get("query").unwrap_or_default())?;
        let since_ns = range(&params, now_ns(), DEFAULT_LOGS_NS)?.start;
        let limit = limit(&params)?.min(MAX_LIMIT);
        let delay_s: i64 = params
            .get("delay_for")
            .unwrap_or("0")
            .parse()
            .map_err(|_| LokiError::bad("delay_for must be a number of seconds"))?;
        if !(0..=MAX_DELAY_S).contains(&delay_s) {
            return Err(LokiError::bad(format!("delay_for can't be greater than {MAX_DELAY_S}")));
        }
        let place = Arc::clone(&backend.tails).try_acquire_owned().map_err(|_| {
            LokiError::bad(format!(
                "max concurrent tail requests limit exceeded, count > limit ({} > {MAX_TAILS})",
                MAX_TAILS + 1
            ))
        })?;
        let upgrade = match upgrade {
            Ok(upgrade) => upgrade,
            Err(no_websocket) => return Ok(no_websocket.into_response()),
        };
        let asked =
            Asked { query: Arc::new(query), since_ns, limit, delay_ns: delay_s * 1_000_000_000, categorize };
        let backend = Arc::clone(&backend);
        Ok(upgrade.on_upgrade(move |socket| async move {
            let _place = place;
            serve(socket, &backend, asked).await;
        }))
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

#[derive(Debug, Clone)]
struct Asked {
    query: Arc<Query>,
    since_ns: i64,
    limit: usize,
    delay_ns: i64,
    categorize: bool,
}

/// Serves one follower to its end, and says why where it is not the client's.
async fn serve(mut socket: WebSocket, backend: &Arc<Backend>, asked: Asked) {
    let (code, reason) = tokio::select! {
        () = backend.stop.cancelled() => (close_code::AWAY, "the backend is stopping".to_owned()),
        () = tokio::time::sleep(MAX_DURATION) => (close_code::ERROR, "reached tail max duration limit".to_owned()),
        ended = follow(&mut socket, backend, asked) => match ended {
            Ok(()) => return,
            Err(LokiError(_, message)) => (close_code::ERROR, message),
        },
    };
    let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    // A client that is gone has no use for it.
    let _ = timeout(PATIENCE, socket.send(close)).await;
}

/// Returns when the client has left.
async fn follow(socket: &mut WebSocket, backend: &Arc<Backend>, asked: Asked) -> Result<(), LokiError> {
    let (mut poll, mut ping) = (interval(POLL), interval(PING));
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut follower = Some(Follower { asked, cursor: None, known: HashSet::new(), waiting: Vec::new() });
    loop {
        let messages = tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => continue,
            },
            _ = ping.tick() => vec![Message::Ping(Vec::new().into())],
            _ = poll.tick() => {
                let Some(mut state) = follower.take() else { return Ok(()) };
                let shared = Arc::clone(backend);
                let read = move |deadline| {
                    let messages = state.next(&shared, deadline);
                    (state, messages)
                };
                let (state, messages) = backend.gate.run(None, read).await?;
                follower = Some(state);
                messages?
            }
        };
        for message in messages {
            match timeout(PATIENCE, socket.send(message)).await {
                Ok(Ok(())) => {}
                _ => return Ok(()),
            }
        }
    }
}

/// What is known of a follower between two looks at the store.
#[derive(Debug)]
struct Follower {
    asked: Asked,
    /// None before the first look.
    cursor: Option<Cursor>,
    /// The lines of the first look, which the second may meet again.
    known: HashSet<Key>,
    /// Lines whose time has not come.
    waiting: Vec<Hit>,
}

type Key = (i64, Vec<(String, String)>, String);
/// The time and the stream of a line that is not sent.
type Dropped = (i64, Vec<(String, String)>);

impl Follower {
    fn next(&mut self, backend: &Backend, deadline: Instant) -> Result<Vec<Message>, LokiError> {
        let Asked { query, since_ns, limit, .. } = self.asked.clone();
        let mut dropped = Vec::new();
        match &mut self.cursor {
            None => {
                self.cursor = Some(backend.store.end()?);
                let times = since_ns..i64::MAX;
                let wish = Wish { times, limit, forward: false, interval: 0, deadline };
                self.waiting = lines::find(backend, &query, &wish)?.hits;
                self.known = self.waiting.iter().map(key).collect();
            }
            Some(cursor) => {
                let range = now_ns() - LATE_NS..i64::MAX;
                let asked =
                    LogQuery { selectors: vec![query.selector.clone()], range, keys: Vec::new(), deadline };
                let mut new = Collected::new(&query, MAX_WAITING.saturating_sub(self.waiting.len()));
                backend.store.follow_logs(cursor, &asked, &mut new)?;
                self.waiting.extend(new.hits.into_iter().filter(|hit| !self.known.contains(&key(hit))));
                self.known.clear();
                dropped = new.dropped;
            }
        }
        self.waiting.sort_by_key(|hit| hit.ts_ns);
        let until = now_ns() - self.asked.delay_ns;
        let later = self.waiting.split_off(self.waiting.partition_point(|hit| hit.ts_ns < until));
        let ready = std::mem::replace(&mut self.waiting, later);
        Ok(messages(ready, dropped, self.asked.categorize))
    }
}

fn key(hit: &Hit) -> Key {
    (hit.ts_ns, hit.stream.clone(), hit.line.clone())
}

/// Each line is a stream of its own, so that their order stays.
fn messages(ready: Vec<Hit>, dropped: Vec<Dropped>, categorize: bool) -> Vec<Message> {
    let streams: Vec<Stream> =
        ready.into_iter().flat_map(|hit| lines::group(vec![hit], categorize)).collect();
    let mut bodies: Vec<Value> =
        streams.chunks(PER_MESSAGE).map(|streams| json!({"streams": streams})).collect();
    if categorize {
        for body in &mut bodies {
            body["encodingFlags"] = json!(["categorize-labels"]);
        }
    }
    if let (Some(first), false) = (bodies.first_mut(), dropped.is_empty()) {
        let told = |(ts_ns, stream): Dropped| {
            let labels: Map<String, Value> = stream.into_iter().map(|(k, v)| (k, Value::from(v))).collect();
            json!({"labels": labels, "timestamp": ts_ns.to_string()})
        };
        first["dropped_entries"] = dropped.into_iter().map(told).collect();
    }
    bodies.into_iter().map(|body| Message::Text(body.to_string().into())).collect()
}
