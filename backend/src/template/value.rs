//! What a pipeline of a template yields, and how Go prints it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::number::general;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Go's nil.
    Nothing,
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Nanoseconds since the epoch.
    Time(i64),
    List(Arc<[Value]>),
    /// Of a key that is not there it has the empty text.
    Map(Arc<BTreeMap<String, Value>>),
    /// Fields that are known by name: another one is a mistake.
    Record(Arc<[(&'static str, Value)]>),
}

impl Value {
    /// Go's name of its kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nil",
            Self::Text(_) => "string",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Bool(_) => "bool",
            Self::Time(_) => "time.Time",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Record(_) => "struct",
        }
    }

    /// As Go prints it.
    ///
    /// # Errors
    /// Go would print addresses, or the insides of a type of its own.
    pub(crate) fn print(&self) -> Result<String, String> {
        Ok(match self {
            Self::Nothing => "<no value>".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Int(n) => n.to_string(),
            Self::Float(f) => general(*f, None),
            Self::Bool(b) => b.to_string(),
            Self::Time(ns) => time(*ns),
            Self::Map(entries) => {
                let printed = entries.iter().map(|(k, v)| Ok(format!("{k}:{}", v.print()?)));
                format!("map[{}]", printed.collect::<Result<Vec<_>, String>>()?.join(" "))
            }
            Self::List(_) | Self::Record(_) => {
                return Err(format!("a {} cannot be printed; name a part of it", self.kind()));
            }
        })
    }

    /// Whether `if` takes it for true.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Text(text) => !text.is_empty(),
            Self::Int(n) => *n != 0,
            Self::Float(f) => *f != 0.0,
            Self::Bool(b) => *b,
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
            Self::Time(_) | Self::Record(_) => true,
        }
    }

    /// One of its fields.
    ///
    /// # Errors
    /// It has none, or none of that name.
    pub(crate) fn field(&self, name: &str) -> Result<Self, String> {
        match self {
            Self::Map(entries) => Ok(entries.get(name).cloned().unwrap_or(Self::Text(String::new()))),
            Self::Record(fields) => {
                let found = fields.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
                found.ok_or_else(|| format!("can't evaluate field {name}"))
            }
            other => Err(format!("can't evaluate field {name} in type {}", other.kind())),
        }
    }
}

/// Go's default form of a time, in UTC.
fn time(ns: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_nanosecond(i128::from(ns)) else { return String::new() };
    let text = time.to_string();
    text.trim_end_matches('Z').replacen('T', " ", 1) + " +0000 UTC"
}
