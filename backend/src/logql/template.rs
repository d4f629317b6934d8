//! A lean part of Go's templates, for `line_format` and `label_format`: text, fields, pipelines of functions, `if` with
//! `else`. What is beyond it (`range`, `with`, variables, definitions, other functions) is refused when the query is read.

mod eval;
mod functions;
mod lex;

use super::LogqlError;
pub(super) use eval::float;
use lex::{Piece, Word};

/// The deepest nesting of parentheses and conditions.
const MAX_DEPTH: usize = 30;
/// The longest text a template may make of one line.
const MAX_OUTPUT: usize = 1 << 20;

/// A template, ready to be filled.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    source: String,
    nodes: Vec<Node>,
}

/// What a template is filled with.
pub(crate) trait Source {
    /// A label's value, empty where there is none.
    fn label(&self, name: &str) -> &str;
    fn line(&self) -> &str;
    fn ts_ns(&self) -> i64;
}

#[derive(Debug, Clone)]
enum Node {
    Text(String),
    Put(Pipeline),
    If { condition: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
}

/// Commands, each given the result of the one before as its last argument.
type Pipeline = Vec<Command>;

#[derive(Debug, Clone)]
struct Command {
    function: Option<&'static functions::Function>,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
enum Argument {
    Field(String),
    Value(eval::Value),
    Inner(Pipeline),
    /// A function without arguments, in the place of an argument.
    Call(&'static functions::Function),
}

impl Template {
    /// Reads a template; `of` is what Go would call it.
    ///
    /// # Errors
    /// It is none, or uses what is not there.
    pub(crate) fn parse(of: &str, source: &str) -> Result<Self, LogqlError> {
        let named = |error| match error {
            LogqlError::Meaning(message) => LogqlError::stage(format!("template: {of}:1: {message}")),
            other => other,
        };
        let pieces = lex::pieces(source).map_err(named)?;
        let mut reader = Reader { pieces: pieces.into_iter(), depth: 0 };
        match reader.nodes().map_err(named)? {
            (nodes, None) => Ok(Self { source: source.to_owned(), nodes }),
            (_, Some(word)) => Err(named(LogqlError::stage(format!("unexpected {{{{{word}}}}}")))),
        }
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The label that it puts in, where it does nothing else.
    pub(crate) fn field(&self) -> Option<&str> {
        let [Node::Put(commands)] = self.nodes.as_slice() else { return None };
        match commands.as_slice() {
            [Command { function: None, arguments }] => match arguments.as_slice() {
                [Argument::Field(name)] => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// The labels it looks at.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        of_nodes(&self.nodes, &mut names);
        names
    }

    /// Fills it in.
    ///
    /// # Errors
    /// A function cannot work with what it is given, or the text grows too long.
    pub(crate) fn run(&self, from: &dyn Source) -> Result<String, String> {
        let mut out = String::new();
        eval::nodes(&self.nodes, from, &mut out)?;
        Ok(out)
    }
}

fn of_nodes(nodes: &[Node], names: &mut Vec<String>) {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::Put(commands) => of_pipeline(commands, names),
            Node::If { condition, then, otherwise } => {
                of_pipeline(condition, names);
                of_nodes(then, names);
                of_nodes(otherwise, names);
            }
        }
    }
}

fn of_pipeline(commands: &[Command], names: &mut Vec<String>) {
    for argument in commands.iter().flat_map(|c| &c.arguments) {
        match argument {
            Argument::Field(name) => names.push(name.clone()),
            Argument::Inner(inner) => of_pipeline(inner, names),
            Argument::Value(_) | Argument::Call(_) => {}
        }
    }
}

struct Reader {
    pieces: std::vec::IntoIter<Piece>,
    depth: usize,
}

impl Reader {
    /// Nodes up to an `else` or `end`, which is handed back by name; at the end of the template none is.
    fn nodes(&mut self) -> Result<(Vec<Node>, Option<&'static str>), LogqlError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(LogqlError::Unsupported("a template that is nested so deeply".to_owned()));
        }
        let mut nodes = Vec::new();
        let mut end = None;
        while let Some(piece) = self.pieces.next() {
            match piece {
                Piece::Text(text) => nodes.push(Node::Text(text)),
                Piece::Action(words) => match words.first() {
                    None => return Err(invalid("missing value for command")),
                    Some(Word::Name(name)) if name == "end" && words.len() == 1 => {
                        end = Some("end");
                        break;
                    }
                    Some(Word::Name(name)) if name == "else" => {
                        end = Some("else");
                        // `else if` is an `else` that holds an `if`, and shares its `end`.
                        if words.len() > 1 {
                            let condition = &words[1..];
                            nodes.push(self.branch(condition)?);
                            // Marks the list as the alternative of the caller's condition.
                            self.depth -= 1;
                            return Ok((nodes, Some("else if")));
                        }
                        break;
                    }
                    Some(Word::Name(name)) if name == "if" => nodes.push(self.branch(&words)?),
                    Some(_) => nodes.push(Node::Put(pipeline(&words, 0)?)),
                },
            }
        }
        self.depth -= 1;
        Ok((nodes, end))
    }

