//! The templates of labels and annotations: what they see, and the functions that Prometheus gives them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::humanize::{bytes_1024, duration, number, percentage, time, timestamp};
use crate::labels::Labels;
use crate::logql::query_escape;
use crate::matcher::compile;
use crate::rules::definition::{Rule, Text};
use crate::template::{
    Context, Dialect, Function, Moment, Value, of, of_context, put, replace_all, text, title,
};

/// Prometheus' templates, with the variables it defines in front of each.
pub(crate) static DIALECT: Dialect = Dialect {
    functions: &[FUNCTIONS],
    elsewhere: &[
        "args",
        "safeHtml",
        "tmpl",
        "toDuration",
        "define",
        "template",
        "block",
        "html",
        "js",
        "call",
        "urlquery",
        "stripDomain",
    ],
    variables: &[
        ("$labels", "Labels"),
        ("$externalLabels", "ExternalLabels"),
        ("$externalURL", "ExternalURL"),
        ("$value", "Value"),
    ],
};

/// What every template may name of the program itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Externals {
    pub(crate) labels: Labels,
    /// Where a person finds the program.
    pub(crate) url: String,
}

/// Asks a query at a time in milliseconds.
pub(crate) type Ask<'a> = &'a dyn Fn(&str, i64) -> Result<Vec<(Labels, f64)>, String>;

/// What the templates of one alert see.
#[derive(Clone, Copy)]
pub(crate) struct Data<'a> {
    pub(crate) labels: &'a Labels,
    pub(crate) value: f64,
    /// The time of the evaluation.
    pub(crate) at_ms: i64,
    pub(crate) externals: &'a Externals,
    pub(crate) ask: Ask<'a>,
}

impl Data<'_> {
    /// Fills a text in. A template that fails says so in its place, as Prometheus' does.
    pub(super) fn expand(&self, rule: &Rule, text: &Text) -> String {
        match text {
            Text::Plain(text) => text.clone(),
            Text::Template(template) => template.run(self).unwrap_or_else(|error| {
                let name = &rule.name;
                format!("<error expanding template: error executing template __alert_{name}: {error}>")
            }),
        }
    }
}

fn map(labels: &Labels) -> Value {
    let entries = labels.iter().map(|(name, value)| (name.to_owned(), Value::Text(value.to_owned())));
    Value::Map(Arc::new(entries.collect::<BTreeMap<_, _>>()))
}

impl Context for Data<'_> {
    fn field(&self, name: &str) -> Result<Value, String> {
        Ok(match name {
            "Labels" => map(self.labels),
            "ExternalLabels" => map(&self.externals.labels),
            "ExternalURL" => Value::Text(self.externals.url.clone()),
            "Value" => Value::Float(self.value),
            other => return Err(format!("can't evaluate field {other}")),
        })
    }

    fn whole(&self) -> Result<Value, String> {
        Err("the data as a whole cannot be used; name a field of it".to_owned())
    }

    fn call(&self, function: &str, arguments: &[Value]) -> Result<Value, String> {
        match (function, arguments) {
            ("query", [query]) => {
                let found = (self.ask)(text(query)?, self.at_ms)?;
                let sample = |(labels, value): &(Labels, f64)| {
                    Value::Record([("Labels", map(labels)), ("Value", Value::Float(*value))].into())
                };
                Ok(Value::List(found.iter().map(sample).collect()))
            }
            ("externalURL", _) => put(self.externals.url.clone()),
            ("pathPrefix", _) => put(path(&self.externals.url)),
            ("now", _) => Ok(Value::Float(self.at_ms as f64 / 1000.0)),
            _ => Err("it is not known".to_owned()),
        }
    }
}

/// The path of an address.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

const FUNCTIONS: &[Function] = &[
    of_context("query", 1),
    of_context("externalURL", 0),
    of_context("pathPrefix", 0),
    of_context("now", 0),
    of("first", 1, |a| {
        let none = || "first() called on vector with no elements".to_owned();
        list(&a[0])?.first().cloned().ok_or_else(none)
    }),
    of("value", 1, |a| sample(&a[0])?.field("Value")),
    of("label", 2, |a| sample(&a[1])?.field("Labels")?.field(text(&a[0])?)),
    of("strvalue", 1, |a| sample(&a[0])?.field("Labels")?.field("__value__")),
    of("sortByLabel", 2, |a| {
        let (name, mut items) = (text(&a[0])?, list(&a[1])?.to_vec());
        let key = |item: &Value| match item.field("Labels").and_then(|labels| labels.field(name)) {
            Ok(Value::Text(text)) => text,
            _ => String::new(),
        };
        items.sort_by_key(key);
        Ok(Value::List(items.into()))
    }),
    of("match", 2, |a| Ok(Value::Bool(compile(text(&a[0])?)?.is_match(text(&a[1])?)))).heavy(),
    of("reReplaceAll", 3, |a| {
        let (regex, with, text) = (compile(text(&a[0])?)?, text(&a[1])?, text(&a[2])?);
        put(replace_all(&regex, text, with)?)
    })
    .heavy(),
    of("title", 1, |a| put(title(text(&a[0])?))),
    of("toUpper", 1, |a| put(text(&a[0])?.to_uppercase())),
    of("toLower", 1, |a| put(text(&a[0])?.to_lowercase())),
    of("stripPort", 1, |a| put(without_port(text(&a[0])?))),
    of("graphLink", 1, |a| put(link(text(&a[0])?, 0))),
    of("tableLink", 1, |a| put(link(text(&a[0])?, 1))),
    of("urlQueryEscape", 1, |a| put(query_escape(text(&a[0])?))),
    of("humanize", 1, |a| put(number(float(&a[0])?))),
    of("humanize1024", 1, |a| put(bytes_1024(float(&a[0])?))),
    of("humanizeDuration", 1, |a| put(duration(float(&a[0])?))),
    of("humanizePercentage", 1, |a| put(percentage(float(&a[0])?))),
    of("humanizeTimestamp", 1, |a| put(timestamp(float(&a[0])?)?)),
    of("toTime", 1, |a| time(float(&a[0])?).map(Moment::of_nanos).map(Value::Time)),
    of("parseDuration", 1, |a| {
        let text = text(&a[0])?;
        let (sign, rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
        let ns = crate::duration::read(rest)?;
        Ok(Value::Float(sign * ns as f64 / 1e9))
    }),
];

fn list(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::List(items) => Ok(items),
        other => Err(format!("wrong type for value; expected template.queryResult; got {}", other.kind())),
    }
}

fn sample(value: &Value) -> Result<&Value, String> {
    match value {
        Value::Record(_) => Ok(value),
        other => Err(format!("wrong type for value; expected *template.sample; got {}", other.kind())),
    }
}

/// A number, or text that is one.
fn float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(f) => Ok(*f),
        Value::Int(n) => Ok(*n as f64),
        Value::Text(text) => {
            let invalid = || format!("strconv.ParseFloat: parsing {text:?}: invalid syntax");
            text.parse().map_err(|_| invalid())
        }
        other => Err(format!("can't convert {} to float", other.kind())),
    }
}

/// `host:port` without the port; anything else as it is.
fn without_port(address: &str) -> &str {
    match address.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").map_or(address, |(host, _)| host),
        None => match address.split_once(':') {
            Some((host, port)) if !port.contains(':') => host,
            _ => address,
        },
    }
}

/// The page of Prometheus that shows an expression, as a graph (tab 0) or a table (tab 1).
pub(crate) fn link(expr: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", query_escape(expr))
}
