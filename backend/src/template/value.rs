//! What a pipeline of a template yields, and how Go prints it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::moment::Moment;
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
    Time(Moment),
    List(Arc<[Value]>),
    /// Texts by name: of a key that is not there it has the empty text.
    Map(Arc<BTreeMap<String, Value>>),
    /// Anything by name, as JSON has it: of a key that is not there it has nothing.
    Object(Arc<BTreeMap<String, Value>>),
    /// Fields that are known by name: another one is a mistake.
    Record(Arc<[(&'static str, Value)]>),
}

impl Value {
    /// Go's name of its kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "<nil>",
            Self::Text(_) => "string",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Bool(_) => "bool",
            Self::Time(_) => "time.Time",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]string",
            Self::Object(_) => "map[string]interface {}",
            Self::Record(_) => "struct",
        }
    }

    /// As Go prints it.
    ///
    /// # Errors
    /// Go would print addresses, or the insides of a type of its own.
    pub(crate) fn print(&self) -> Result<String, String> {
        Ok(match self {
            Self::Nothing => "<nil>".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Int(n) => n.to_string(),
            Self::Float(f) => general(*f, None),
            Self::Bool(b) => b.to_string(),
            Self::Time(moment) => moment.to_string(),
            Self::Map(_) | Self::Object(_) | Self::List(_) => self.print_parts(Self::print)?,
            Self::Record(_) => {
                return Err(format!("a {} cannot be printed; name a part of it", self.kind()));
            }
        })
    }

    /// A list or map as Go prints it, with each part as `one` prints it.
    ///
    /// # Errors
    /// Those of `one`.
    pub(super) fn print_parts(
        &self,
        one: impl Fn(&Self) -> Result<String, String>,
    ) -> Result<String, String> {
        Ok(match self {
            Self::List(items) => {
                let printed = items.iter().map(one).collect::<Result<Vec<_>, String>>()?;
                format!("[{}]", printed.join(" "))
            }
            Self::Map(entries) | Self::Object(entries) => {
                let printed =
                    entries.iter().map(|(k, v)| Ok(format!("{}:{}", one(&Self::Text(k.clone()))?, one(v)?)));
                format!("map[{}]", printed.collect::<Result<Vec<_>, String>>()?.join(" "))
            }
            _ => one(self)?,
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
            Self::Map(entries) | Self::Object(entries) => !entries.is_empty(),
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
            Self::Object(entries) => Ok(entries.get(name).cloned().unwrap_or(Self::Nothing)),
            Self::Record(fields) => {
                let found = fields.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
                found.ok_or_else(|| format!("can't evaluate field {name}"))
            }
            other => Err(format!("can't evaluate field {name} in type {}", other.kind())),
        }
    }

    /// The part at a place of a list or text, or under a key.
    ///
    /// # Errors
    /// There is none, or it has no parts.
    pub(super) fn at(&self, key: &Self) -> Result<Self, String> {
        let place = |len: usize| match key {
            Self::Int(i) => usize::try_from(*i)
                .ok()
                .filter(|i| *i < len)
                .ok_or_else(|| format!("index out of range: {i}")),
            other => Err(format!("cannot index slice/array with type {}", other.kind())),
        };
        match (self, key) {
            (Self::Map(_) | Self::Object(_), Self::Text(key)) => self.field(key),
            (Self::Map(_) | Self::Object(_), other) => {
                Err(format!("value has type {}; should be string", other.kind()))
            }
            (Self::List(items), _) => Ok(items[place(items.len())?].clone()),
            (Self::Text(text), _) => Ok(Self::Int(i64::from(text.as_bytes()[place(text.len())?]))),
            (Self::Nothing, _) => Err("index of untyped nil".to_owned()),
            (other, _) => Err(format!("can't index item of type {}", other.kind())),
        }
    }
}
