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
    assert!(page.contains(r#"<span class="status refused">409</span>"#), "no failure of the services");
    assert!(page.contains(r#"href="/correlation/c-42""#));
}

/// What stands in a table's row from a text on.
fn rest_of_row<'a>(page: &'a str, from: &str) -> &'a str {
    let at = page.find(from).unwrap_or_else(|| panic!("{from} is missing"));
    page[at..].split("</tr>").next().unwrap()
}

#[tokio::test]
async fn an_order_that_was_refused_says_why_and_is_not_red() {
    let page = get(&console(words()).await, "/").await.body;
    let row = rest_of_row(&page, "09:07:08.78");
    assert!(row.contains(r#"<span class="status refused">409</span>"#), "{row}");
    assert!(row.contains("0 left of pool exhausted"), "its log line knows the reason: {row}");
    assert!(!row.contains("error-text"), "{row}");
    let silent = rest_of_row(&page, "09:07:12.45");
    assert!(
        silent.contains("409") && !silent.contains("status 409"),
        "nothing but the status is known: {silent}"
    );
}

#[tokio::test]
async fn an_order_that_the_services_failed_is_red_with_the_cause() {
    let page = get(&console(words()).await, "/").await.body;
    let row = rest_of_row(&page, "09:07:05.12");
    let (status, cause) =
        (row.find("503</span>").unwrap(), row.find("product-service: pool exhausted").unwrap());
    assert!(status < cause, "the status stands before it: {row}");
    assert!(row[status..cause].contains("error-text"), "{row}");
}

#[tokio::test]
async fn home_says_over_what_time_it_counts() {
    let app = console(words()).await;
    assert!(get(&app, "/").await.body.contains("answered in the last 60 s;"));
    let young = console(stub::Words { measured_s: Some(17.4), ..words() }).await;
    let page = get(&young, "/").await.body;
    assert!(page.contains("answered in the last 18 s, as long as they have been measured;"), "{page}");
}

#[tokio::test]
async fn a_span_says_which_side_of_a_call_it_is() {
    let page = get(&console(words()).await, &format!("/trace/{}", stub::TRACE)).await.body;
    for (span, kind) in
        [(1, "client"), (2, "server"), (3, "db"), (4, "client"), (5, "server"), (9, "internal")]
    {
        let from = page.find(&format!("id=\"span-{span:016}\"")).unwrap();
        let row = page[from..].split("</li>").next().unwrap();
        assert!(row.contains(&format!(r#"<span class="kind">{kind}</span>"#)), "span {span}: {row}");
    }
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
async fn an_address_that_names_no_text_is_said_on_a_page() {
    let app = console(words()).await;
    for address in ["/trace/%ff", "/correlation/%ff", "/search?q=a&q=b"] {
        let page = get(&app, address).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{address}");
        assert!(page.body.contains("<h1>Not an id</h1>"), "{address}: {}", page.body);
    }
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
