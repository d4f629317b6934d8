//! Connections to one address: HTTP/1.1 with keep-alive, a request at a time on each, reconnected when the peer
//! has closed. No telemetry, no timeouts: the sender has both.

use super::answer::Failure;
use bytes::{Bytes, BytesMut};
use http::{Request, response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use std::sync::{Mutex, PoisonError};
use tokio::net::TcpStream;

/// Largest answer read. The services' largest has some tens of KiB.
const LARGEST_BODY: usize = 1024 * 1024;
/// Idle connections kept. Beyond it they are closed when their request is done.
const MOST_IDLE: usize = 128;

type Conn = SendRequest<Full<Bytes>>;

/// Idle connections of one address. The last used is used first, so that surplus ones stay idle.
#[derive(Debug)]
pub(super) struct Pool {
    authority: String,
    idle: Mutex<Vec<Conn>>,
}

impl Pool {
    pub(super) fn new(authority: String) -> Self {
        Self { authority, idle: Mutex::new(Vec::new()) }
    }

    /// Sends one request and reads the whole answer.
    pub(super) async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(response::Parts, Bytes), Failure> {
        loop {
            let (mut conn, reused) = match self.take() {
                Some(conn) => (conn, true),
                None => (self.connect().await?, false),
            };
            // A kept connection may have been closed meanwhile: nothing was sent yet, so another one is tried.
            if conn.ready().await.is_err() {
                if reused {
                    continue;
                }
                return Err(Failure::Closed);
            }
            match conn.try_send_request(request).await {
                Ok(response) => {
                    let (parts, body) = response.into_parts();
                    let body = read(body).await?;
                    if !conn.is_closed() {
                        self.give(conn);
                    }
                    return Ok((parts, body));
                }
                Err(mut refused) => match refused.take_message() {
                    Some(unsent) if reused => request = unsent,
                    _ => return Err(classify(refused.error())),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Conn, Failure> {
        let stream = TcpStream::connect(&self.authority).await.map_err(|_| Failure::Connect)?;
        // Without it the last segment of a request may wait for the peer's acknowledgement.
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        let handshake = Builder::new().handshake(TokioIo::new(stream)).await;
        let (conn, driver) = handshake.map_err(|_| Failure::Connect)?;
        tokio::spawn(async move {
            // What goes wrong on a connection is told to the request that waits on it.
            let _ = driver.await;
        });
        Ok(conn)
    }

    fn take(&self) -> Option<Conn> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(conn) = idle.pop() {
            if !conn.is_closed() {
                return Some(conn);
            }
        }
        None
    }

    fn give(&self, conn: Conn) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(conn);
        }
    }
}

/// Reads a body. Most come in one frame, which is then not copied.
async fn read(mut body: Incoming) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|e| classify(&e))?.into_data() else { continue };
        if first.len() + more.len() + data.len() > LARGEST_BODY {
            return Err(Failure::TooLarge);
        }
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&std::mem::take(&mut first));
            }
            more.extend_from_slice(&data);
        }
    }
    Ok(if more.is_empty() { first } else { more.freeze() })
}

fn classify(error: &hyper::Error) -> Failure {
    if error.is_parse() || error.is_parse_status() || error.is_parse_too_large() {
        Failure::Protocol
    } else {
        Failure::Closed
    }
}
