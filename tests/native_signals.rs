//! The real stack tells of each request what the embedded one tells: three signals joined by one correlation id, and the
//! same commands and pages to read them.

use std::collections::{BTreeMap, BTreeSet};

use query::{TraceId, Window, loki::Direction, prometheus::Exemplar, trace};
use serde_json::{Value, json};

use crate::harness::{Stack, eventually, json as parsed, native, said};

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
const SERVICES: [&str; 3] = ["order-service", "product-service", "user-service"];

/// One stack for all that only reads: five programs of some 600 MB in all need not be started for each question.
#[tokio::test]
async fn the_real_stack_tells_what_the_embedded_one_tells() {
    let Some(setup) = native::setup() else { return };
    let stack = setup.arg("--no-load").arg("--speed").arg("12").start().await;
    let order = json!({"user_id": 1, "product_id": 1001, "quantity": 2});
    assert_eq!(stack.order(&order, "native.42").await.status(), 201);
    let order = json!({"user_id": 1, "product_id": 999_999_999, "quantity": 1});
    assert_eq!(stack.order(&order, "native-refused").await.status(), 400);

    let id = a_log_line_leads_to_its_trace(&stack).await;
    tokio::join!(
        an_exemplar_leads_to_the_same_trace(&stack, id),
        spans_become_metrics_of_services_with_exemplars(&stack),
        calls_become_edges_between_services(&stack),
        everything_is_scraped_and_the_alerts_are_loaded(&stack),
        the_commands_show_the_order(&stack, id),
        the_console_shows_the_order(&stack, id),
    );
    an_audit_of_a_thousand_requests_finds_nothing(&stack).await;
}

async fn a_log_line_leads_to_its_trace(stack: &Stack) -> TraceId {
    let query = stack.query();
    // The names are found without reading the line: they are structured metadata.
    let line = eventually("the line of the order", || async {
        let logql = r#"{service_name="order-service"} | correlation_id="native.42""#;
        let lines = query.loki.query_range(logql, Window::last(HOUR), 100, Direction::Forward).await.ok()?;
        lines.into_iter().find(|line| line.message() == "order confirmed")
    })
    .await;
    assert_eq!(line.line, "order confirmed", "the line is the message alone");
    for name in ["trace_id", "correlation_id", "span_id"] {
        assert!(line.metadata.contains_key(name) && !line.labels.contains_key(name), "{name}: {line:?}");
    }
    assert_eq!(line.correlation_id(), Some("native.42"));
    let id = line.trace_id().expect("a trace id");

    let tree = eventually("a whole trace", || async {
        let tree = trace::load(&query, id).await.ok()?.tree;
        let services: BTreeSet<_> = tree.services.iter().map(String::as_str).collect();
        // The order's own span is sent last: with it, all is there.
        (services == BTreeSet::from(SERVICES) && tree.root().is_some() && tree.orphans().next().is_none())
            .then_some(tree)
    })
    .await;
    for node in &tree.nodes {
        let id = node.span.tag_text("correlation.id");
        assert_eq!(id.as_deref(), Some("native.42"), "{} in {}", node.span.operation_name, node.service);
    }
    let span = line.span_id().expect("a span id");
    assert!(tree.nodes.iter().any(|node| node.span.span_id == span), "the line's span is in the trace");
    id
}

async fn an_exemplar_leads_to_the_same_trace(stack: &Stack, id: TraceId) {
    let query = stack.query();
    eventually("an exemplar", || async {
        let expression = r#"http_server_request_duration_seconds_bucket{service="order-service",route="/orders",status="201"}"#;
        let found = query.prometheus.exemplars(expression, Window::last(HOUR)).await.ok()?;
        let of_order = |e: &Exemplar| e.labels.get("trace_id") == Some(&id.to_string());
        found.iter().flat_map(|series| &series.exemplars).any(of_order).then_some(())
    })
    .await;
}

