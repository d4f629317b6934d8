//! A relay with one link, and a server behind it that echoes and remembers.
#![allow(dead_code, reason = "each test file uses its part")]

use super::support::ask;
use loadgen::relay;
use serde_json::Value;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "open-sesame";
/// The link's name as it stands in a path.
pub(crate) const LINK: &str = "/links/shop%3Estore";

type Ended = Result<(), ErrorKind>;

/// Echoes each connection's bytes.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
    bytes: Arc<Semaphore>,
    accepted: Arc<Mutex<u32>>,
    ended: AsyncMutex<mpsc::UnboundedReceiver<Ended>>,
}

impl Server {
    pub(crate) async fn echo() -> Self {
        Self::start(usize::MAX).await
    }

    /// Closes a connection after so many bytes.
    pub(crate) async fn closing_after(bytes: usize) -> Self {
        Self::start(bytes).await
    }

    async fn start(most: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ends, ended) = mpsc::unbounded_channel();
        let server = Self {
            address,
            received: Arc::default(),
            bytes: Arc::new(Semaphore::new(0)),
            accepted: Arc::default(),
            ended: AsyncMutex::new(ended),
        };
        let (received, bytes) = (Arc::clone(&server.received), Arc::clone(&server.bytes));
        let accepted = Arc::clone(&server.accepted);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                *accepted.lock().unwrap() += 1;
                let (received, bytes, ends) = (Arc::clone(&received), Arc::clone(&bytes), ends.clone());
                tokio::spawn(async move {
                    let mut buffer = vec![0; 16 * 1_024];
                    let mut left = most;
                    let end = loop {
                        match stream.read(&mut buffer).await {
                            Ok(0) => break Ok(()),
                            Ok(n) => {
                                received.lock().unwrap().extend_from_slice(&buffer[..n]);
                                bytes.add_permits(n);
                                let Ok(()) = stream.write_all(&buffer[..n]).await else { break Ok(()) };
                                left -= n;
                            }
                            Err(e) => break Err(e.kind()),
                        }
                        if left == 0 {
                            break Ok(());
                        }
                    };
                    let _ = ends.send(end);
                });
            }
        });
        server
    }

    pub(crate) fn received(&self) -> Vec<u8> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn accepted(&self) -> u32 {
        *self.accepted.lock().unwrap()
    }

    pub(crate) async fn until_received(&self, bytes: u32) {
        self.bytes.acquire_many(bytes).await.unwrap().forget();
    }

    /// How the next connection that ends has ended.
    pub(crate) async fn ended(&self) -> Ended {
        self.ended.lock().await.recv().await.unwrap()
    }
}

/// A running relay.
pub(crate) struct Relay {
    pub(crate) control: SocketAddr,
    pub(crate) entry: SocketAddr,
    name: String,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<anyhow::Result<()>>,
}

impl Relay {
    pub(crate) async fn to(server: &Server) -> Self {
        Self::at(&server.address.to_string()).await
    }

    pub(crate) async fn at(target: &str) -> Self {
        Self::named("shop>store", target).await
    }

    pub(crate) async fn named(name: &str, target: &str) -> Self {
        let relay = relay::Relay::default();
        let entry = relay.link(name, target.to_owned()).await.unwrap();
        let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = control.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(async move {
            let stopped = async move {
                // Dropped with the test: then too it is over.
                let _ = stopped.await;
            };
            relay.serve(control, TOKEN, stopped).await
        });
        Self { control: address, entry, name: name.to_owned(), stop, ended }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.entry).await.unwrap()
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (code, body) = ask(self.control, method, path, TOKEN, body).await;
        (code, if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() })
    }

    /// Changes the link's condition for good.
    pub(crate) async fn set(&self, condition: &str) -> Value {
        let (code, link) = self.ask("PATCH", LINK, &format!(r#"{{"condition":{condition}}}"#)).await;
        assert_eq!(code, 200, "{link}");
        link
    }

    /// The link as the control listener shows it.
    pub(crate) async fn link(&self) -> Value {
        let (code, body) = self.ask("GET", "/links", "").await;
        assert_eq!(code, 200, "{body}");
        body["links"].as_array().unwrap().iter().find(|l| l["name"] == *self.name).unwrap().clone()
    }

    /// Sends one byte to `server` over another link and back: what was sent before has had every chance to arrive.
    pub(crate) async fn seen_by_another_link(&self, server: &Server) {
        let body = format!(r#"{{"name":"other","target":"{}"}}"#, server.address);
        let (code, link) = self.ask("POST", "/links", &body).await;
        assert_eq!(code, 201, "{link}");
        let mut stream = TcpStream::connect(link["listen"].as_str().unwrap()).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
    }
}
