//! What each page shows.

use crate::{console, get, stub, words};
use axum::http::{StatusCode, header};

#[tokio::test]
async fn home_shows_rate_errors_and_duration_of_each_service() {
    let page = get(&console(words()).await, "/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    for text in ["order-service", "product-service", "user-service", "11.9 ms", "412 ms", "<polyline"] {
        assert!(page.body.contains(text), "{text}");
    }
    assert!(
        page.body.contains(&format!(r#"href="/trace/{}" title"#, stub::TRACE)),
        "the slowest exemplar is linked"
    );
    assert!(!page.body.contains("role=\"alert\""));
}

#[tokio::test]
async fn home_lists_the_latest_orders_first() {
    let page = get(&console(words()).await, "/").await.body;
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(at("09:07:14.") < at("09:07:12.") && at("09:07:12.") < at("09:07:05."), "by time");
    assert!(page.contains("product-service: pool exhausted"), "the failure farthest from the caller");
    assert!(page.contains(r#"<span class="status bad">503</span>"#));
    assert!(page.contains(r#"<span class="status warn">409</span>"#));
    assert!(page.contains(r#"href="/correlation/c-42""#));
}

#[tokio::test]
async fn home_reloads_itself_unless_held_still() {
    let app = console(words()).await;
    assert!(get(&app, "/").await.body.contains(r#"<meta http-equiv="refresh" content="5">"#));
    assert!(!get(&app, "/?live=off").await.body.contains("http-equiv"));
}

#[tokio::test]
async fn a_trace_shows_spans_lines_orphans_and_its_metric() {
    let page = get(&console(words()).await, &format!("/trace/{}", stub::TRACE)).await;
    assert_eq!(page.status, StatusCode::OK);
    let at = |text: &str| page.body.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    let reserve = at(r#"id="span-0000000000000007""#);
    assert!(
        reserve < at("waited_ms=") && at("waited_ms=") < at(r#"id="span-0000000000000008""#),
        "lines stand in their span"
    );
    assert!(at("Orphans: their parent") < at("UPDATE stock"));
    assert!(at("not stored</h2>") < at("written in a span that was dropped"));
    for text in [
        "41.3 ms",
        "resend 1",
        "4 failed spans",
        r#"href="/correlation/c-42""#,
        "SELECT response FROM idempotency_keys WHERE key = ?",
        "5d1c0f9a",
        "http_server_request_duration_seconds_count{service=&quot;order-service&quot;,method=&quot;POST&quot;,route=&quot;/orders&quot;,status=&quot;503&quot;}",
        "<td class=\"number\">1234</td>",
        &format!("/api/traces/{}\"", stub::TRACE),
    ] {
        assert!(page.body.contains(text), "{text} is missing");
    }
}

#[tokio::test]
async fn a_delivery_links_to_the_order_it_follows() {
    let page = get(&console(words()).await, &format!("/trace/{}", stub::DELIVERY)).await;
    assert!(page.body.contains(&format!(r##"href="/trace/{}#span-0000000000000002""##, stub::TRACE)));
}

#[tokio::test]
async fn an_unknown_trace_says_what_to_do() {
    let page = get(&console(words()).await, "/trace/000000000000000000000000000000ff").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("reload this page") && page.body.contains("older than what is kept"));
}

#[tokio::test]
async fn other_spellings_of_a_trace_id_lead_to_the_one() {
    let app = console(words()).await;
    for spelling in ["AF7651916cd43dd8448eb211c80319c", "0AF7651916CD43DD8448EB211C80319C"] {
        let answer = get(&app, &format!("/trace/{spelling}")).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, format!("/trace/{}", stub::TRACE).as_str())
        );
    }
}

#[tokio::test]
async fn a_correlation_id_leads_to_its_only_trace_or_to_a_list() {
    let one = get(&console(words()).await, "/correlation/c-42").await;
    assert_eq!(
        (one.status, one.location()),
        (StatusCode::SEE_OTHER, format!("/trace/{}", stub::TRACE).as_str())
    );

    let two = get(&console(stub::Words { correlated: 2, ..words() }).await, "/correlation/c-42").await;
    assert_eq!(two.status, StatusCode::OK);
    let at = |id: &str| two.body.find(&format!("href=\"/trace/{id}\"")).unwrap();
    assert!(at(stub::TRACE) < at(stub::DELIVERY));
    assert!(two.body.contains("order-service outbox deliver"));
}

#[tokio::test]
async fn an_unknown_correlation_id_is_searched_in_the_spans_and_then_said() {
    // The stub finds spans by any tag, so the search beyond the logs is seen by what it finds.
    let page = get(&console(stub::Words { correlated: 0, ..words() }).await, "/correlation/c-42").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("14 traces"), "{}", page.body);
}

#[tokio::test]
async fn search_tells_traces_from_correlation_ids() {
    let app = console(words()).await;
    let to = async |q: &str| {
        let answer = get(&app, &format!("/search?q={q}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{q}");
        answer.location().to_owned()
    };
    assert_eq!(to(stub::TRACE).await, format!("/trace/{}", stub::TRACE));
    assert_eq!(
        to(&format!("+{}+", stub::TRACE)).await,
        format!("/trace/{}", stub::TRACE),
        "spaces around it"
    );
    let generated = "ffffffffffffffffffffffffffffffff";
    assert_eq!(to(generated).await, format!("/correlation/{generated}"), "not a trace, so a correlation id");
    assert_eq!(to("a%2Fb%3Fc").await, "/correlation/a%2Fb%3Fc");
}
