//! What kind of line a log line is: its words without what differs from line to line.
//!
//! A token that holds a digit, or is long and hexadecimal, is a value and becomes `*`; two lines are of one kind when
//! nothing else tells them apart. There is no learning: the same line is of the same kind in every window, which is what
//! comparing windows needs.

use query::LogEntry;

/// The longest template, in characters.
const LONGEST: usize = 240;

/// The kind of a line: level, message, and the fields that are words.
pub(super) fn of(entry: &LogEntry) -> String {
    let mut text = format!("{} {}", entry.level(), masked(entry.message()));
    for (name, value) in entry.fields() {
        // A status is a number that is a name.
        let kept = if name.contains("status") { value.to_owned() } else { masked(value) };
        if kept != "*" && !kept.is_empty() {
            text.push_str(&format!(" {name}={kept}"));
        }
    }
    text.chars().take(LONGEST).collect()
}

fn masked(text: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for token in text.split_whitespace() {
        let token = if is_value(token) { "*" } else { token };
        // A list of values is one value.
        if token != "*" || out.last() != Some(&"*") {
            out.push(token);
        }
    }
    out.join(" ")
}

fn is_value(token: &str) -> bool {
    let hexadecimal = token.len() >= 8 && token.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    // A path's template holds braces, and its digits are part of a name.
    hexadecimal || (token.chars().any(|c| c.is_ascii_digit()) && !token.contains('{'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use query::{Labels, UnixNanos};

    fn line(message: &str, fields: &[(&str, &str)]) -> String {
        let mut metadata: Labels = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        metadata.insert("severity_text".to_owned(), "ERROR".to_owned());
        of(&LogEntry { time: UnixNanos(0), line: message.to_owned(), labels: Labels::new(), metadata })
    }

    #[test]
    fn lines_that_differ_in_values_are_of_one_kind() {
        let one = line("order 17 failed after 12.5ms for 4bf92f3577b34da6", &[("order", "17")]);
        assert_eq!(one, line("order 9 failed after 3ms for 00f067aa0ba902b7", &[("order", "9")]));
        assert_eq!(one, "ERROR order * failed after * for *");
    }

    #[test]
    fn words_and_statuses_tell_lines_apart() {
        let of = |status, reason| {
            line(
                "request",
                &[("http_response_status_code", status), ("reason", reason), ("http_route", "/users/{id}")],
            )
        };
        assert_ne!(of("200", "ok"), of("503", "ok"));
        assert_ne!(of("503", "no connection"), of("503", "no answer in time"));
        assert!(of("200", "ok").contains("http_route=/users/{id}"));
    }
}
