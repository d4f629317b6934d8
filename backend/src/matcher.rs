//! Label matchers, as PromQL and LogQL selectors have them: fully anchored regexes, a missing label is "".

mod go;

pub(crate) use go::GoRegex;

/// One condition on one label.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    pub(crate) name: String,
    pub(crate) op: Op,
}

/// How a value is compared.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Equal(String),
    NotEqual(String),
    Regex(GoRegex),
    NotRegex(GoRegex),
}

impl Op {
    /// Builds from the operator's text (`=`, `!=`, `=~`, `!~`).
    ///
    /// # Errors
    /// The regex does not compile, or the operator is none of the four.
    pub(crate) fn new(op: &str, value: &str) -> Result<Self, String> {
        Ok(match op {
            "=" => Self::Equal(value.to_owned()),
            "!=" => Self::NotEqual(value.to_owned()),
            "=~" => Self::Regex(anchored(value)?),
            "!~" => Self::NotRegex(anchored(value)?),
            other => return Err(format!("unknown match operator {other:?}")),
        })
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        match self {
            Self::Equal(v) => v == value,
            Self::NotEqual(v) => v != value,
            Self::Regex(r) => r.is_match(value),
            Self::NotRegex(r) => !r.is_match(value),
        }
    }
}

impl Matcher {
    pub(crate) fn new(name: &str, op: &str, value: &str) -> Result<Self, String> {
        Ok(Self { name: name.to_owned(), op: Op::new(op, value)? })
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        self.op.matches(value)
    }

    /// The value it must equal, when it is an equality on something non-empty: those can use an index.
    pub(crate) fn exact(&self) -> Option<&str> {
        match &self.op {
            Op::Equal(v) if !v.is_empty() => Some(v),
            _ => None,
        }
    }
}

/// Compiles a regex that must match the whole value; `.` matches newlines as in Prometheus.
pub(crate) fn anchored(pattern: &str) -> Result<GoRegex, String> {
    // What is wrong by itself is refused, so that an unbalanced parenthesis cannot escape the anchors.
    Ok(GoRegex::new(pattern, build(pattern, &format!("^(?s:{})$", go::translate(pattern)?))?))
}

/// Compiles a regex that must match the whole value, in which `.` matches no newline.
pub(crate) fn whole(pattern: &str) -> Result<GoRegex, String> {
    Ok(GoRegex::new(pattern, build(pattern, &format!("^(?:{})$", go::translate(pattern)?))?))
}

/// How long the text can become that an expansion of `with` by what was found in `value` is.
pub(crate) fn expanded_at_most(with: &str, value: &str) -> usize {
    with.len() + with.matches('$').count() * value.len()
}

/// Compiles a regex with a bound on its size, so that a query cannot eat the memory.
pub(crate) fn compile(pattern: &str) -> Result<GoRegex, String> {
    Ok(GoRegex::new(pattern, build(pattern, &go::translate(pattern)?)?))
}

fn build(pattern: &str, translated: &str) -> Result<regex::Regex, String> {
    let mut builder = regex::RegexBuilder::new(translated);
    builder.size_limit(1 << 20).dfa_size_limit(1 << 20).build().map_err(|e| {
        let text = e.to_string();
        let what = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        format!("error parsing regexp: {what}: `{pattern}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regexes_match_whole_values_only() {
        let m = Matcher::new("a", "=~", "x|y").expect("valid");
        assert!(m.matches("y"));
        assert!(!m.matches("xy"));
        assert!(Matcher::new("a", "=~", "x)(y").is_err());
    }
}
