//! Turns away what a browser sends on behalf of another site: nobody has to log in here, so a page that a person merely
//! visits could silence their alerts.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode, header};

use super::answer::ApiError;

/// Lets reading pass, and changes that no other site asked for.
pub(super) async fn turn_away_others(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || !is_from_another_site(request.headers()) {
        return next.run(request).await;
    }
    let what = "a page of another site may not change anything here";
    ApiError::coded(StatusCode::FORBIDDEN, 403, what).into_response()
}

/// Browsers say from where a page sends something; other programs say nothing of the kind.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return true;
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else { return false };
    let host = text(header::HOST.as_str()).unwrap_or_default();
    origin.split_once("://").is_none_or(|(_, authority)| authority != host)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_page_of_this_very_address_is_of_this_site() {
        for (pairs, other) in [
            (vec![], false),
            (vec![("host", "127.0.0.1:9093"), ("origin", "http://127.0.0.1:9093")], false),
            (vec![("host", "127.0.0.1:9093"), ("origin", "http://127.0.0.1:8080")], true),
            (vec![("host", "127.0.0.1:9093"), ("origin", "https://example.com")], true),
            (vec![("host", "127.0.0.1:9093"), ("origin", "null")], true),
            (vec![("host", "127.0.0.1:9093"), ("sec-fetch-site", "cross-site")], true),
            (vec![("host", "127.0.0.1:9093"), ("sec-fetch-site", "same-site")], true),
            (vec![("host", "127.0.0.1:9093"), ("sec-fetch-site", "none")], false),
        ] {
            let header = |(name, value): &(&'static str, &'static str)| {
                (header::HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            assert_eq!(is_from_another_site(&pairs.iter().map(header).collect()), other, "{pairs:?}");
        }
    }
}
