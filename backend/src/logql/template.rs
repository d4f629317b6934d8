//! Templates as `line_format` and `label_format` have them: those of `crate::template` with Loki's functions.

mod functions;

use std::sync::Arc;

pub(crate) use functions::query_escape;
use functions::{ELSEWHERE, FUNCTIONS, LINE, TIMESTAMP};

use super::LogqlError;
use crate::template::{self, Context, Dialect, Moment, TemplateError, Value};

/// Fields are labels.
static DIALECT: Dialect = Dialect { functions: FUNCTIONS, elsewhere: ELSEWHERE, variables: &[] };

/// A template, ready to be filled.
#[derive(Debug, Clone)]
pub(crate) struct Template(template::Template);

/// What a template is filled with.
pub(crate) trait Source {
    /// A label's value, empty where there is none.
    fn label(&self, name: &str) -> &str;
    /// All labels, those of an error too.
    fn labels(&self) -> Vec<(String, String)>;
    fn line(&self) -> &str;
    fn ts_ns(&self) -> i64;
}

/// A source, as templates ask it.
struct Entry<'s>(&'s dyn Source);

impl Context for Entry<'_> {
    fn field(&self, name: &str) -> Result<Value, String> {
        Ok(Value::Text(self.0.label(name).to_owned()))
    }

    fn whole(&self) -> Result<Value, String> {
        let labels = self.0.labels().into_iter().map(|(name, value)| (name, Value::Text(value)));
        Ok(Value::Map(Arc::new(labels.collect())))
    }

    fn call(&self, function: &str, _: &[Value]) -> Result<Value, String> {
        match function {
            LINE => Ok(Value::Text(self.0.line().to_owned())),
            TIMESTAMP => Ok(Value::Time(Moment::of_nanos(self.0.ts_ns()))),
            other => Err(format!("{other} is nothing that a line has")),
        }
    }
}

impl Template {
    /// Reads a template; `of` is what Go would call it.
    ///
    /// # Errors
    /// It is none, or uses what is not there.
    pub(crate) fn parse(of: &str, source: &str) -> Result<Self, LogqlError> {
        template::Template::parse(&DIALECT, source).map(Self).map_err(|error| match error {
            TemplateError::Wrong(message) => LogqlError::stage(format!("template: {of}:1: {message}")),
            TemplateError::Unsupported(what) => LogqlError::Unsupported(what),
        })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        self.0.source()
    }

    /// The label that it puts in, where it does nothing else.
    pub(crate) fn field(&self) -> Option<&str> {
        self.0.only_field()
    }

    /// The labels it looks at by name.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.fields()
    }

    /// Fills it in.
    ///
    /// # Errors
    /// A function cannot work with what it is given, or the text grows too long.
    pub(crate) fn run(&self, from: &dyn Source) -> Result<String, String> {
        self.0.run(&Entry(from))
    }
}

#[cfg(test)]
mod tests;
