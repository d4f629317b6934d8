//! Paths to single fields of a JSON line.

use super::{Stop, Value, each_field, trim, value};

/// A path to a value within a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    source: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// Reads `a.b[0]["c d"]`.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        let wrong = |rest: &str| {
            let what = match rest.trim_start().chars().next() {
                None => "syntax error: unexpected $end".to_owned(),
                Some('.') => "syntax error: unexpected DOT".to_owned(),
                Some('[') => "syntax error: unexpected LSB".to_owned(),
                Some(']') => "syntax error: unexpected RSB".to_owned(),
                Some('"') => "syntax error: unexpected STRING".to_owned(),
                Some('0'..='9') => "syntax error: unexpected INDEX".to_owned(),
                Some(c) if c.is_ascii_alphabetic() || c == '_' => "syntax error: unexpected FIELD".to_owned(),
                Some(c) => format!("unexpected char {c}"),
            };
            format!("cannot parse expression [{source}]: {what}")
        };
        let mut steps = Vec::new();
        let mut rest = trim(source);
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (inside, after) = inner.split_once(']').ok_or_else(|| wrong(""))?;
                let inside = inside.trim();
                steps.push(match inside.strip_prefix('"') {
                    Some(key) => Step::Key(key.strip_suffix('"').ok_or_else(|| wrong("]"))?.to_owned()),
                    None => Step::Index(inside.parse().map_err(|_| wrong(inner))?),
                });
                rest = trim(after);
                continue;
            }
            let name = match rest.strip_prefix('.') {
                Some(name) if !steps.is_empty() => trim(name),
                None if steps.is_empty() => rest,
                _ => return Err(wrong(rest)),
            };
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            if end == 0 || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(wrong(name));
            }
            steps.push(Step::Key(name[..end].to_owned()));
            rest = trim(&name[end..]);
        }
        if steps.is_empty() { Err(wrong("")) } else { Ok(Self { source: source.to_owned(), steps }) }
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The first value at the path. What is broken further on in the line does no harm.
    pub(crate) fn find<'l>(&self, line: &'l str) -> Option<Value<'l>> {
        let line = trim(line);
        let all = if line.starts_with('[') { Value::Array(line) } else { Value::Object(line) };
        find(&self.steps, all)
    }
}

fn find<'l>(steps: &[Step], at: Value<'l>) -> Option<Value<'l>> {
    let Some((step, steps)) = steps.split_first() else { return Some(at) };
    match (step, at) {
        (Step::Key(key), Value::Object(raw)) => {
            let mut found = None;
            // However it ends: what was found before is found.
            let _ = each_field(raw, |k, v| {
                if k == key {
                    found = find(steps, v);
                }
                if found.is_some() { Err(Stop::Enough) } else { Ok(()) }
            });
            found
        }
        (Step::Index(index), Value::Array(raw)) => find(steps, element(raw, *index)?),
        _ => None,
    }
}

fn element(raw: &str, index: usize) -> Option<Value<'_>> {
    let mut rest = raw.strip_prefix('[')?;
    for _ in 0..index {
        let (_, after) = value(rest).ok()?;
        rest = trim(after).strip_prefix(',')?;
    }
    value(rest).ok().map(|(v, _)| v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_through_objects_and_lists() {
        let line = r#"{"a":{"b":[1,{"c d":"x"}]}, broken"#;
        let at = |path: &str| Path::parse(path).expect("valid").find(line).map(|v| v.text());
        assert_eq!(at(r#"a.b[1]["c d"]"#).as_deref(), Some("x"));
        assert_eq!(at("a.b[0]").as_deref(), Some("1"));
        assert_eq!(at(r#"["a"].b"#).as_deref(), Some(r#"[1,{"c d":"x"}]"#));
        assert_eq!(at("a.x"), None);
        assert_eq!(Path::parse("[1]").expect("valid").find("[1,2]").map(|v| v.text()).as_deref(), Some("2"));
        for wrong in ["[", "", "a-b", "a..b", "[x]", r#"["x]"#] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
