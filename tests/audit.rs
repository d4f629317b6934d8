//! The audit proves that the three signals tell one story, and finds it when they do not.

use firedrill::load_control::LoadControl;

use crate::harness::{Setup, Stack, eventually, json, otlp_proxy::OtlpProxy, stderr};

#[tokio::test]
async fn a_sound_stack_passes_with_concurrency_planned_errors_and_background_traffic() {
    let stack = Setup::default().arg("--rps").arg("40").start().await;
    let output = stack.run_long(&["audit", "--requests", "1000", "--seed", "7", "--json"]).await;
    let report = json(&output);
    assert!(output.status.success(), "{report} {}", stderr(&output));
    assert_eq!(report["requests"], 1000);
    assert_eq!(report["traces_complete"], 1000);
    assert_eq!(report["orphan_spans"], 0);
    assert_eq!(report["logs_joined"], 1000);
    assert_eq!(report["metrics_equal"], true);
    assert_eq!(report["mismatches"], 0);

    // The traffic goes on afterwards.
    let load = LoadControl::new(stack.url("loadgen"), &stack.run.admin_token).expect("a client");
    let fired = load.status().await.expect("its state")["fired"].as_u64();
    eventually("the traffic goes on", || async {
        let now = load.status().await.ok()?;
        (now["fired"].as_u64() > fired).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stack_that_exports_over_grpc_passes_too() {
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let stack = Setup::default().arg("--no-load").env(grpc.0, grpc.1).start().await;
    let mut command = crate::harness::command(stack.home.path());
    let output = command.env(grpc.0, grpc.1).args(["audit", "--requests", "50", "--json"]).output().await;
    let output = output.expect("the audit runs");
    assert!(output.status.success(), "{}", crate::harness::said(&output));
}

#[tokio::test]
async fn an_interrupted_audit_lets_the_traffic_go_on_and_a_second_one_is_refused_meanwhile() {
    let stack = Setup::default().arg("--rps").arg("20").start().await;
    let load = LoadControl::new(stack.url("loadgen"), &stack.run.admin_token).expect("a client");
    let paused = |wanted: bool| {
        let load = &load;
        move || async move { (load.status().await.ok()?["paused"] == wanted).then_some(()) }
    };
    let mut command = crate::harness::command(stack.home.path());
    let mut audit =
        command.args(["audit", "--requests", "2000", "--concurrency", "1"]).spawn().expect("it starts");
    eventually("the pause", paused(true)).await;
    let second = stack.run(&["audit", "--requests", "1"]).await;
    assert_eq!(second.status.code(), Some(3), "{}", stderr(&second));
    assert!(stderr(&second).contains("another audit"), "{}", stderr(&second));

    crate::harness::signal(audit.id().expect("it runs"), rustix::process::Signal::INT);
    assert_eq!(audit.wait().await.expect("it ends").code(), Some(1));
    // Resumed, not left to a lease of half a minute: the state is right as soon as the command has ended.
    assert_eq!(load.status().await.expect("its state")["paused"], false);
}

/// An audit that finds something has waited for it in vain before: the three wait at the same time.
#[tokio::test]
async fn each_hole_in_the_signals_is_found() {
    tokio::join!(
        a_dropped_span_is_found(),
        a_withheld_log_line_is_found(),
        a_request_that_nobody_wrote_into_the_ledger_is_found()
    );
}

/// A quiet stack whose telemetry takes the way through a proxy.
async fn behind_proxy() -> (Stack, OtlpProxy) {
    let proxy = OtlpProxy::start().await;
    let stack =
        Setup::default().arg("--no-load").env("OTEL_EXPORTER_OTLP_ENDPOINT", &proxy.url()).start().await;
    proxy.forward_to(stack.url("otlp_http"));
    (stack, proxy)
}

async fn audit(stack: &Stack, proxy: &OtlpProxy) -> (Option<i32>, serde_json::Value) {
    let mut command = crate::harness::command(stack.home.path());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", proxy.url());
    let output =
        command.args(["audit", "--requests", "40", "--json"]).output().await.expect("the audit runs");
    (output.status.code(), json(&output))
}

async fn a_dropped_span_is_found() {
    let (stack, proxy) = behind_proxy().await;
    let mut dropped = 0;
    proxy.drop_spans(move |service, span| {
        let drop = dropped == 0 && service == "user-service" && span.name == "GET /users/{id}";
        dropped += u32::from(drop);
        drop
    });
    let (code, report) = audit(&stack, &proxy).await;
    assert_eq!(code, Some(1), "{report}");
    assert_eq!(report["traces_complete"], 39, "{report}");
    assert!(report["orphan_spans"].as_u64() >= Some(1), "{report}");
    assert_eq!(report["logs_joined"], 40, "{report}");
    assert_eq!(report["metrics_equal"], true, "{report}");
    let named = report["mismatch_list"][0]["correlation_id"].as_str().expect("its correlation id");
    assert!(named.starts_with("audit-"), "{report}");
}

async fn a_withheld_log_line_is_found() {
    let (stack, proxy) = behind_proxy().await;
    let mut withheld = 0;
    proxy.drop_logs(move |service, record| {
        let body = record.body.as_ref().and_then(|body| body.value.clone());
        let request = format!("{body:?}").contains("\"request\"");
        let drop = withheld == 0 && service == "product-service" && request;
        withheld += u32::from(drop);
        drop
    });
    let (code, report) = audit(&stack, &proxy).await;
    assert_eq!(code, Some(1), "{report}");
    assert_eq!(report["logs_joined"], 39, "{report}");
    assert_eq!(report["traces_complete"], 40, "{report}");
    assert_eq!(report["mismatches"], 1, "{report}");
    assert!(
        report["mismatch_list"][0]["what"].as_str().expect("text").contains("product-service"),
        "{report}"
    );
}

async fn a_request_that_nobody_wrote_into_the_ledger_is_found() {
    let stack = Stack::quiet().await;
    let http = stack.http.clone();
    let stranger = async {
        // One request beside the audit's own, as soon as they have begun: the counters have been looked at by then.
        let metrics = format!("{}/metrics", stack.url("order-service"));
        eventually("the audit's first request", || async {
            let text = http.get(&metrics).send().await.ok()?.text().await.ok()?;
            text.lines()
                .any(|line| line.starts_with("http_server_request_duration_seconds_count"))
                .then_some(())
        })
        .await;
        http.get(format!("{}/users/1", stack.url("user-service"))).send().await.expect("an answer");
    };
    let (output, ()) = tokio::join!(stack.run(&["audit", "--requests", "60", "--json"]), stranger);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(report["metrics_equal"], false, "{report}");
    assert_eq!(report["mismatches"], 1, "{report}");
    assert!(report["mismatch_list"][0]["what"].as_str().expect("text").contains("user-service"), "{report}");
}
