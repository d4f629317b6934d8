//! HTTP values as the semantic conventions want them: known methods, bounded texts, URLs without secrets. Pure functions,
//! shared by the server layer and the client middleware.

use std::borrow::Cow;

use http::{HeaderMap, Method, Version};

use crate::names::OTHER_METHOD;

/// Query parameters whose values are secrets by convention.
const REDACTED_QUERY_KEYS: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// The method as label and attribute: itself when known, else `_OTHER`.
pub(crate) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => OTHER_METHOD,
    }
}

/// Name of a span: `METHOD route`, where an unknown method reads `HTTP` and an unknown route is left out.
pub(crate) fn span_name(method: &'static str, route: Option<&str>) -> Cow<'static, str> {
    let method = if method == OTHER_METHOD { "HTTP" } else { method };
    match route {
        Some(route) => Cow::Owned(format!("{method} {route}")),
        None => Cow::Borrowed(method),
    }
}

/// `network.protocol.version`.
pub(crate) fn protocol_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// Host and port a `Host` header names.
pub(crate) fn host_and_port(headers: &HeaderMap) -> Option<(&str, Option<u16>)> {
    let host = headers.get(http::header::HOST)?.to_str().ok().filter(|host| host.len() <= 255)?;
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => Some((name, port.parse().ok())),
        _ => Some((host, None)),
    }
}

/// `text`, cut at a character boundary when it is longer than `limit` bytes.
pub(crate) fn bounded(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// `query` with the values of the keys that are secrets by convention replaced.
pub(crate) fn redacted_query(query: &str) -> Cow<'_, str> {
    let secret = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| REDACTED_QUERY_KEYS.contains(&key));
    if !query.split('&').any(secret) {
        return Cow::Borrowed(query);
    }
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if REDACTED_QUERY_KEYS.contains(&key) => format!("{key}=REDACTED"),
        _ => pair.to_owned(),
    });
    Cow::Owned(pairs.collect::<Vec<_>>().join("&"))
}

/// `url.full`: without credentials and known secrets.
pub(crate) fn full_url(url: &reqwest::Url) -> String {
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    let redacted = url.query().map(redacted_query);
    if !has_credentials && !matches!(redacted, Some(Cow::Owned(_))) {
        return url.as_str().to_owned();
    }
    let mut clean = url.clone();
    if has_credentials {
        // Both fail only for URLs that cannot have credentials, which then hold none.
        let _ = clean.set_username("");
        let _ = clean.set_password(None);
    }
    if let Some(query) = redacted {
        clean.set_query(Some(&query));
    }
    clean.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_are_other_and_their_spans_are_named_http() {
        let brew = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(method(&brew), "_OTHER");
        assert_eq!(span_name(method(&brew), Some("/pot/{id}")), "HTTP /pot/{id}");
        assert_eq!(span_name("GET", None), "GET");
    }

    #[test]
    fn host_headers_are_split_with_and_without_port() {
        let of = |host: &'static str| {
            let headers = HeaderMap::from_iter([(http::header::HOST, host.parse().unwrap())]);
            host_and_port(&headers).map(|(host, port)| (host.to_owned(), port))
        };
        assert_eq!(of("127.0.0.1:5001"), Some(("127.0.0.1".into(), Some(5001))));
        assert_eq!(of("example.org"), Some(("example.org".into(), None)));
        assert_eq!(of("[::1]"), Some(("[::1]".into(), None)));
        assert_eq!(of("[::1]:80"), Some(("[::1]".into(), Some(80))));
    }

    #[test]
    fn urls_lose_credentials_and_signatures() {
        let url = "http://user:secret@host:1/p?sig=abc&q=1".parse().unwrap();
        assert_eq!(full_url(&url), "http://host:1/p?sig=REDACTED&q=1");
        assert_eq!(full_url(&"http://host/p?q=1".parse().unwrap()), "http://host/p?q=1");
    }

    #[test]
    fn texts_are_cut_at_character_boundaries() {
        assert_eq!(bounded("aé", 2), "a");
        assert_eq!(bounded("ab", 5), "ab");
    }
}
