//! A stand-in for the three services, and small plans for it.
#![allow(dead_code, reason = "each test file uses its part")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use loadgen::client::{RunId, Targets};
use loadgen::plan::Plan;
use loadgen::{Options, Report};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

/// What the shop was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Answers as the services would; counts and remembers; may hold all answers back.
pub(crate) struct Shop {
    pub(crate) url: String,
    pub(crate) asked: Mutex<Vec<Asked>>,
    /// An answer needs a permit, which it gives back.
    pub(crate) answers: Semaphore,
    /// Each request adds one here.
    pub(crate) arrived: Semaphore,
    broken: bool,
}

impl Shop {
    pub(crate) async fn open() -> Arc<Self> {
        Self::start(Semaphore::MAX_PERMITS, false).await
    }

    /// Answers nothing until permits are added.
    pub(crate) async fn holding() -> Arc<Self> {
        Self::start(0, false).await
    }

    /// Answers 500 to everything.
    pub(crate) async fn broken() -> Arc<Self> {
        Self::start(Semaphore::MAX_PERMITS, true).await
    }

    async fn start(permits: usize, broken: bool) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Mutex::default();
        let (answers, arrived) = (Semaphore::new(permits), Semaphore::new(0));
        let shop = Arc::new(Self { url, asked, answers, arrived, broken });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shop));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        shop
    }

    pub(crate) fn targets(&self) -> Targets {
        Targets::single(&self.url).unwrap()
    }

    pub(crate) fn count(&self) -> u64 {
        self.asked.lock().unwrap().len() as u64
    }
}

async fn answer(
    State(shop): State<Arc<Shop>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shop.asked.lock().unwrap().push(Asked {
        method: method.clone(),
        uri: uri.clone(),
        headers,
        body: body.clone(),
    });
    shop.arrived.add_permits(1);
    let _permit = shop.answers.acquire().await.unwrap();
    if shop.broken {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let number = |text: &str| {
        text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap_or(0)
    };
    let last = number(uri.path().rsplit('/').next().unwrap());
    let field = |name: &str| {
        let body = std::str::from_utf8(&body).unwrap();
        body.split(&format!("\"{name}\":")).nth(1).map_or(0, number)
    };
    match (method.as_str(), uri.path()) {
        ("POST", "/sessions") => (StatusCode::CREATED, r#"{"token":"secret-token"}"#).into_response(),
        ("POST", "/orders") => match (field("user_id"), field("product_id")) {
            (user, product) if user >= 1_000_000 || product >= 1_000_000 => {
                StatusCode::BAD_REQUEST.into_response()
            }
            (_, 9_001..=9_010) => StatusCode::CONFLICT.into_response(),
            _ => (StatusCode::CREATED, r#"{"id":4711,"status":"confirmed"}"#).into_response(),
        },
        _ if last >= 1_000_000 => StatusCode::NOT_FOUND.into_response(),
        _ => "{}".into_response(),
    }
}

/// A short plan without pauses: the steady profile with some texts replaced.
pub(crate) fn plan(seed: u64, duration: Duration, rps: f64, changes: &[(&str, &str)]) -> Arc<Plan> {
    let mut text = include_str!("../../profiles/steady.toml").replace("\"200ms\"", "\"0s\"");
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let profile = loadgen::profile::parse("test", "test.toml", &text).unwrap();
    Arc::new(Plan::new(&profile, seed, Some(duration), Some(rps)).unwrap())
}

/// Only this journey.
pub(crate) fn only(journey: &str) -> Vec<(String, String)> {
    let all = ["browse = 50", "buy = 30", "basket = 10", "login = 4", "wrong-id = 4", "sold-out = 2"];
    let name = |line: &str| line.split(' ').next().unwrap().to_owned();
    all.iter().filter(|l| name(l) != journey).map(|l| ((*l).to_owned(), format!("{} = 0", name(l)))).collect()
}

/// A short plan of one journey.
pub(crate) fn plan_of(journey: &str, duration: Duration, rps: f64) -> Arc<Plan> {
    let changes = only(journey);
    let changes: Vec<_> = changes.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    plan(1, duration, rps, &changes)
}

/// Options under which a busy machine does not make a run invalid.
pub(crate) fn options() -> Options {
    Options {
        run: RunId::new(42),
        lag_budget: Duration::from_secs(60),
        thresholds: Some(Vec::new()),
        ..Options::default()
    }
}

pub(crate) async fn run(plan: Arc<Plan>, targets: Targets, options: Options) -> Report {
    loadgen::run(plan, targets, options, |_| {}, std::future::pending()).await.unwrap()
}

/// A server that treats each connection as `serve` says, on raw bytes.
pub(crate) async fn raw<F, Fut>(serve: F) -> Targets
where
    F: Fn(tokio::net::TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let targets = Targets::single(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    targets
}

/// Asks a control listener. Returns status and body.
pub(crate) async fn ask(
    address: std::net::SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         accept: application/openmetrics-text, */*\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}
