//! The Jaeger API against the real Jaeger: the same spans into both, the same calls to both.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Any,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use serde_json::{Value, json};

use super::jaeger::Jaeger;
use crate::harness::{TestBackend, attribute, now_ns, text};

/// All spans lie within this second, five seconds ago.
fn base() -> u64 {
    (now_ns() / 1_000_000_000 - 5) * 1_000_000_000
}

/// A span that starts so many microseconds after the base, and lasts so many.
fn span(base: u64, ids: (u8, u64, u64), name: &str, kind: i32, (at, us): (i64, u64)) -> Span {
    let (trace, id, parent) = ids;
    let start = base.saturating_add_signed(at * 1000);
    Span {
        trace_id: vec![trace; 16],
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: start,
        end_time_unix_nano: start + us * 1000,
        ..Span::default()
    }
}

fn of(resource: Vec<KeyValue>, scope: InstrumentationScope, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource { attributes: resource, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

/// Attributes of every type.
fn typed() -> Vec<KeyValue> {
    let list = ArrayValue {
        values: vec![
            any(Any::IntValue(1)),
            any(Any::DoubleValue(2.0)),
            any(Any::StringValue("<b>".to_owned())),
        ],
    };
    let map = KeyValueList { values: vec![text("z", "1"), attribute("a", Any::BoolValue(false))] };
    vec![
        text("z.last", "ä \"quoted\""),
        attribute("int", Any::IntValue(42)),
        attribute("big", Any::IntValue(i64::MAX)),
        attribute("float", Any::DoubleValue(0.5)),
        attribute("whole", Any::DoubleValue(3.0)),
        attribute("yes", Any::BoolValue(true)),
        attribute("bytes", Any::BytesValue(vec![0, 255, 7])),
        attribute("list", Any::ArrayValue(list)),
        attribute("map", Any::KvlistValue(map)),
        attribute("peer.ipv4", Any::IntValue(0x7f00_0001)),
        text("telemetry.sdk.name", "of the span"),
        text("correlation.id", "corr-1"),
        text("empty", ""),
    ]
}

fn requests(base: u64) -> Vec<ExportTraceServiceRequest> {
    let scope = InstrumentationScope {
        name: "lib".to_owned(),
        version: "1.2".to_owned(),
        attributes: vec![text("scope.key", "in scope")],
        ..InstrumentationScope::default()
    };
    let plain = InstrumentationScope::default;
    let shop =
        vec![text("service.version", "1"), text("service.name", "shop"), attribute("pid", Any::IntValue(7))];
    let users = vec![text("service.name", "users"), text("host.name", "h1")];
    let at = |ids, name, kind, times| span(base, ids, name, kind, times);

    let mut root = at((1, 1, 0), "GET /a", 2, (0, 100_000));
    root.attributes = typed();
    root.trace_state = "v=1".to_owned();
    root.flags = 0x101;
    root.status = Some(Status { code: 2, message: "it broke".to_owned() });
    let event = |name: &str, attributes| Event {
        time_unix_nano: base + 1_500_000,
        name: name.to_owned(),
        attributes,
        ..Event::default()
    };
    root.events = vec![
        event("z first", vec![text("b", "2"), text("a", "1"), text("event.key", "in event")]),
        event("", vec![text("only", "fields")]),
        event("named", vec![text("event", "of its own"), text("a", "1")]),
    ];
    root.dropped_attributes_count = 3;
    let mut linked = at((1, 2, 1), "call", 3, (1000, 50_000));
    let link = |trace: u8, id: u64, attributes| Link {
        trace_id: vec![trace; 16],
        span_id: id.to_be_bytes().to_vec(),
        attributes,
        ..Link::default()
    };
    linked.links = vec![
        link(9, 9, vec![text("why", "batch")]),
        link(1, 77, vec![text("opentracing.ref_type", "child_of")]),
        link(0, 5, vec![]),
        link(1, 1, vec![]),
    ];
    linked.status = Some(Status { code: 1, ..Status::default() });
    let mut late = at((2, 1, 0), "POST /a", 2, (200_000, 30_000));
    late.status = Some(Status { code: 2, ..Status::default() });
    late.attributes = vec![attribute("http.response.status_code", Any::IntValue(503))];
    // Its clock is ahead by a second; the next one's parent is not there; the one after ends before it begins.
    let skewed = at((2, 2, 1), "GET /users/{id}", 2, (900_000, 1_500));
    let lost = at((2, 3, 99), "lost", 1, (201_000, 10));
    let mut negative = at((2, 4, 1), "backwards", 1, (202_000, 10));
    negative.end_time_unix_nano = negative.start_time_unix_nano - 5_000_000;
    // This one takes no time at all.
    let no_time = at((2, 5, 1), "at once", 1, (203_000, 0));
    // Zipkin's way: both sides with one id, and a child of it.
    let shared = [
        at((3, 50, 0), "shared", 3, (300_000, 9_000)),
        at((3, 50, 0), "shared", 2, (301_000, 7_000)),
        at((3, 51, 50), "inside", 1, (302_000, 1_000)),
    ];
    let repeated = at((4, 1, 0), "twice", 5, (400_000, 10));
    let mut short = at((5, 1, 0), "short id", 0, (500_000, 20));
    short.trace_id = [vec![0; 8], vec![5; 8]].concat();
    // Not one id for both: which of the two Jaeger then warns of is by chance.
    let [missing, empty] = [1, 2].map(|id| at((6, id, 0), "nameless", 4, (600_000, 20)));
    let hosts = [at((7, 1, 0), "one host", 2, (700_000, 20)), at((7, 2, 1), "same host", 1, (600_000, 10))];

    let all = |resource_spans| ExportTraceServiceRequest { resource_spans };
    vec![
        all(vec![
            of(shop.clone(), scope.clone(), vec![root, linked]),
            of(users.clone(), plain(), vec![at((1, 3, 2), "GET /users/{id}", 2, (2000, 40_000))]),
        ]),
        all(vec![
            of(shop.clone(), scope, vec![late]),
            of(users.clone(), plain(), vec![skewed, lost, negative, no_time]),
        ]),
        all(vec![of(shop.clone(), plain(), shared.to_vec())]),
        all(vec![of(users.clone(), plain(), vec![repeated.clone()])]),
        all(vec![of(users.clone(), plain(), vec![repeated])]),
        all(vec![of(shop, plain(), vec![short])]),
        all(vec![of(vec![text("foo", "bar")], plain(), vec![missing])]),
        all(vec![of(vec![text("service.name", "")], plain(), vec![empty])]),
        all(vec![of([users, vec![text("ip", "10.0.0.1")]].concat(), plain(), hosts.to_vec())]),
    ]
}

/// The calls, with times as both understand them.
fn calls(base: u64) -> Vec<String> {
    let us = |ms: u64| base / 1000 + ms * 1000;
    let trace = |byte: &str| byte.repeat(16);
    let (start, end) = (us(0), us(2000));
    let window = format!("start={start}&end={end}");
    let (before, after) = (rfc3339(base, 0), rfc3339(base, 2000));
    let v3 = format!("query.start_time_min={before}&query.start_time_max={after}&query.num_traces=20");
    let search = |more: &str| format!("/api/traces?{window}&{more}");
    let end_ms = base / 1_000_000 + 3000;
    let mut calls: Vec<String> = [
        "/api/services",
        "/api/services/shop/operations",
        "/api/services/users/operations",
        "/api/services/missing-service-name/operations",
        "/api/services/nobody/operations",
        "/api/operations?service=shop",
        "/api/operations?service=users",
        "/api/operations?service=shop&spanKind=server",
        "/api/operations?service=shop&spanKind=SERVER",
        "/api/operations?service=nobody",
        "/api/operations",
        "/api/traces/0505050505050505",
        "/api/traces/505050505050505",
        "/api/traces/ffff",
        "/api/traces/nothex",
        "/api/traces/111111111111111111111111111111111",
        "/api/traces",
        "/api/traces?service=",
        "/api/traces?service=shop&limit=x",
        "/api/traces?service=shop&limit=3000000000",
        "/api/traces?service=shop&limit=0",
        "/api/traces?service=shop&limit=-1",
        "/api/traces?service=shop&start=x",
        "/api/traces?service=shop&end=99999999999999999999",
        "/api/traces?service=shop&tag=x",
        "/api/traces?service=shop&minDuration=5",
        "/api/traces?service=shop&maxDuration=5x",
        "/api/traces?service=shop&minDuration=2s&maxDuration=1s",
        "/api/traces?service=shop&raw=perhaps",
        "/api/traces?service=shop&traceID=xyz",
        "/api/traces?traceID=ffff",
        "/api/dependencies?endTs=x",
        "/api/dependencies?lookback=x",
        "/api/dependencies?endTs=1000&lookback=1000",
        "/api/v3/services",
        "/api/v3/operations?service=shop",
        "/api/v3/operations?service=users&span_kind=server",
        "/api/v3/operations?service=nobody",
        "/api/v3/traces",
        "/api/v3/traces/ffff",
        "/api/v3/traces/xyz",
    ]
    .map(str::to_owned)
    .into();
    for byte in ["01", "02", "03", "04", "06", "07"] {
        calls.push(format!("/api/traces/{}", trace(byte)));
    }
    calls.push(format!("/api/traces/{}?raw=true", trace("01")));
    calls.push(format!("/api/traces?traceID={}&traceID={}&traceID=ffff", trace("01"), trace("04")));
    calls.push(format!("/api/traces?traceID={}&traceID={}", trace("04"), trace("04")));
    calls.extend([
        search("service=shop"),
        search("service=shop&limit=20&operation=GET%20/a"),
        search("service=shop&operation=nothing"),
        search("service=nobody"),
        search("service=users"),
        search("service=empty-service-name"),
        search("service=shop&minDuration=50ms"),
        search("service=shop&maxDuration=10ms"),
        search("service=shop&minDuration=9ms&maxDuration=30ms"),
        search("service=shop&minDuration=30ms&maxDuration=30ms"),
        search("service=shop&tag=correlation.id:corr-1"),
        search("service=shop&tag=int:42"),
        search("service=shop&tag=yes:true&tag=float:0.5"),
        search("service=shop&tag=yes:true&tag=float:1.5"),
        search("service=shop&tag=whole:3"),
        search("service=shop&tag=bytes:AP8H"),
        search("service=shop&tags={\"http.response.status_code\":\"503\"}"),
        search("service=shop&tags={\"service.version\":\"1\",\"scope.key\":\"in scope\"}"),
        search("service=shop&tag=event.key:in%20event"),
        search("service=shop&tag=list:[1,2,\"<b>\"]"),
        search("service=shop&tag=map:{\"a\":false,\"z\":\"1\"}"),
        search("service=shop&tag=empty:"),
        search("service=users&tag=host.name:h1"),
        search("service=shop&tag=int:42&raw=true"),
        format!("/api/traces?service=shop&start={}&end={}", us(200), us(200)),
        format!("/api/traces?service=shop&start={}&end={}", us(0), us(199)),
        format!("/api/traces?service=shop&start={}&end={}", us(200) + 1, us(2000)),
        format!("/api/traces?service=shop&start={start}&end={end}&lookback=1h"),
        format!("/api/dependencies?endTs={end_ms}&lookback=60000"),
        format!("/api/dependencies?endTs={end_ms}&lookback=60000&service=users"),
        format!("/api/dependencies?endTs={end_ms}&lookback=60000&service=nobody"),
        format!("/api/v3/traces?{v3}&query.service_name=nobody"),
        format!("/api/v3/traces?{v3}&query.service_name=shop&query.duration_max=5"),
        format!("/api/v3/traces?{v3}&query.service_name=shop&query.raw_traces=x"),
        format!("/api/v3/traces?query.start_time_min={before}&query.start_time_max={after}&query.service_name=shop"),
        format!("/api/v3/traces?query.start_time_min={before}&query.start_time_max={after}&query.num_traces=x"),
    ]);
    calls
}

/// Calls that Jaeger's store in memory answers rightly only once: what is done to a trace before it is shown stays done.
fn calls_of_the_untouched(base: u64) -> Vec<String> {
    let trace = |byte: &str| byte.repeat(16);
    let (before, after) = (rfc3339(base, 0), rfc3339(base, 2000));
    let v3 = format!("query.start_time_min={before}&query.start_time_max={after}&query.num_traces=20");
    let mut calls: Vec<String> =
        ["01", "02", "03", "04", "06", "07"].map(|byte| format!("/api/v3/traces/{}", trace(byte))).into();
    calls.extend([
        format!("/api/v3/traces/{}?raw_traces=true", trace("01")),
        format!("/api/v3/traces/{}?raw_traces=true", trace("03")),
        format!("/api/v3/traces?{v3}&query.service_name=shop"),
        format!("/api/v3/traces?{v3}&query.service_name=shop&query.raw_traces=true"),
        format!("/api/v3/traces?{v3}&query.service_name=users&query.operation_name=twice"),
        format!("/api/v3/traces?{v3}&query.service_name=shop&query.duration_min=50ms"),
    ]);
    calls
}

fn rfc3339(base: u64, ms: u64) -> String {
    let seconds = base / 1_000_000_000 + ms / 1000;
    jiff::Timestamp::from_second(seconds as i64).expect("a time").to_string()
}

/// Sorts what comes in no order, and puts processes into the spans that name them.
fn normal(mut answer: Value) -> Value {
    for trace in answer["data"].as_array_mut().into_iter().flatten().filter(|item| item.is_object()) {
        let processes = trace["processes"].take();
        for span in trace["spans"].as_array_mut().into_iter().flatten() {
            span["processID"] = processes[span["processID"].as_str().unwrap_or_default()].clone();
        }
    }
    // Which spans share a resource is told by the resource of each.
    if let Some(groups) = answer["result"]["resourceSpans"].as_array() {
        let mut spans = Vec::new();
        for group in groups {
            for scope in group["scopeSpans"].as_array().expect("scopes") {
                // A span that was sent twice leaves an empty group behind in Jaeger.
                for span in scope["spans"].as_array().into_iter().flatten() {
                    spans.push(json!([group["resource"], scope["scope"], span]));
                }
            }
        }
        answer = spans.into();
    }
    sorted(answer)
}

/// All lists in the order of their text, but those whose order means something; whole numbers as such.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(map) => {
            let ordered = ["tags", "fields", "references", "values"];
            let each = map.into_iter().map(|(name, value)| match value {
                Value::Array(items) if ordered.contains(&name.as_str()) => {
                    (name, items.into_iter().map(sorted).collect())
                }
                value => (name, sorted(value)),
            });
            Value::Object(each.collect())
        }
        Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0 && n.abs() < 1e15) => {
            (number.as_f64().unwrap_or_default() as i64).into()
        }
        other => other,
    }
}

