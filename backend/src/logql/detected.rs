//! Which fields lines have, by trying the parsers on them: `json` where the line is an object, else `logfmt`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::json::{self, Stop};
use super::pipeline::{field_name, label_name};
use super::{logfmt, units};

/// The most values of one field that are told apart.
const MAX_VALUES: usize = 10_000;
/// The most fields.
const MAX_FIELDS: usize = 5_000;

/// The fields of the lines so far.
#[derive(Debug, Default)]
pub(crate) struct Detected {
    fields: BTreeMap<String, Field>,
    /// The one that is asked for, if it is not all.
    only: Option<String>,
}

#[derive(Debug, Default)]
struct Field {
    values: BTreeSet<String>,
    kind: Option<&'static str>,
    parsers: Vec<&'static str>,
    path: Vec<String>,
}

type Pairs = [(String, String)];

impl Detected {
    /// Of one field alone.
    pub(crate) fn of(name: String) -> Self {
        Self { fields: BTreeMap::new(), only: Some(name) }
    }

    /// The values of the field that is asked for. An amount of bytes stands as a query would have it.
    pub(crate) fn values(mut self) -> Vec<String> {
        let field = self.only.and_then(|name| self.fields.remove(&name)).unwrap_or_default();
        field.values.into_iter().collect()
    }

    /// Adds a line with its labels, its metadata, and the fields that the query's own stages took.
    pub(crate) fn add(&mut self, line: &str, stream: &Pairs, metadata: &Pairs, parsed: &Pairs) {
        for (name, value) in metadata {
            self.put(name.clone(), value.clone(), None, &[]);
        }
        let name_of = |name: String| {
            let hides = stream.iter().any(|(k, _)| *k == name);
            if hides { format!("{name}_extracted") } else { name }
        };
        let mut found = Vec::new();
        let is_json = flatten(line, "", &mut Vec::new(), &mut found).is_ok();
        if !is_json {
            found.clear();
            // Not strict, it reads any line.
            let _ = logfmt::each_pair(line, false, |key, value| {
                let name = label_name(key, true);
                if !name.is_empty() && !value.is_empty() {
                    found.push((name, Vec::new(), value.to_owned()));
                }
                Ok(())
            });
        }
        let parser = Some(if is_json { "json" } else { "logfmt" });
        for (name, value) in parsed.iter().filter(|(k, _)| !k.starts_with("__error")) {
            self.put(name.clone(), value.clone(), parser, &[]);
        }
        for (name, path, value) in found {
            self.put(name_of(name), value, parser, &path);
        }
    }

    fn put(&mut self, name: String, value: String, parser: Option<&'static str>, path: &[String]) {
        let is_other = self.only.as_ref().is_some_and(|only| *only != name);
        let is_one_more = !self.fields.contains_key(&name) && self.fields.len() == MAX_FIELDS;
        if is_other || is_one_more {
            return;
        }
        let value = match units::bytes_written(&value) {
            Some(written) if self.only.is_some() && parser.is_some() => written,
            _ => value,
        };
        let field = self.fields.entry(name).or_default();
        // Loki keeps the kind of the last value it sees.
        field.kind = Some(kind(&value));
        if field.values.len() < MAX_VALUES {
            field.values.insert(value);
        }
        if let Some(parser) = parser
            && !field.parsers.contains(&parser)
        {
            field.parsers.push(parser);
        }
        if field.path.is_empty() {
            path.clone_into(&mut field.path);
        }
    }

    /// The fields as Loki's API lists them.
    pub(crate) fn print(self) -> Vec<Value> {
        let print = |(name, field): (String, Field)| {
            let parsers = if field.parsers.is_empty() { Value::Null } else { json!(field.parsers) };
            let mut printed = json!({
                "label": name, "type": field.kind.unwrap_or("string"), "cardinality": field.values.len(),
                "parsers": parsers,
            });
            if !field.path.is_empty() {
                printed["jsonPath"] = json!(field.path);
            }
            printed
        };
        self.fields.into_iter().map(print).collect()
    }
}

/// A field's name, the path to it, its value.
type Found = (String, Vec<String>, String);

fn flatten(text: &str, prefix: &str, path: &mut Vec<String>, found: &mut Vec<Found>) -> Result<(), Stop> {
    json::each_field(text, |key, value| {
        let name = field_name(prefix, key);
        path.push(key.to_owned());
        match value {
            json::Value::Object(inner) if path.len() < 64 => flatten(inner, &name, path, found)?,
            json::Value::Text(_) | json::Value::Bare(_) if !name.is_empty() => {
                found.push((name, path.clone(), value.text()));
            }
            _ => {}
        }
        path.pop();
        Ok(())
    })
}

/// What a value looks like.
fn kind(value: &str) -> &'static str {
    if value.parse::<i64>().is_ok() {
        "int"
    } else if value.parse::<f64>().is_ok() {
        "float"
    } else if matches!(value, "true" | "false" | "True" | "False" | "TRUE" | "FALSE" | "t" | "f" | "T" | "F")
    {
        "boolean"
    } else if units::go_duration(value).is_some() {
        "duration"
    } else if units::bytes(value).is_some() {
        "bytes"
    } else {
        "string"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_a_kind_and_a_number_of_values() {
        let mut detected = Detected::default();
        let own = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        detected.add(r#"{"a":{"b":1},"app":"x","took":"5ms"}"#, &[own("app", "y")], &[own("t", "q")], &[]);
        detected.add("size=2KB a_b=2", &[], &[], &[]);
        let printed: Vec<String> = detected.print().iter().map(Value::to_string).collect();
        assert_eq!(
            printed,
            [
                r#"{"cardinality":2,"jsonPath":["a","b"],"label":"a_b","parsers":["json","logfmt"],"type":"int"}"#,
                r#"{"cardinality":1,"jsonPath":["app"],"label":"app_extracted","parsers":["json"],"type":"string"}"#,
                r#"{"cardinality":1,"label":"size","parsers":["logfmt"],"type":"bytes"}"#,
                r#"{"cardinality":1,"label":"t","parsers":null,"type":"string"}"#,
                r#"{"cardinality":1,"jsonPath":["took"],"label":"took","parsers":["json"],"type":"duration"}"#,
            ]
        );
    }
}
