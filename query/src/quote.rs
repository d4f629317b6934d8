//! String literals of PromQL and LogQL.

/// `text` as a double-quoted literal, so that no value can end the literal and become part of the query.
///
/// Both languages read Go's escapes.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The regular expression that `text` and nothing else matches.
pub(crate) fn literal_pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{literal_pattern, quoted};

    #[test]
    fn a_value_with_signs_of_regular_expressions_matches_itself_alone() {
        assert_eq!(literal_pattern("audit-3f.7|x"), r"audit-3f\.7\|x");
        assert_eq!(literal_pattern(r"a\b(c)[d]{e}^f$*+?"), r"a\\b\(c\)\[d\]\{e\}\^f\$\*\+\?");
        assert_eq!(literal_pattern("żółw-1"), "żółw-1");
    }

    #[test]
    fn a_value_cannot_leave_its_literal() {
        assert_eq!(quoted(r#"a" or x="b"#), r#""a\" or x=\"b""#);
        assert_eq!(quoted(r"ends with \"), r#""ends with \\""#);
        assert_eq!(quoted("two\nlines\u{7}"), r#""two\nlines\u0007""#);
        assert_eq!(quoted("żółw"), "\"żółw\"");
    }
}