async fn spans_become_metrics_of_services_with_exemplars(stack: &Stack) {
    let query = stack.query();
    let names = |label: &'static str, expression: &'static str| {
        let query = &query;
        async move {
            let samples = query.prometheus.instant(expression, None).await.ok()?.data.into_samples();
            Some(
                samples
                    .into_iter()
                    .filter_map(|mut sample| sample.labels.remove(label))
                    .collect::<BTreeSet<_>>(),
            )
        }
    };
    eventually("the three services have metrics made of spans", || async {
        let found =
            names("service_name", r#"traces_span_metrics_calls_total{span_kind="SPAN_KIND_SERVER"}"#).await?;
        (found == SERVICES.map(str::to_owned).into()).then_some(())
    })
    .await;
    let calls = eventually("the order's route", || async {
        let expression = r#"traces_span_metrics_calls_total{service_name="order-service",span_kind="SPAN_KIND_SERVER",http_route="/orders",http_response_status_code="201"}"#;
        query.prometheus.instant(expression, None).await.ok()?.data.into_samples().pop()
    })
    .await;
    assert_eq!(
        calls.labels.get("job").map(String::as_str),
        Some("order-service"),
        "of the service: {calls:?}"
    );
    assert_eq!(calls.labels.get("span_name").map(String::as_str), Some("POST /orders"), "{calls:?}");

    // The collector shows a span's exemplar for a second only, and Prometheus begins to scrape some seconds after its
    // start: there have to be requests for it to see one.
    let user = format!("{}/users/1", stack.url("user-service"));
    let id = eventually("an exemplar of a span", || async {
        assert_eq!(stack.http.get(&user).send().await.ok()?.status(), 200);
        let expression = r#"traces_span_metrics_duration_milliseconds_bucket{service_name="user-service",http_route="/users/{id}"}"#;
        let found = query.prometheus.exemplars(expression, Window::last(HOUR)).await.ok()?;
        let exemplar = found.into_iter().flat_map(|series| series.exemplars).next()?;
        Some(exemplar.labels.get("trace_id").expect("a trace id").parse().expect("32 hex digits"))
    })
    .await;
    eventually("the exemplar's trace", || async { query.jaeger.trace(id).await.ok() }).await;
}

async fn calls_become_edges_between_services(stack: &Stack) {
    let query = stack.query();
    let expected = [("order-service", "product-service"), ("order-service", "user-service")];
    eventually("the edges of the service graph", || async {
        let samples = query.prometheus.instant("traces_service_graph_request_total", None).await.ok()?;
        let edges: BTreeSet<_> = samples
            .data
            .into_samples()
            .into_iter()
            .filter_map(|mut sample| Some((sample.labels.remove("client")?, sample.labels.remove("server")?)))
            .collect();
        for (client, _) in &edges {
            assert!(SERVICES.contains(&client.as_str()) || client == "user", "a strange client: {edges:?}");
        }
        let has =
            |(client, server): &(&str, &str)| edges.contains(&((*client).to_owned(), (*server).to_owned()));
        expected.iter().all(has).then_some(())
    })
    .await;
}

/// What Prometheus' API says at a path.
async fn prometheus(stack: &Stack, path: &str) -> Option<Value> {
    let url = format!("{}/api/v1/{path}", stack.url("prometheus"));
    let answer: Value = stack.http.get(url).send().await.ok()?.json().await.ok()?;
    Some(answer["data"].clone())
}

async fn everything_is_scraped_and_the_alerts_are_loaded(stack: &Stack) {
    let jobs = [
        "alertmanager",
        "jaeger",
        "loki",
        "order-service",
        "otelcol",
        "otelcol-connectors",
        "product-service",
        "prometheus",
        "user-service",
    ];
    eventually("every target is up", || async {
        let data = prometheus(stack, "targets?state=active").await?;
        let health: BTreeMap<&str, &str> = data["activeTargets"]
            .as_array()?
            .iter()
            .filter_map(|target| Some((target["labels"]["job"].as_str()?, target["health"].as_str()?)))
            .collect();
        (health == jobs.map(|job| (job, "up")).into()).then_some(())
    })
    .await;
    let groups = eventually("the rules are evaluated", || async {
        let groups = prometheus(stack, "rules").await?["groups"].as_array()?.clone();
        let rules: Vec<_> =
            groups.iter().filter_map(|group| group["rules"].as_array()).flatten().cloned().collect();
        (!rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok")).then_some(rules)
    })
    .await;
    let alerts =
        |name: &str| groups.iter().filter(|rule| rule["type"] == "alerting" && rule["name"] == name).count();
    assert_eq!(
        ["OrderPlacementFails", "OrderPlacementSlow", "UserServiceUnavailable"].map(alerts),
        [4; 3],
        "{groups:?}"
    );

    let alertmanager = format!("{}/api/v2/alerts", stack.url("alertmanager"));
    eventually("Prometheus knows its Alertmanager", || async {
        let known = prometheus(stack, "alertmanagers").await?;
        (known["activeAlertmanagers"] == json!([{"url": alertmanager}])).then_some(())
    })
    .await;
}

async fn the_commands_show_the_order(stack: &Stack, id: TraceId) {
    let output = stack.run(&["trace", &id.to_string()]).await;
    let tree = said(&output);
    for word in ["POST /orders", "GET /users/{id}", "POST /products/batch", "order confirmed", "native.42"] {
        assert!(tree.contains(word), "{word:?} in {tree}");
    }
    eventually("the delivery of the notification is found by the correlation id, too", || async {
        let output = stack.run(&["trace", "--correlation", "native.42"]).await;
        let text = said(&output);
        (text.contains("POST /orders") && text.contains("POST /users/{id}/notifications")).then_some(())
    })
    .await;
    let output = stack.run(&["logs", r#"{service_name="order-service"} | correlation_id="native.42""#]).await;
    assert!(said(&output).contains("order confirmed"), "{}", said(&output));
    let output = stack.run(&["logs", r#"{service_name="order-service"}"#, "--json"]).await;
    assert_eq!(parsed(&output)["data"]["resultType"], "streams");
    eventually("the order is counted", || async {
        let output = stack.run(&["query", r#"sum(orders_total{outcome="confirmed"})"#, "--json"]).await;
        (parsed(&output)["data"]["result"][0]["value"][1] == "1").then_some(())
    })
    .await;
}

async fn the_console_shows_the_order(stack: &Stack, id: TraceId) {
    let page = |path: String| {
        let request = stack.http.get(format!("{}{path}", stack.url("console")));
        async move { request.send().await.ok()?.text().await.ok() }
    };
    let holds = |page: &str, words: &[&str]| words.iter().all(|word| page.contains(word));
    eventually("the waterfall with its log lines and its metric", || async {
        let page = page(format!("/trace/{id}")).await?;
        let words =
            [&SERVICES[..], &["order confirmed", "http_server_request_duration_seconds_count"]].concat();
        holds(&page, &words).then_some(())
    })
    .await;
    let row = eventually("the home page with its services and orders", || async {
        let home = page(String::new()).await?;
        let row = home.split("<tr>").find(|row| row.contains("native-refused"))?.to_owned();
        let words = [&SERVICES[..], &["native.42"]].concat();
        (holds(&home, &words) && row.contains("there is no product 999999999")).then_some(row)
    })
    .await;
    assert!(row.contains("status refused"), "{row}");
}

async fn an_audit_of_a_thousand_requests_finds_nothing(stack: &Stack) {
    let output = stack.run_long(&["audit", "--requests", "1000", "--json"]).await;
    let report = parsed(&output);
    assert!(output.status.success(), "{report} {}", said(&output));
    for (key, expected) in [("requests", 1000), ("traces_complete", 1000), ("logs_joined", 1000)] {
        assert_eq!(report[key], expected, "{report}");
    }
    assert_eq!((&report["orphan_spans"], &report["mismatches"]), (&json!(0), &json!(0)), "{report}");
    assert_eq!(report["metrics_equal"], true, "{report}");
}