    /// An `if` whose words are given, up to its `end`.
    fn branch(&mut self, words: &[Word]) -> Result<Node, LogqlError> {
        let condition = match words.split_first() {
            Some((Word::Name(name), rest)) if name == "if" && !rest.is_empty() => pipeline(rest, 0)?,
            _ => return Err(invalid("missing value for if")),
        };
        let (mut then, end) = self.nodes()?;
        let otherwise = match end {
            Some("end") => Vec::new(),
            Some("else") => match self.nodes()? {
                (nodes, Some("end")) => nodes,
                _ => return Err(invalid("expected end; found {{else}}")),
            },
            // The branch that `else if` opened stands last.
            Some("else if") => then.pop().into_iter().collect(),
            _ => return Err(invalid("unexpected EOF")),
        };
        Ok(Node::If { condition, then, otherwise })
    }
}

fn invalid(message: &str) -> LogqlError {
    LogqlError::stage(message)
}

fn pipeline(words: &[Word], depth: usize) -> Result<Pipeline, LogqlError> {
    if depth > MAX_DEPTH {
        return Err(LogqlError::Unsupported("a template that is nested so deeply".to_owned()));
    }
    let mut commands = Vec::new();
    let mut open = 0;
    let mut from = 0;
    for (i, word) in words.iter().enumerate() {
        match word {
            Word::Open => open += 1,
            Word::Close => open -= 1,
            Word::Pipe if open == 0 => {
                commands.push(command(&words[from..i], commands.is_empty(), depth)?);
                from = i + 1;
            }
            _ => {}
        }
        if open < 0 {
            return Err(invalid("unexpected right paren"));
        }
    }
    commands.push(command(&words[from..], commands.is_empty(), depth)?);
    Ok(commands)
}

fn command(words: &[Word], is_first: bool, depth: usize) -> Result<Command, LogqlError> {
    let mut arguments = Vec::new();
    let mut function = None;
    let mut i = 0;
    while i < words.len() {
        let argument = match &words[i] {
            Word::Field(name) => Argument::Field(name.clone()),
            Word::Value(value) => Argument::Value(value.clone()),
            Word::Name(name) if i == 0 => {
                function = Some(functions::find(name)?);
                i += 1;
                continue;
            }
            Word::Name(name) => Argument::Call(functions::find(name)?),
            Word::Open => {
                let mut open = 1;
                let inner = words[i + 1..].iter().position(|w| {
                    open += match w {
                        Word::Open => 1,
                        Word::Close => -1,
                        _ => 0,
                    };
                    open == 0
                });
                let end = inner.ok_or_else(|| invalid("unclosed left paren"))? + i + 1;
                let argument = Argument::Inner(pipeline(&words[i + 1..end], depth + 1)?);
                i = end;
                argument
            }
            Word::Close | Word::Pipe => return Err(invalid("unexpected right paren")),
        };
        arguments.push(argument);
        i += 1;
    }
    match (function, arguments.len()) {
        (None, 0) => Err(invalid("missing value for command")),
        (None, n) if n > 1 || !is_first => Err(invalid("a value is not a function, and takes no arguments")),
        _ => Ok(Command { function, arguments }),
    }
}

#[cfg(test)]
mod tests;
