//! Runs a query's stages over one entry.

use super::parser::{bytes, seconds};
use super::{Compare, Condition, LineFilter, Pattern, Stage, Unit};
use crate::store::logs::Entry;

/// Most fields one line may yield.
const MAX_FIELDS: usize = 256;

/// What the stages took from an entry that passed all of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Extracted {
    /// Structured metadata, renamed where it would hide a stream label.
    pub(crate) metadata: Vec<(String, String)>,
    /// Fields of the line.
    pub(crate) parsed: Vec<(String, String)>,
}

/// Runs the stages; `None` when one of them drops the entry.
pub(crate) fn run(stages: &[Stage], entry: &Entry<'_>) -> Option<Extracted> {
    // Line filters need nothing prepared: most entries of a search end at the first one.
    let lines = stages.iter().take_while(|s| matches!(s, Stage::Line(_))).count();
    for stage in &stages[..lines] {
        if let Stage::Line(filter) = stage
            && !keeps(filter, entry.line)
        {
            return None;
        }
    }
    let mut fields = Fields { entry, out: Extracted::default() };
    fields.out.metadata = entry
        .metadata
        .iter()
        .map(|(k, v)| {
            let hides = !entry.stream.get(k).is_empty();
            (if hides { format!("{k}_extracted") } else { (*k).to_owned() }, (*v).to_owned())
        })
        .collect();
    for stage in &stages[lines..] {
        let keep = match stage {
            Stage::Line(filter) => keeps(filter, entry.line),
            Stage::Json => fields.json(),
            Stage::Logfmt => fields.logfmt(),
            Stage::Label(condition) => fields.holds(condition),
        };
        if !keep {
            return None;
        }
    }
    Some(fields.out)
}

fn keeps(filter: &LineFilter, line: &str) -> bool {
    let any = filter.patterns.iter().any(|p| match p {
        Pattern::Contains(text) => line.contains(text.as_str()),
        Pattern::Matches(regex) => regex.is_match(line),
    });
    any == filter.keep
}

struct Fields<'e> {
    entry: &'e Entry<'e>,
    out: Extracted,
}

impl Fields<'_> {
    /// Fields of the line win over metadata, and metadata over nothing: stream labels are never hidden.
    fn get(&self, name: &str) -> &str {
        let label = self.entry.stream.get(name);
        if !label.is_empty() {
            return label;
        }
        let find = |pairs: &[(String, String)]| pairs.iter().position(|(k, _)| k == name);
        if let Some(i) = find(&self.out.parsed) {
            return &self.out.parsed[i].1;
        }
        find(&self.out.metadata).map_or("", |i| &self.out.metadata[i].1)
    }

    fn set(&mut self, name: &str, value: String) {
        if self.out.parsed.len() >= MAX_FIELDS {
            return;
        }
        let hides =
            !self.entry.stream.get(name).is_empty() || self.out.metadata.iter().any(|(k, _)| k == name);
        let name = if hides { format!("{name}_extracted") } else { name.to_owned() };
        match self.out.parsed.iter_mut().find(|(k, _)| *k == name) {
            Some(field) => field.1 = value,
            None => self.out.parsed.push((name, value)),
        }
    }

    fn error(&mut self, kind: &str, details: String) -> bool {
        self.out.parsed.retain(|(k, _)| !k.starts_with("__error"));
        self.out.parsed.push(("__error__".to_owned(), kind.to_owned()));
        self.out.parsed.push(("__error_details__".to_owned(), details));
        true
    }

    fn json(&mut self) -> bool {
        match serde_json::from_str::<serde_json::Value>(self.entry.line) {
            Ok(serde_json::Value::Object(map)) => {
                self.flatten("", &map);
                true
            }
            Ok(_) => self.error("JSONParserErr", "the line is not a JSON object".to_owned()),
            Err(error) => self.error("JSONParserErr", error.to_string()),
        }
    }

    /// Nested objects become `outer_inner`; lists are skipped, as Loki does.
    fn flatten(&mut self, prefix: &str, map: &serde_json::Map<String, serde_json::Value>) {
        for (key, value) in map {
            let name = format!("{prefix}{}", field_name(key));
            match value {
                serde_json::Value::Object(inner) => self.flatten(&format!("{name}_"), inner),
                serde_json::Value::String(text) => self.set(&name, text.clone()),
                serde_json::Value::Array(_) => {}
                serde_json::Value::Null => self.set(&name, String::new()),
                other => self.set(&name, other.to_string()),
            }
        }
    }

    fn logfmt(&mut self) -> bool {
        let mut rest = self.entry.line.trim_start();
        while !rest.is_empty() {
            let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
            let key = field_name(&rest[..end]);
            rest = &rest[end..];
            if let Some(value) = rest.strip_prefix('=') {
                let (value, after) = logfmt_value(value);
                if !key.is_empty() {
                    self.set(&key, value);
                }
                rest = after;
            }
            rest = rest.trim_start();
        }
        true
    }

    fn holds(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::Text { name, op } => op.matches(self.get(name)),
            Condition::And(a, b) => self.holds(a) && self.holds(b),
            Condition::Or(a, b) => self.holds(a) || self.holds(b),
            Condition::Number { name, op, value, unit } => {
                let text = self.get(name);
                if text.is_empty() {
                    return false;
                }
                let read = match unit {
                    Unit::Plain => text.parse().ok(),
                    Unit::Seconds => seconds(text),
                    Unit::Bytes => bytes(text),
                };
                match read {
                    Some(read) => compare(*op, read, *value),
                    // Loki keeps such an entry and labels it with the error.
                    None => {
                        let details = format!("{text:?} in {name} is not a number of this unit");
                        self.error("LabelFilterErr", details)
                    }
                }
            }
        }
    }
}

