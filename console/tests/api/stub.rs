//! The three APIs in one small server, with canned answers of a failed order. Every text that a program could have
//! written may be made hostile.

use axum::{
    Json, Router,
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use query::UnixNanos;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The trace that is known; it has a second one of the same correlation id linked to it.
pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// The trace of an order that was refused for want of stock: its log lines say so, its spans only that it was.
pub(crate) const REFUSED: &str = "95f7651916cd43dd8448eb211c80319c";
/// The trace of the delivery, which links to the order's.
pub(crate) const DELIVERY: &str = "1bf7651916cd43dd8448eb211c80319d";

/// What stands in names, messages and values; the tests pass mark-up.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    pub(crate) text: String,
    /// Microseconds since 1970 when the order began.
    pub(crate) start_us: u64,
    /// How many traces carry the correlation id, and what it is.
    pub(crate) correlated: usize,
    pub(crate) correlation: String,
    /// For how many seconds the services have been measured, where that is known.
    pub(crate) measured_s: Option<f64>,
}

/// Serves the stub on a free port; its base URL.
pub(crate) async fn serve(words: Words) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = router(words);
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

fn router(words: Words) -> Router {
    let measured_s = words.measured_s;
    let (a, b, c, d) = (words.clone(), words.clone(), words.clone(), words);
    Router::new()
        .route(
            "/api/v1/query",
            get(move |Query(q): Query<HashMap<String, String>>| async move { instant(&q["query"], measured_s) }),
        )
        .route(
            "/api/v1/query_range",
            get(|Query(q): Query<HashMap<String, String>>| async move { range(&q) }),
        )
        .route("/api/v1/query_exemplars", get(|| async { exemplars() }))
        .route(
            "/loki/api/v1/query_range",
            get(|Query(q): Query<HashMap<String, String>>| async move { lines(&a, &q["query"]) }),
        )
        .route("/api/services", get(|| async { Json(json!({"data": ["order-service"], "errors": null})) }))
        .route("/api/traces", get(|| async move { found(&search(&b)) }))
        .route("/api/traces/{id}", get(|Path(id): Path<String>| async move { trace(&c, &id) }))
        .fallback(move || async move { (StatusCode::NOT_FOUND, d.text) })
}

fn found(traces: &[Value]) -> Response {
    Json(json!({"data": traces, "total": traces.len(), "limit": 0, "offset": 0, "errors": null}))
        .into_response()
}

