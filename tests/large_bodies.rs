//! A body beyond its bound is answered 413 in the words of the API it was sent to, whether its length was declared or
//! not, and the answer is not lost to a client that is still writing.

use serde_json::Value;

use crate::harness::{
    Setup, Stack,
    raw_http::{Answer, Framing, post_zeros},
};

/// Beyond every bound, and more than the sockets between the two hold.
const LARGE: usize = 32 << 20;
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PROBLEM: &str = "application/problem+json";
const PLAIN: &str = "text/plain; charset=utf-8";

async fn refused(url: &str, sent: &str, answered: &str) -> [Answer; 2] {
    refused_with(url, &[("content-type", sent)], answered).await
}

async fn refused_with(url: &str, headers: &[(&str, &str)], answered: &str) -> [Answer; 2] {
    let mut answers = Vec::new();
    for framing in [Framing::Declared, Framing::Chunked] {
        let answer = post_zeros(url, headers, LARGE, framing).await;
        assert_eq!(answer.status, 413, "{url} {framing:?}: {answer:?}");
        assert_eq!(answer.headers["content-type"], answered, "{url} {framing:?}");
        answers.push(answer);
    }
    answers.try_into().expect("two")
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// The `google.rpc.Status` of an answer in protobuf.
#[derive(prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[tokio::test]
async fn the_backend_takes_a_large_body_to_its_end_and_refuses_it() {
    let stack = Stack::quiet().await;
    let said = "the request body is larger than 16777216 bytes";
    let (otlp, loki) = (stack.url("otlp_http"), stack.url("loki"));
    let exports = ["/v1/traces", "/v1/logs", "/v1/metrics"].map(|path| format!("{otlp}{path}"));
    for url in exports.into_iter().chain([format!("{loki}/otlp/v1/logs")]) {
        for answer in refused(&url, PROTOBUF, PROTOBUF).await {
            let status = <Status as prost::Message>::decode(&*answer.body).expect("a status");
            assert_eq!((status.code, status.message.as_str()), (8, said), "{url}");
            answer.written.expect("all is taken");
        }
        for answer in refused(&url, JSON, JSON).await {
            assert_eq!(json(&answer), serde_json::json!({"code": 8, "message": said}), "{url}");
            answer.written.expect("all is taken");
        }
    }
    for sent in [JSON, PROTOBUF] {
        for answer in refused(&format!("{loki}/loki/api/v1/push"), sent, PLAIN).await {
            assert_eq!(String::from_utf8_lossy(&answer.body), said, "{sent}");
            answer.written.expect("all is taken");
        }
    }
    let order = serde_json::json!({"user_id": 1, "product_id": 101, "quantity": 1});
    assert_eq!(stack.order(&order, "afterwards").await.status(), 201);
    let audit = stack.run(&["audit", "--requests", "5"]).await;
    assert!(audit.status.success(), "{}", crate::harness::said(&audit));
}

#[tokio::test]
async fn the_query_apis_take_a_large_form_to_its_end_and_refuse_it() {
    let stack = Stack::quiet().await;
    let said = "the request body is larger than 1048576 bytes";
    for path in ["query", "query_range", "query_exemplars", "series", "labels"] {
        for answer in refused(&format!("{}/api/v1/{path}", stack.url("prometheus")), FORM, JSON).await {
            let wanted = serde_json::json!({"status": "error", "errorType": "bad_data", "error": said});
            assert_eq!(json(&answer), wanted, "{path}");
            answer.written.expect("all is taken");
        }
    }
    for path in ["query", "query_range", "labels", "series", "index/stats"] {
        for answer in refused(&format!("{}/loki/api/v1/{path}", stack.url("loki")), FORM, PLAIN).await {
            assert_eq!(String::from_utf8_lossy(&answer.body), said, "{path}");
            answer.written.expect("all is taken");
        }
    }
    for path in ["alerts", "silences"] {
        for answer in refused(&format!("{}/api/v2/{path}", stack.url("alertmanager")), JSON, JSON).await {
            let message = "the request body is larger than 4194304 bytes";
            assert_eq!(json(&answer), serde_json::json!({"code": 413, "message": message}), "{path}");
            answer.written.expect("all is taken");
        }
    }
    for (part, path, status) in [
        ("otlp_http", "/v1/nothing", 404),
        ("jaeger", "/api/traces", 405),
        ("alertmanager", "/api/v2/receivers", 405),
    ] {
        unheard_of(&format!("{}{path}", stack.url(part)), status).await;
    }
}

#[tokio::test]
async fn the_services_refuse_a_large_body_as_a_problem() {
    let stack = Stack::quiet().await;
    for (service, path) in [
        ("order-service", "/orders"),
        ("user-service", "/sessions"),
        ("user-service", "/users/1/notifications"),
        ("product-service", "/products/batch"),
        ("product-service", "/products/101/reserve"),
        ("product-service", "/products/101/release"),
    ] {
        for answer in refused(&format!("{}{path}", stack.url(service)), JSON, PROBLEM).await {
            let problem = json(&answer);
            assert_eq!(problem["status"], 413, "{path}: {problem}");
            assert_eq!(problem["correlation_id"], answer.headers["x-correlation-id"], "{path}: {problem}");
            answer.written.expect("all is taken");
        }
    }
    unheard_of(&format!("{}/nothing", stack.url("order-service")), 404).await;
    unheard_of(&format!("{}/users/1", stack.url("user-service")), 405).await;
}

#[tokio::test]
async fn the_load_generators_control_refuses_a_large_body_as_a_problem() {
    let stack = Setup::default().start().await;
    let token = format!("Bearer {}", stack.run.admin_token);
    let url = format!("{}/pause", stack.url("loadgen"));
    for answer in refused_with(&url, &[("content-type", JSON), ("authorization", &token)], PROBLEM).await {
        assert_eq!(json(&answer)["status"], 413);
        answer.written.expect("all is taken");
    }
    // Without the token nothing of it is looked at.
    unheard_of(&url, 401).await;
}

#[tokio::test]
async fn the_console_which_takes_no_body_is_heard_by_who_sends_a_large_one() {
    let stack = Stack::quiet().await;
    for (path, status) in [("/", 405), ("/nothing", 404)] {
        unheard_of(&format!("{}{path}", stack.url("console")), status).await;
    }
}

/// Refused for another reason than its size, before anything of the body is read: heard no less.
async fn unheard_of(url: &str, status: u16) {
    let answer = post_zeros(url, &[("content-type", JSON)], LARGE, Framing::Declared).await;
    assert_eq!(answer.status, status, "{url}");
    answer.written.expect("all is taken");
}