fn compare(op: Compare, a: f64, b: f64) -> bool {
    match op {
        Compare::Equal => a == b,
        Compare::NotEqual => a != b,
        Compare::Less => a < b,
        Compare::LessOrEqual => a <= b,
        Compare::Greater => a > b,
        Compare::GreaterOrEqual => a >= b,
    }
}

/// A valid label name for a field.
fn field_name(key: &str) -> String {
    let mut name: String =
        key.trim().chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

fn logfmt_value(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return (value, &inner[i + 1..]),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, c)) => value.push(c),
                None => break,
            },
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::labels::Labels;
    use crate::logql::parse;

    fn passes(query: &str, line: &str) -> Option<Extracted> {
        let stream = Arc::new(Labels::new([("app", "a")]));
        let entry = Entry { stream: &stream, ts_ns: 1, line, metadata: &[("trace_id", "t1"), ("app", "b")] };
        run(&parse(query).expect("valid").stages, &entry)
    }

    #[test]
    fn line_filters_keep_and_drop() {
        assert!(passes(r#"{app="a"} |= "x" or "y" != "z""#, "a y").is_some());
        assert!(passes(r#"{app="a"} |= "x" or "y" != "z""#, "y z").is_none());
        assert!(passes(r#"{app="a"} |~ "o+k" !~ `^no`"#, "yes ook").is_some());
    }

    #[test]
    fn label_filters_see_labels_metadata_and_fields() {
        assert!(passes(r#"{app="a"} | trace_id="t1" | app_extracted="b""#, "").is_some());
        assert!(
            passes(
                r#"{app="a"} | json | status>=500 and (took>1s or size<1KB)"#,
                r#"{"status":503,"took":"1500ms","size":"2KB"}"#
            )
            .is_some()
        );
        assert!(passes(r#"{app="a"} | logfmt | msg="a b", n=2"#, r#"msg="a b" n=2"#).is_some());
        assert!(passes(r#"{app="a"} | json | a_b!="c""#, r#"{"a":{"b":"c"}}"#).is_none());
    }

    #[test]
    fn a_line_that_is_not_json_is_kept_with_an_error() {
        let out = passes(r#"{app="a"} | json"#, "plain").expect("kept");
        assert_eq!(out.parsed[0], ("__error__".to_owned(), "JSONParserErr".to_owned()));
    }
}
