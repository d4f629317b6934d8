//! What telemetry costs a request: the same handler through the same router, bare and observed, with spans and log records
//! going to a collector over HTTP and JSON lines to the null device. No sockets between client and handler, so the figure is
//! the layer's own cost per request and not a share of some service's.
//!
//! Run with `cargo bench -p telemetry`. Figures depend on the machine; compare those of one run.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use telemetry::config::LogExport;
use telemetry::{Builder, Config, Metrics};
use tower::Service;

const ROUNDS: u32 = 5;
const REQUESTS: u32 = 20_000;

fn app() -> Router {
    Router::new().route("/users/{id}", get(|| async { "Alice" }))
}

/// A collector that takes everything and keeps nothing, on a thread of its own.
fn collector() -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            sender.send(listener.local_addr().expect("bound")).expect("the benchmark listens");
            axum::serve(listener, Router::new().fallback(|| async {})).await.expect("serving");
        });
    });
    receiver.recv().expect("the collector starts")
}

async fn per_request(mut app: Router) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..REQUESTS {
            let request = Request::get("/users/7").header("host", "127.0.0.1:5001").body(Body::empty());
            poll_fn(|cx| Service::<Request<Body>>::poll_ready(&mut app, cx)).await.expect("ready");
            let response = app.call(request.expect("valid")).await.expect("an answer");
            assert_eq!(response.status(), 200);
        }
        best = best.min(started.elapsed() / REQUESTS);
    }
    best
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let bare = runtime.block_on(per_request(app()));
    println!("bare                      {bare:>10.2?}");

    let metrics = Metrics::new("bench", "0");
    let unsubscribed = runtime.block_on(per_request(app().layer(telemetry::server::layer(metrics))));
    println!("layer, no subscriber      {unsubscribed:>10.2?}");

    let collector = collector();
    let nothing = LogExport::None;
    let measure = |name: &str, choose: &dyn Fn(&mut Config)| {
        let mut config = Config::read("bench", "0", |variable| {
            (variable == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| format!("http://{collector}"))
        })
        .expect("a valid configuration");
        config.span_queue.capacity = 16_384;
        config.log_queue.capacity = 16_384;
        choose(&mut config);
        let null = std::fs::File::create("/dev/null").expect("the null device");
        let (dispatch, telemetry) = Builder::new(config).output(null).build().expect("set up");
        let default = tracing::dispatcher::set_default(&dispatch);
        let layer = telemetry::server::layer(telemetry.metrics().clone());
        let cost = runtime.block_on(per_request(app().layer(layer)));
        drop(default);
        let report = runtime.block_on(telemetry.shutdown());
        let lost = report.traces.dropped + report.logs.dropped;
        println!("{name:<26}{cost:>10.2?}  (+{:.2?}, {lost} lost)", cost.saturating_sub(bare));
    };
    measure("spans, not recorded", &|config| {
        (config.stdout, config.logs, config.sampler.ratio) = (false, nothing.clone(), 0.0);
    });
    measure("spans", &|config| (config.stdout, config.logs) = (false, nothing.clone()));
    measure("spans, lines", &|config| config.logs = nothing.clone());
    measure("spans, records", &|config| config.stdout = false);
    measure("spans, lines, records", &|_| {});
}
