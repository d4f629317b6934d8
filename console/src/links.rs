//! Addresses of the pages, and of what the APIs say to the same question.

use query::{TraceId, quoted};
use std::fmt::Write as _;

/// One path segment or query value: all but letters, digits and `-_.~` escaped.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The page of a trace.
pub(crate) fn trace(id: TraceId) -> String {
    format!("/trace/{id}")
}

/// The page of a correlation id.
pub(crate) fn correlation(id: &str) -> String {
    format!("/correlation/{}", encoded(id))
}

/// The value of an expression now, as the Prometheus API gives it.
pub(crate) fn instant(prometheus: &str, expr: &str) -> String {
    format!("{prometheus}/api/v1/query?query={}", encoded(expr))
}

/// The log lines of a trace, as the Loki API gives them.
pub(crate) fn logs(loki: &str, id: TraceId, start_ns: i64, end_ns: i64) -> String {
    let logql = format!(r#"{{service_name=~".+"}} | trace_id={}"#, quoted(&id.to_string()));
    format!(
        "{loki}/loki/api/v1/query_range?query={}&start={start_ns}&end={end_ns}&limit=1000",
        encoded(&logql)
    )
}

/// What the services accept as a correlation id: 1 to 128 visible ASCII characters.
pub(crate) fn is_correlation_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_place_in_an_address() {
        assert_eq!(correlation("a/../b?c#d%e\"<"), "/correlation/a%2F..%2Fb%3Fc%23d%25e%22%3C");
        assert_eq!(correlation("ord-1_2.3~4"), "/correlation/ord-1_2.3~4");
    }

    #[test]
    fn only_visible_ascii_is_a_correlation_id() {
        assert!(is_correlation_id("<script>"));
        for bad in ["", "a b", "a\n", "ż", &"x".repeat(129)] {
            assert!(!is_correlation_id(bad), "{bad:?}");
        }
    }
}
