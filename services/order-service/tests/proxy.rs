//! An HTTP proxy in front of a real service that loses, delays or refuses what it is told to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tokio::sync::Semaphore;

/// What happens to one request.
#[derive(Clone)]
pub(crate) enum Fate {
    /// Nothing.
    Pass,
    /// It is answered with this status and `Retry-After`, and goes no further.
    Refuse(u16, u32),
    /// It reaches the service, and the connection breaks before the answer is through.
    LoseAnswer,
    /// It waits for a permit, then passes.
    Hold(Arc<Semaphore>),
}

type Rule = Box<dyn FnMut(&str) -> Fate + Send>;

#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    state: Arc<Rules>,
}

struct Rules {
    target: String,
    client: reqwest::Client,
    rule: Mutex<Rule>,
    hits: Mutex<Vec<String>>,
    arrived: tokio::sync::watch::Sender<usize>,
}

impl Proxy {
    pub(crate) async fn start(target: String) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Rules {
            target,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            rule: Mutex::new(Box::new(|_| Fate::Pass)),
            hits: Mutex::default(),
            arrived: tokio::sync::watch::channel(0).0,
        });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Decides by `METHOD /path` what happens from now on.
    pub(crate) fn rule(&self, rule: impl FnMut(&str) -> Fate + Send + 'static) {
        *self.state.rule.lock().unwrap() = Box::new(rule);
    }

    /// Applies `fate` to requests whose `METHOD /path` ends like this.
    pub(crate) fn on(&self, ending: &'static str, fate: Fate) {
        self.rule(move |request| if request.ends_with(ending) { fate.clone() } else { Fate::Pass });
    }

    /// Applies `fate` to the first such request only.
    pub(crate) fn once(&self, ending: &'static str, fate: Fate) {
        let mut fate = Some(fate);
        self.rule(move |request| {
            let taken = if request.ends_with(ending) { fate.take() } else { None };
            taken.unwrap_or(Fate::Pass)
        });
    }

    /// Requests that ended like this, so far.
    pub(crate) fn hits(&self, ending: &str) -> usize {
        self.state.hits.lock().unwrap().iter().filter(|hit| hit.ends_with(ending)).count()
    }

    /// Waits until so many requests ended like this.
    pub(crate) async fn wait_for(&self, ending: &str, count: usize) {
        let mut arrived = self.state.arrived.subscribe();
        arrived.wait_for(|_| self.hits(ending) >= count).await.unwrap();
    }
}

async fn forward(State(rules): State<Arc<Rules>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().as_str().to_owned();
    let name = format!("{} {}", parts.method, parts.uri.path());
    rules.hits.lock().unwrap().push(name.clone());
    rules.arrived.send_modify(|count| *count += 1);
    let fate = (rules.rule.lock().unwrap())(&name);
    match &fate {
        Fate::Refuse(status, seconds) => {
            let status = StatusCode::from_u16(*status).unwrap();
            return (status, [("retry-after", seconds.to_string())]).into_response();
        }
        Fate::Hold(permits) => permits.acquire().await.unwrap().forget(),
        Fate::Pass | Fate::LoseAnswer => {}
    }
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let sent = rules
        .client
        .request(parts.method, format!("{}{path}", rules.target))
        .headers(parts.headers)
        .body(body)
        .send()
        .await;
    let Ok(answer) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut response = Response::builder().status(answer.status());
    if let Some(kind) = answer.headers().get("content-type") {
        response = response.header("content-type", kind);
    }
    let bytes = answer.bytes().await.unwrap();
    if matches!(fate, Fate::LoseAnswer) {
        return response.header("content-length", bytes.len() + 1).body(Body::new(Broken)).unwrap();
    }
    response.body(bytes.into()).unwrap()
}

/// A body that fails, which breaks the connection.
struct Broken;

impl axum::body::HttpBody for Broken {
    type Data = axum::body::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Ready(Some(Err(std::io::Error::other("lost"))))
    }
}