/// A Jaeger that has been sent the same spans.
async fn jaeger(backend: &TestBackend, base: u64) -> Option<Jaeger> {
    let jaeger = Jaeger::start(&backend.client).await?;
    for request in requests(base) {
        let url = format!("{}/v1/traces", jaeger.otlp);
        let answer = backend.post(url, "application/x-protobuf", request.encode_to_vec()).await;
        assert_eq!(answer.status(), 200);
    }
    Some(jaeger)
}

#[tokio::test]
async fn jaegers_api_answers_as_jaeger_does() {
    let backend = TestBackend::start().await;
    let base = base();
    let Some(used) = jaeger(&backend, base).await else { return };
    for request in requests(base) {
        backend.send(&request).await;
    }
    let ask = async |address: &str, call: &str| {
        let answer = backend.client.get(format!("{address}{call}")).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{call}: {e}: {text}"));
        (status, normal(json))
    };
    let (calls, of_the_untouched) = (calls(base), calls_of_the_untouched(base));
    assert!(calls.len() + of_the_untouched.len() >= 90, "{} {}", calls.len(), of_the_untouched.len());
    let mut different = Vec::new();
    let mut compare = async |jaeger: &Jaeger, call: &str| {
        let theirs = ask(&jaeger.api, call).await;
        let ours = ask(&backend.jaeger, call).await;
        if theirs != ours {
            different
                .push(format!("{call}\n  theirs {} {}\n  ours   {} {}", theirs.0, theirs.1, ours.0, ours.1));
        }
    };
    for call in &calls {
        compare(&used, call).await;
    }
    for call in &of_the_untouched {
        let untouched = jaeger(&backend, base).await.expect("a Jaeger");
        compare(&untouched, call).await;
    }
    assert!(different.is_empty(), "{} calls differ:\n{}", different.len(), different.join("\n"));
}
