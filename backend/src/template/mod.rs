//! Go's templates: text, fields, pipelines of functions, variables, and the blocks `if`, `with` and `range`. Each user
//! brings a [`Dialect`] with its functions, and a [`Context`] with the data. What is beyond it (`define`, `template`, `block`,
//! other functions) is refused when the template is read. What a template may make and do is bounded.

mod eval;
mod function;
mod layout;
mod lex;
mod moment;
mod parse;
mod printf;
mod read_time;
mod value;

pub(crate) use function::{
    Function, at_least, int, of, of_context, put, replace_all, replaced, text, times, title,
};
pub(crate) use layout::format as format_time;
pub(crate) use moment::{Moment, Place};
pub(crate) use read_time::read as read_time;
pub(crate) use value::Value;

/// The deepest nesting of parentheses and blocks.
const MAX_DEPTH: usize = 30;
/// The longest text a template may make, and the most rounds of its loops.
pub(crate) const MAX_OUTPUT: usize = 1 << 20;
const MAX_ROUNDS: usize = 100_000;
/// The most work, about in bytes that functions go over or make.
const MAX_WORK: usize = 64 << 20;

/// What a user of templates has beside the language: its functions and variables.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Tables of functions; those that every dialect has come beside.
    pub(crate) functions: &'static [&'static [Function]],
    /// Functions and words that the original knows beside, and which are not here.
    pub(crate) elsewhere: &'static [&'static str],
    /// Variables that are there from the beginning, and the fields of the data that they stand for.
    pub(crate) variables: &'static [(&'static str, &'static str)],
}

/// What a template is filled with.
pub(crate) trait Context {
    /// A field of the data.
    ///
    /// # Errors
    /// There is no such field.
    fn field(&self, name: &str) -> Result<Value, String>;

    /// The data as a whole.
    ///
    /// # Errors
    /// They are no value.
    fn whole(&self) -> Result<Value, String>;

    /// What a function says that looks at more than its arguments: one made by [`of_context`].
    ///
    /// # Errors
    /// It cannot be said.
    fn call(&self, function: &str, arguments: &[Value]) -> Result<Value, String>;
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// It is none, in Go's words where Go has some.
    #[error("{0}")]
    Wrong(String),
    /// It is one, and uses what is not there.
    #[error("{0} is not supported yet by the embedded backend")]
    Unsupported(String),
}

impl TemplateError {
    fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(message.into())
    }

    fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}

/// A template, ready to be filled.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    source: String,
    nodes: Vec<Node>,
    dialect: &'static Dialect,
}

#[derive(Debug, Clone)]
enum Node {
    Text(String),
    Put(Action),
    If { condition: Action, then: Vec<Node>, otherwise: Vec<Node> },
    With { value: Action, then: Vec<Node>, otherwise: Vec<Node> },
    Range { over: Action, each: Vec<Node>, otherwise: Vec<Node> },
    Break,
    Continue,
}

/// A pipeline, and the variables that are set to what it yields.
#[derive(Debug, Clone)]
struct Action {
    /// Names, and whether they are made here; a loop may have two.
    set: Vec<String>,
    declares: bool,
    pipeline: Pipeline,
}

/// Commands, each given the result of the one before as its last argument.
type Pipeline = Vec<Command>;

#[derive(Debug, Clone)]
struct Command {
    function: Option<&'static Function>,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
enum Argument {
    Value(Value),
    /// The dot, or fields of it.
    Dot(Vec<String>),
    /// A variable, or fields of it.
    Variable(String, Vec<String>),
    /// What stands in parentheses, or fields of that.
    Inner(Pipeline, Vec<String>),
    /// A function without arguments, in the place of an argument.
    Call(&'static Function),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// It is none, or uses what is not there.
    pub(crate) fn parse(dialect: &'static Dialect, source: &str) -> Result<Self, TemplateError> {
        let nodes = parse::read(dialect, source)?;
        Ok(Self { source: source.to_owned(), nodes, dialect })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The single field that it puts in, where it does nothing else. Loki takes one that a variable is set to for it, too.
    pub(crate) fn only_field(&self) -> Option<&str> {
        let [Node::Put(action)] = self.nodes.as_slice() else { return None };
        match action.pipeline.as_slice() {
            [Command { function: None, arguments }] => match arguments.as_slice() {
                [Argument::Dot(path)] => path.first().filter(|_| path.len() == 1).map(String::as_str),
                _ => None,
            },
            _ => None,
        }
    }

    /// The fields that it names behind a dot, and the fields of those; not those of variables, nor what stands in
    /// parentheses of which a field is taken. It is what Loki knows of a template before it is filled.
    pub(crate) fn fields(&self) -> Vec<String> {
        let mut found = Vec::new();
        of_nodes(&self.nodes, &mut found);
        found
    }

    /// Whether it uses a function of that name.
    pub(crate) fn calls(&self, name: &str) -> bool {
        let mut found = false;
        each_command(&self.nodes, &mut |command| {
            let inner = command.arguments.iter().any(|a| matches!(a, Argument::Call(f) if f.name == name));
            found |= inner || command.function.is_some_and(|f| f.name == name);
        });
        found
    }

    /// Fills it in.
    ///
    /// # Errors
    /// A function cannot work with what it is given, or the text grows too long.
    pub(crate) fn run(&self, from: &dyn Context) -> Result<String, String> {
        eval::run(self, from)
    }
}

fn each_command(nodes: &[Node], f: &mut impl FnMut(&Command)) {
    fn of(pipeline: &[Command], f: &mut impl FnMut(&Command)) {
        for command in pipeline {
            f(command);
            for argument in &command.arguments {
                if let Argument::Inner(inner, _) = argument {
                    of(inner, f);
                }
            }
        }
    }
    for node in nodes {
        if let Some(action) = node.action() {
            of(&action.pipeline, f);
        }
        for inner in node.inner() {
            each_command(inner, f);
        }
    }
}

fn of_nodes(nodes: &[Node], found: &mut Vec<String>) {
    fn of(pipeline: &[Command], found: &mut Vec<String>) {
        for argument in pipeline.iter().flat_map(|command| &command.arguments) {
            match argument {
                Argument::Dot(path) => found.extend_from_slice(path),
                Argument::Inner(inner, path) if path.is_empty() => of(inner, found),
                _ => {}
            }
        }
    }
    for node in nodes {
        if let Some(action) = node.action() {
            of(&action.pipeline, found);
        }
        for inner in node.inner() {
            of_nodes(inner, found);
        }
    }
}

impl Node {
    fn action(&self) -> Option<&Action> {
        match self {
            Self::Text(_) | Self::Break | Self::Continue => None,
            Self::Put(action)
            | Self::If { condition: action, .. }
            | Self::With { value: action, .. }
            | Self::Range { over: action, .. } => Some(action),
        }
    }

    /// What stands in a block.
    fn inner(&self) -> [&[Self]; 2] {
        match self {
            Self::Text(_) | Self::Put(_) | Self::Break | Self::Continue => [&[], &[]],
            Self::If { then, otherwise, .. }
            | Self::With { then, otherwise, .. }
            | Self::Range { each: then, otherwise, .. } => [then, otherwise],
        }
    }
}

#[cfg(test)]
mod tests;
