//! One link: accepts, connects to the target, and joins the two sockets. What is done to the bytes is `flow`'s work.

use super::condition::Condition;
use super::flow::{self, Broken, Flow, MOST_WAITING};
use super::shape::{Line, Shaper, Way};
use crate::plan::decide::number_of;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Most connections of a link at a time; further ones wait unaccepted.
const MOST_CONNECTIONS: usize = 4_096;
/// Pause after a connection could not be accepted, for want of file descriptors as a rule.
const BREATHER: Duration = Duration::from_millis(50);

/// What the connections of a link share.
#[derive(Debug)]
pub(super) struct Wire {
    target: String,
    listen: SocketAddr,
    /// The name as a number, for decisions.
    number: u64,
    pub(super) condition: watch::Sender<Condition>,
    there: Line,
    back: Line,
    accepted: AtomicU64,
    open: AtomicU64,
    resets: AtomicU64,
}

impl Wire {
    pub(super) fn new(name: &str, listen: SocketAddr, target: String) -> Self {
        Self {
            target,
            listen,
            number: number_of(name),
            condition: watch::Sender::default(),
            there: Line::default(),
            back: Line::default(),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            resets: AtomicU64::new(0),
        }
    }

    pub(super) fn json(&self, name: &str) -> Value {
        json!({
            "name": name, "listen": self.listen.to_string(), "target": self.target,
            "accepted": self.accepted.load(Relaxed), "open": self.open.load(Relaxed),
            "resets": self.resets.load(Relaxed), "condition": self.condition.borrow().json(),
        })
    }
}

/// Accepts for ever. Dropped, it closes all its connections.
pub(super) async fn serve(listener: TcpListener, wire: Arc<Wire>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept(&listener, &room) => {
                let Ok((client, place)) = accepted else {
                    tokio::time::sleep(BREATHER).await;
                    continue;
                };
                let number = wire.accepted.fetch_add(1, Relaxed);
                let wire = Arc::clone(&wire);
                connections.spawn(async move {
                    let _open = Open::new(&wire);
                    connection(client, &wire, number).await;
                    drop(place);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (client, _) = listener.accept().await?;
    Ok((client, place))
}

/// Counts a connection as long as it lives.
struct Open<'a>(&'a Wire);

impl<'a> Open<'a> {
    fn new(wire: &'a Wire) -> Self {
        wire.open.fetch_add(1, Relaxed);
        Self(wire)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

async fn connection(mut client: TcpStream, wire: &Wire, number: u64) {
    let Some(early) = established(&mut client, wire).await else { return };
    let Ok(mut target) = TcpStream::connect(&wire.target).await else {
        // Nobody listens there. The nearest to a refusal that a connection can still get.
        abort(&client);
        return;
    };
    // Without it the last segment of a message may wait for the peer's acknowledgement.
    if client.set_nodelay(true).and_then(|()| target.set_nodelay(true)).is_err() {
        return;
    }
    let joined = {
        let (from_client, to_client) = client.split();
        let (from_target, to_target) = target.split();
        let shaper = |way| Shaper::new(wire.number, number, way);
        let there = Flow::new(
            (from_client, to_target),
            (Way::There, &wire.there),
            shaper(Way::There),
            wire.condition.subscribe(),
        );
        let back = Flow::new(
            (from_target, to_client),
            (Way::Back, &wire.back),
            shaper(Way::Back),
            wire.condition.subscribe(),
        );
        tokio::try_join!(there.run(early), back.run(Vec::new()))
    };
    if let Err(broken) = joined {
        if matches!(broken, Broken::Decided) {
            wire.resets.fetch_add(1, Relaxed);
        }
        abort(&client);
        abort(&target);
    }
}

/// Waits until the target can be reached and returns what the client has sent meanwhile; none when it gave up before: then
/// no connection ever came about.
async fn established(client: &mut TcpStream, wire: &Wire) -> Option<Vec<u8>> {
    let mut condition = wire.condition.subscribe();
    let mut early = Vec::new();
    while condition.borrow_and_update().blackhole() {
        tokio::select! {
            piece = flow::read(client, MOST_WAITING), if early.len() < MOST_WAITING => {
                early.extend(piece.ok().flatten()?);
            }
            changed = condition.changed() => changed.ok()?,
        }
    }
    Some(early)
}

/// Makes the close of a socket a reset.
fn abort(socket: &TcpStream) {
    // A socket that is broken already needs none.
    let _ = socket.set_zero_linger();
}