fn trace(words: &Words, id: &str) -> Response {
    match id {
        TRACE => found(&[order(words, TRACE, 0, 503)]),
        DELIVERY => found(&[delivery(words)]),
        _ => {
            let body = json!({"data": null, "total": 0, "errors": [{"code": 404, "msg": "trace not found"}]});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
    }
}

fn search(words: &Words) -> Vec<Value> {
    let others = (1..14_u64).map(|n| {
        let status = if n % 5 == 0 { 409 } else { 201 };
        order(words, &format!("9{n:x}f7651916cd43dd8448eb211c80319c"), n * 733_000, status)
    });
    let mut traces: Vec<Value> = others.collect();
    traces.push(order(words, TRACE, 0, 503));
    traces
}

fn vector(rows: &[(Value, &str)]) -> Value {
    let rows: Vec<Value> =
        rows.iter().map(|(metric, value)| json!({"metric": metric, "value": [1.5, value]})).collect();
    json!({"status": "success", "data": {"resultType": "vector", "result": rows}})
}

fn instant(query: &str, measured_s: Option<f64>) -> Json<Value> {
    let row = |service: &str, value: &'static str| (json!({"service": service}), value);
    Json(if query.contains("process_start_time_seconds") {
        // Measured for as long as the words say; without, for longer than anybody looks back.
        let now = UnixNanos::now().micros() as f64 / 1e6;
        let since = measured_s.map(|seconds| (now - seconds).to_string());
        let services = ["order-service", "product-service", "user-service"];
        let rows =
            since.iter().flat_map(|since| services.map(|name| (json!({"service": name}), since.as_str())));
        vector(&rows.collect::<Vec<_>>())
    } else if query.starts_with("http_server") {
        vector(&[row("a", "1200"), row("a", "34")])
    } else if query.contains("0.50") {
        vector(&[
            row("order-service", "0.0119"),
            row("product-service", "0.0021"),
            row("user-service", "0.00102"),
        ])
    } else {
        vector(&[row("order-service", "0.412"), row("product-service", "0.0832"), row("user-service", "NaN")])
    })
}

fn range(q: &HashMap<String, String>) -> Json<Value> {
    let query = q["query"].as_str();
    let start: f64 = q["start"].parse().unwrap();
    let series = |service: &str, base: f64, wave: f64| {
        let points = (0..=30).filter(|n| *n != 9).map(|n| {
            let n = f64::from(n);
            let value = base + wave * ((n * 0.7).sin() + (n * 0.29).cos()).max(0.0);
            json!([start + n * 10.0, value.to_string()])
        });
        json!({"metric": {"service": service}, "values": points.collect::<Vec<_>>()})
    };
    let result = if query.contains("5..") {
        vec![series("order-service", 0.2, 0.8)]
    } else if query.contains("quantile") {
        vec![
            series("order-service", 0.12, 0.1),
            series("product-service", 0.02, 0.03),
            series("user-service", 0.004, 0.001),
        ]
    } else {
        vec![
            series("order-service", 18.0, 3.0),
            series("product-service", 42.0, 5.0),
            series("user-service", 20.0, 2.0),
        ]
    };
    Json(json!({"status": "success", "data": {"resultType": "matrix", "result": result}}))
}

fn exemplars() -> Json<Value> {
    let exemplar = |id: &str, value: &str| json!({"labels": {"trace_id": id, "span_id": "a"}, "value": value, "timestamp": 1.5});
    let rows = json!([{"seriesLabels": {"service": "order-service", "le": "1.0"},
        "exemplars": [exemplar(DELIVERY, "0.2"), exemplar(TRACE, "0.731")]}]);
    Json(json!({"status": "success", "data": rows}))
}

fn lines(words: &Words, query: &str) -> Json<Value> {
    let at = |offset: u64| ((words.start_us + offset) * 1_000).to_string();
    let line = |offset: u64, trace: &str, span: &str, level: &str, message: &str, fields: Value| {
        let mut metadata = json!({"trace_id": trace, "span_id": span, "severity_text": level, "severity_number": "9",
            "correlation_id": words.correlation});
        metadata.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!([at(offset), message, {"structuredMetadata": metadata}])
    };
    let request =
        json!({"http_request_method": "POST", "http_route": "/orders", "http_response_status_code": "503"});
    let mut order = vec![
        line(39_000, TRACE, "2", "ERROR", "request", request),
        line(31_000, TRACE, "2", "WARN", "order rejected", json!({"outcome": words.text})),
        line(20_000, TRACE, "7", "ERROR", &words.text, json!({"pool": "stock", "waited_ms": "8.1"})),
        line(26_000, TRACE, "ee", "DEBUG", "written in a span that was dropped", json!({})),
    ];
    if query.contains(REFUSED) && query.contains("| trace_id=~") {
        order.push(line(
            3_700_000,
            REFUSED,
            "2",
            "INFO",
            "order refused",
            json!({"outcome": "out_of_stock", "detail": format!("0 left of {}", words.text)}),
        ));
    }
    if query.contains("correlation_id") {
        order.truncate(if words.correlated == 0 { 0 } else { 1 });
        if words.correlated > 1 {
            order.push(line(90_000, DELIVERY, "1", "INFO", "delivered", json!({})));
        }
    }
    let streams = json!([{"stream": {"service_name": "order-service"}, "values": order}]);
    Json(json!({"status": "success", "data": {"resultType": "streams", "result": streams, "stats": {}}}))
}

fn process(name: &str) -> Value {
    let tag = |key: &str, value: &str| json!({"key": key, "type": "string", "value": value});
    json!({"serviceName": name, "tags": [tag("service.version", "0.1.0"), tag("service.instance.id", "5d1c0f9a")]})
}

struct Spans<'a> {
    trace: &'a str,
    start_us: u64,
    spans: Vec<Value>,
}

