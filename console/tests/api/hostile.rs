//! What programs wrote and what browsers send stays text.

use crate::{console, get, stub, words};
use axum::http::{StatusCode, header};

const MARKUP: &str = "</td><script>alert('x')</script><img src=x onerror=\"y\">";

#[tokio::test]
async fn mark_up_in_telemetry_is_shown_as_text() {
    let correlation = "\"><script>z</script>".to_owned();
    let app = console(stub::Words { text: MARKUP.to_owned(), correlation, correlated: 2, ..words() }).await;
    let correlated = "/correlation/%22%3E%3Cscript%3Ez%3C%2Fscript%3E";
    for uri in ["/", &format!("/trace/{}", stub::TRACE), correlated] {
        let page = get(&app, uri).await;
        assert_eq!(page.status, StatusCode::OK, "{uri}");
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{uri}");
        assert!(page.body.contains("Drill &lt;1&gt;"), "{uri}: the title, too");
    }
    let trace = get(&app, &format!("/trace/{}", stub::TRACE)).await.body;
    assert!(trace.contains("&lt;script&gt;alert("));
    assert!(trace.contains(&format!("href=\"{correlated}\"")), "in an address it is escaped for addresses");
}

#[tokio::test]
async fn ids_that_are_none_are_refused_without_asking_anybody() {
    let nobody = crate::config("http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:1");
    let app = console::router(&nobody).unwrap();
    let long = format!("/correlation/{}", "x".repeat(129));
    for uri in [
        "/trace/xyz",
        "/trace/%3Cscript%3E",
        "/trace/..%2F..",
        "/correlation/a%20b",
        "/correlation/%C5%BC",
        &long,
        "/search?q=",
        "/search",
    ] {
        let page = get(&app, uri).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{uri}");
        assert!(!page.body.contains("<script>"), "{uri}");
    }
}

#[tokio::test]
async fn every_answer_forbids_the_browser_everything_else() {
    let app = console(words()).await;
    for uri in ["/", "/healthz", "/nowhere", "/trace/xyz", "/search?q=c-1"] {
        let headers = get(&app, uri).await.headers;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"),
            "{uri}"
        );
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{uri}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{uri}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{uri}");
    }
}

#[tokio::test]
async fn pages_need_no_exception_from_the_policy() {
    let app = console(stub::Words { correlated: 2, ..words() }).await;
    for uri in ["/", "/correlation/c-42", &format!("/trace/{}", stub::TRACE)] {
        let body = get(&app, uri).await.body;
        for forbidden in ["style=", "<style", "<script", " onclick", "javascript:"] {
            assert!(!body.contains(forbidden), "{uri}: {forbidden}");
        }
    }
}

#[tokio::test]
async fn the_style_sheet_may_be_kept_because_its_address_changes_with_it() {
    let app = console(words()).await;
    let page = get(&app, "/").await.body;
    let href = page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let style = get(&app, href).await;
    assert_eq!(style.status, StatusCode::OK);
    assert!(style.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(style.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert!(style.body.contains("prefers-color-scheme"));
    assert_eq!(get(&app, "/static/0000000000000000.css").await.status, StatusCode::NOT_FOUND);
}
