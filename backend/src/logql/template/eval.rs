//! Fills a template in.

use super::{Argument, Command, MAX_OUTPUT, Node, Source};

/// What a pipeline yields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Nanoseconds since the epoch.
    Time(i64),
}

impl Value {
    /// As Go prints it.
    pub(super) fn print(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(n) => n.to_string(),
            Self::Float(f) => float(*f),
            Self::Bool(b) => b.to_string(),
            Self::Time(ns) => time(*ns),
        }
    }

    /// Whether `if` takes it for true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Int(n) => *n != 0,
            Self::Float(f) => *f != 0.0,
            Self::Bool(b) => *b,
            Self::Time(_) => true,
        }
    }
}

/// Go's `%v`: the shortest text, with an exponent from 1e21 and below 1e-4.
pub(in crate::logql) fn float(f: f64) -> String {
    if f.is_nan() {
        return "NaN".to_owned();
    }
    if f.is_infinite() {
        return if f > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if f != 0.0 && (f.abs() < 1e-4 || f.abs() >= 1e21) {
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    f.to_string()
}

/// Go's default form of a time, in UTC.
fn time(ns: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_nanosecond(i128::from(ns)) else { return String::new() };
    let text = time.to_string();
    text.trim_end_matches('Z').replacen('T', " ", 1) + " +0000 UTC"
}

pub(super) fn nodes(nodes: &[Node], from: &dyn Source, out: &mut String) -> Result<(), String> {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Put(commands) => out.push_str(&pipeline(commands, from)?.print()),
            Node::If { condition, then, otherwise } => {
                let branch = if pipeline(condition, from)?.is_true() { then } else { otherwise };
                self::nodes(branch, from, out)?;
            }
        }
        if out.len() > MAX_OUTPUT {
            return Err(format!("the template makes more than {MAX_OUTPUT} bytes of one line"));
        }
    }
    Ok(())
}

fn pipeline(commands: &[Command], from: &dyn Source) -> Result<Value, String> {
    let mut result = None;
    for command in commands {
        let mut arguments = Vec::with_capacity(command.arguments.len() + 1);
        for argument in &command.arguments {
            arguments.push(match argument {
                Argument::Field(name) => Value::Text(from.label(name).to_owned()),
                Argument::Value(value) => value.clone(),
                Argument::Inner(inner) => pipeline(inner, from)?,
                Argument::Call(function) => function.call(&[], from)?,
            });
        }
        arguments.extend(result.take());
        result = match command.function {
            Some(function) => Some(function.call(&arguments, from)?),
            None => arguments.into_iter().next(),
        };
    }
    result.ok_or_else(|| "missing value for command".to_owned())
}