impl Spans<'_> {
    fn add(
        &mut self,
        process: &str,
        id: &str,
        parent: &str,
        name: &str,
        (offset, length): (u64, u64),
        tags: &[(&str, Value)],
    ) {
        let tags: Vec<Value> =
            tags.iter().map(|(key, value)| json!({"key": key, "type": "", "value": value})).collect();
        let mut references = vec![];
        if !parent.is_empty() {
            references.push(json!({"refType": "CHILD_OF", "traceID": self.trace, "spanID": parent}));
        }
        self.spans.push(json!({"traceID": self.trace, "spanID": id, "operationName": name, "references": references,
            "startTime": self.start_us + offset, "duration": length, "tags": tags, "logs": [], "processID": process}));
    }
}

fn http(kind: &str, method: &str, route: &str, status: u16) -> Vec<(&'static str, Value)> {
    let mut tags = vec![
        ("span.kind", json!(kind)),
        ("http.request.method", json!(method)),
        ("http.route", json!(route)),
        ("http.response.status_code", json!(status)),
    ];
    if status >= 500 || (kind == "client" && status >= 400) {
        tags.push(("error", json!(true)));
    }
    tags
}

fn order(words: &Words, trace: &str, later_us: u64, status: u16) -> Value {
    let mut s = Spans { trace, start_us: words.start_us + later_us, spans: vec![] };
    let reserve = if status == 201 { 200 } else { status };
    let mut root = http("client", "POST", "/orders", status);
    root.push(("correlation.id", json!(words.correlation)));
    s.add("p1", "1", "", "POST /orders", (0, 41_300), &root);
    let mut server = http("server", "POST", "/orders", status);
    server.push(("correlation.id", json!(words.correlation)));
    server.push(("note", json!(words.text)));
    s.add("p2", "2", "1", "POST /orders", (900, 39_500), &server);
    s.add(
        "p2",
        "3",
        "2",
        "SELECT idempotency_keys",
        (1_300, 700),
        &[
            ("db.system.name", json!("sqlite")),
            ("db.query.text", json!("SELECT response FROM idempotency_keys WHERE key = ?")),
        ],
    );
    s.add("p2", "4", "2", "GET /users/{id}", (2_400, 3_900), &http("client", "GET", "/users/{id}", 200));
    s.add("p4", "5", "4", "GET /users/{id}", (2_900, 2_600), &http("server", "GET", "/users/{id}", 200));
    let mut resent = http("client", "POST", "/products/{id}/reserve", reserve);
    resent.push(("http.request.resend_count", json!(1)));
    s.add("p2", "6", "2", "POST /products/{id}/reserve", (10_000, 12_400), &resent);
    let mut failed = http("server", "POST", "/products/{id}/reserve", reserve);
    if status == 503 {
        failed.push(("otel.status_description", json!(words.text)));
    }
    s.add("p3", "7", "6", "POST /products/{id}/reserve", (10_800, 10_500), &failed);
    s.add("p3", "8", "7", "acquire", (11_000, 9_400), &[("db.system.name", json!("sqlite"))]);
    s.add("p2", "9", "2", &words.text, (25_000, 12_000), &[]);
    if status == 503 {
        s.add("p3", "a", "ee", "UPDATE stock", (23_000, 1_200), &[]);
    }
    let processes = json!({"p1": process("loadgen"), "p2": process("order-service"), "p3": process("product-service"), "p4": process("user-service")});
    json!({"traceID": trace, "spans": s.spans, "processes": processes, "warnings": null})
}

fn delivery(words: &Words) -> Value {
    let mut s = Spans { trace: DELIVERY, start_us: words.start_us + 90_000, spans: vec![] };
    s.add("p2", "1", "", "outbox deliver", (0, 5_000), &[("correlation.id", json!(words.correlation))]);
    let link = json!({"refType": "FOLLOWS_FROM", "traceID": TRACE, "spanID": "2"});
    s.spans[0]["references"].as_array_mut().unwrap().push(link);
    s.add(
        "p4",
        "2",
        "1",
        "POST /users/{id}/notifications",
        (1_000, 3_000),
        &http("server", "POST", "/users/{id}/notifications", 201),
    );
    let processes = json!({"p2": process("order-service"), "p4": process("user-service")});
    json!({"traceID": DELIVERY, "spans": s.spans, "processes": processes, "warnings": null})
}
