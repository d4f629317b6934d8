//! Endless traffic can be watched, paused with a lease and resumed; only with the token.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use loadgen::client::Targets;
use loadgen::plan::Plan;
use loadgen::serve::{ServeConfig, serve};
use serde_json::Value;
use std::sync::Arc;
use support::{Shop, ask, options};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Served {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<anyhow::Result<loadgen::Report>>,
}

const TOKEN: &str = "open-sesame";

async fn start(targets: Targets) -> Served {
    let text = include_str!("../profiles/steady.toml").replace("\"200ms\"", "\"1ms\"");
    let profile = loadgen::profile::parse("test", "test.toml", &text).unwrap();
    let plan = Arc::new(Plan::endless(&profile, 1, Some(200.0)).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let process = Some(telemetry::Metrics::new("loadgen", "1.2.3"));
    let config = ServeConfig { plan, targets, options: options(), token: TOKEN.to_owned(), process };
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(serve(listener, config, async move {
        let _ = stopped.await;
    }));
    Served { address, stop, ended }
}

impl Served {
    async fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
        ask(self.address, method, path, token, body).await
    }

    async fn status(&self) -> Value {
        let (code, body) = self.ask("GET", "/status", TOKEN, "").await;
        assert_eq!(code, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn end(self) -> loadgen::Report {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_silent_until_resumed() {
    let shop = Shop::open().await;
    let served = start(shop.targets()).await;
    shop.arrived.acquire_many(30).await.unwrap().forget();
    let (code, body) = served.ask("POST", "/pause", TOKEN, r#"{"lease_s":60}"#).await;
    assert_eq!(code, 200, "{body}");
    let before = shop.count();
    let paused: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((paused["paused"].clone(), paused["in_flight"].clone()), (true.into(), 0.into()));
    assert_eq!(paused["fired"], before, "all that was sent has arrived");
    // Sessions that were due in the pause are counted; of so many a leak would show.
    let status = loop {
        let status = served.status().await;
        if status["paused_sessions"].as_u64().unwrap() >= 30 {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((shop.count(), &status["fired"]), (before, &paused["fired"]));

    let (code, body) = served.ask("POST", "/resume", TOKEN, "").await;
    assert_eq!((code, serde_json::from_str::<Value>(&body).unwrap()["paused"].clone()), (200, false.into()));
    shop.arrived.acquire_many(20).await.unwrap().forget();
    let report = served.end().await;
    assert!(report.interrupted && report.paused > 0);
    assert_eq!((report.fired, report.scheduled), (shop.count(), shop.count()));
    assert_eq!(report.failed, 0, "{:?}", report.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_waits_for_what_is_under_way() {
    let shop = Shop::holding().await;
    let served = Arc::new(start(shop.targets()).await);
    shop.arrived.acquire_many(5).await.unwrap().forget();
    let asking = Arc::clone(&served);
    let pausing = tokio::spawn(async move { asking.ask("POST", "/pause", TOKEN, r#"{"lease_s":60}"#).await });
    while served.status().await["paused"] != true {
        tokio::task::yield_now().await;
    }
    assert!(!pausing.is_finished(), "five requests are under way");
    shop.answers.add_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let (code, body) = pausing.await.unwrap();
    assert_eq!(code, 200, "{body}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["in_flight"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_by_itself_with_its_lease() {
    let shop = Shop::open().await;
    let served = start(shop.targets()).await;
    shop.arrived.acquire_many(5).await.unwrap().forget();
    let (code, _) = served.ask("POST", "/pause", TOKEN, r#"{"lease_s":0.05}"#).await;
    assert_eq!(code, 200);
    let at_pause = shop.count() as u32;
    // Requests come again though nobody asked for it.
    shop.arrived.acquire_many(at_pause.saturating_sub(5) + 20).await.unwrap().forget();
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_order_is_shown_with_its_trace() {
    let shop = Shop::open().await;
    let served = start(shop.targets()).await;
    let status = loop {
        let status = served.status().await;
        if status["first_trace_id"].is_string() {
            break status;
        }
        shop.arrived.acquire_many(5).await.unwrap().forget();
    };
    let trace = status["first_trace_id"].as_str().unwrap();
    let asked = shop.asked.lock().unwrap().clone();
    let order = asked.iter().find(|a| a.headers["traceparent"].to_str().unwrap().contains(trace)).unwrap();
    assert_eq!((order.method.as_str(), order.uri.path()), ("POST", "/orders"));
    assert_eq!(order.headers["x-correlation-id"], status["first_correlation_id"].as_str().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_token_only_metrics_are_answered() {
    let served = start(Shop::open().await.targets()).await;
    for (method, path) in [("GET", "/status"), ("POST", "/pause"), ("POST", "/resume")] {
        for token in ["", "open-sesam", "open-sesame2"] {
            assert_eq!(served.ask(method, path, token, "{}").await.0, 401, "{path} {token:?}");
        }
    }
    assert_eq!(served.ask("GET", "/metrics", "", "").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_without_meaning_are_refused() {
    let served = start(Shop::open().await.targets()).await;
    for body in
        ["", "{}", r#"{"lease_s":0}"#, r#"{"lease_s":-1}"#, r#"{"lease_s":1e9}"#, r#"{"lease_s":1,"x":2}"#]
    {
        let (code, answer) = served.ask("POST", "/pause", TOKEN, body).await;
        assert_eq!(code, 400, "{body}: {answer}");
        assert!(answer.contains("lease_s"), "{answer}");
    }
    let (code, answer) =
        served.ask("POST", "/pause", TOKEN, &format!(r#"{{"lease_s":{}1}}"#, " ".repeat(1_024))).await;
    assert_eq!(code, 413, "{answer}");
    assert!(answer.contains("1024 bytes"), "{answer}");
    assert_eq!(served.status().await["paused"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_openmetrics_with_traces() {
    let shop = Shop::open().await;
    let served = start(shop.targets()).await;
    served.ask("GET", "/metrics", "", "").await;
    shop.arrived.acquire_many(60).await.unwrap().forget();
    served.ask("POST", "/pause", TOKEN, r#"{"lease_s":60}"#).await;
    let (_, text) = served.ask("GET", "/metrics", "", "").await;
    let status = served.status().await;
    let counted: u64 = text
        .lines()
        .filter(|l| l.starts_with("http_client_request_duration_seconds_count{"))
        .map(|l| l.split("} ").nth(1).unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(Value::from(counted), status["ended"], "each request is measured once");
    let label = "peer=\"order-service\",method=\"POST\",route=\"/orders\",status=\"201\"";
    let bucket = text.lines().find(|l| {
        l.starts_with("http_client_request_duration_seconds_bucket") && l.contains(label) && l.contains(" # ")
    });
    assert!(bucket.is_some_and(|l| l.contains("trace_id=\"") && l.contains("span_id=\"")), "{text}");
    assert!(
        text.contains(&format!(
            "loadgen_requests_scheduled_total{{service=\"loadgen\"}} {}",
            status["scheduled"]
        )),
        "{text}"
    );
    assert!(text.contains("build_info{") && text.contains("version=\"1.2.3\""), "{text}");
    assert_eq!(text.matches("# TYPE http_client_request_duration_seconds histogram").count(), 1, "{text}");
    assert_eq!((text.matches("# EOF").count(), text.ends_with("# EOF\n")), (1, true), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_instances_of_a_service_are_shown_and_replaced_while_traffic_flows() {
    let (old, new) = (Shop::open().await, Shop::open().await);
    let served = start(old.targets()).await;
    old.arrived.acquire_many(10).await.unwrap().forget();
    let list = |url: &str| format!(r#"[{{"url":"{url}","share":1}}]"#);
    let wrong_ones = [
        (r#"{"carts":[]}"#.to_owned(), "order-service"),
        (r#"{"order-service":[]}"#.to_owned(), "from 1 to"),
        (format!(r#"{{"user-service":{},"order-service":[{{}}]}}"#, list(&new.url)), "missing field"),
        ("[]".to_owned(), "http://HOST:PORT"),
    ];
    for (body, word) in wrong_ones {
        let (status, answer) = served.ask("PUT", "/endpoints", TOKEN, &body).await;
        assert!(status == 422 && answer.contains(word), "{status} {answer}");
    }
    assert_eq!(served.ask("PUT", "/endpoints", "guess", "{}").await.0, 401);
    let (_, shown) = served.ask("GET", "/endpoints", TOKEN, "").await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["order-service"][0]["url"], old.url, "nothing was half applied");
    assert_eq!(shown["order-service"][0]["healthy"], true);

    let all = ["user-service", "product-service", "order-service"];
    let lists: Vec<_> = all.iter().map(|name| format!(r#""{name}":{}"#, list(&new.url))).collect();
    let (status, answer) = served.ask("PUT", "/endpoints", TOKEN, &format!("{{{}}}", lists.join(","))).await;
    assert_eq!(status, 200, "{answer}");
    new.arrived.acquire_many(10).await.unwrap().forget();
    served.end().await;
}
