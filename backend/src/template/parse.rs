//! From the words of a template to its nodes.

use super::function::{CORE, Function};
use super::lex::{self, Piece, Word};
use super::{Action, Argument, Command, Dialect, MAX_DEPTH, Node, Pipeline, TemplateError};

/// # Errors
/// What is wrong with it, or not there.
pub(super) fn read(dialect: &'static Dialect, source: &str) -> Result<Vec<Node>, TemplateError> {
    let variables = ["$"].into_iter().chain(dialect.variables.iter().map(|(name, _)| *name));
    let mut reader = Reader {
        dialect,
        pieces: lex::pieces(source)?.into_iter(),
        depth: 0,
        loops: 0,
        variables: variables.map(str::to_owned).collect(),
    };
    match reader.nodes()? {
        (nodes, Until::Text) => Ok(nodes),
        (_, Until::End) => Err(wrong("unexpected {{end}}")),
        (_, Until::Else(_)) => Err(wrong("unexpected {{else}}")),
    }
}

fn wrong(message: &str) -> TemplateError {
    TemplateError::wrong(message)
}

fn too_deep() -> TemplateError {
    TemplateError::unsupported("a template that is nested so deeply")
}

/// What a list of nodes ends with.
enum Until {
    /// The text's own end.
    Text,
    End,
    /// With the words that follow `else`.
    Else(Vec<Word>),
}

struct Reader {
    dialect: &'static Dialect,
    pieces: std::vec::IntoIter<Piece>,
    depth: usize,
    /// How many loops are open.
    loops: usize,
    /// The variables that are known here.
    variables: Vec<String>,
}

impl Reader {
    /// Nodes up to an `else` or `end`, or to the end of the template.
    fn nodes(&mut self) -> Result<(Vec<Node>, Until), TemplateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let mut nodes = Vec::new();
        let mut end = Until::Text;
        while let Some(piece) = self.pieces.next() {
            let words = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(words) => words,
            };
            match words.first() {
                None => return Err(wrong("missing value for command")),
                Some(Word::Name(name)) if name == "end" && words.len() == 1 => {
                    end = Until::End;
                    break;
                }
                Some(Word::Name(name)) if name == "else" => {
                    end = Until::Else(words[1..].to_vec());
                    break;
                }
                Some(Word::Name(name)) if matches!(name.as_str(), "if" | "with" | "range") => {
                    nodes.push(self.block(&words)?);
                }
                Some(Word::Name(name)) if name == "break" || name == "continue" => {
                    if self.loops == 0 {
                        return Err(TemplateError::wrong(format!("{{{{{name}}}}} outside {{{{range}}}}")));
                    }
                    if words.len() > 1 {
                        return Err(TemplateError::wrong(format!("unexpected words in {{{{{name}}}}}")));
                    }
                    nodes.push(if name == "break" { Node::Break } else { Node::Continue });
                }
                Some(_) => nodes.push(Node::Put(self.action(&words, "command")?)),
            }
        }
        self.depth -= 1;
        Ok((nodes, end))
    }

    /// A block whose first words are given, up to its `end`. What it declares is known within it alone.
    fn block(&mut self, words: &[Word]) -> Result<Node, TemplateError> {
        let known = self.variables.len();
        let node = self.open_block(words)?;
        self.variables.truncate(known);
        Ok(node)
    }

    fn open_block(&mut self, words: &[Word]) -> Result<Node, TemplateError> {
        let (name, rest) = match words.split_first() {
            Some((Word::Name(name), rest)) => (name.as_str(), rest),
            _ => return Err(wrong("missing value for if")),
        };
        if rest.is_empty() {
            return Err(TemplateError::wrong(format!("missing value for {name}")));
        }
        let action = self.action(rest, name)?;
        let inner = self.variables.len();
        self.loops += usize::from(name == "range");
        let (then, end) = self.nodes()?;
        self.loops -= usize::from(name == "range");
        self.variables.truncate(inner);
        let otherwise = match end {
            Until::End => Vec::new(),
            Until::Text => return Err(wrong("unexpected EOF")),
            Until::Else(words) if words.is_empty() => match self.nodes()? {
                (nodes, Until::End) => nodes,
                (_, Until::Text) => return Err(wrong("unexpected EOF")),
                (_, Until::Else(_)) => return Err(wrong("expected end; found {{else}}")),
            },
            // It is an `else` that holds a block, and shares its `end`.
            Until::Else(words) => match words.first() {
                Some(Word::Name(next)) if next == name && name != "range" => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(too_deep());
                    }
                    let node = self.block(&words)?;
                    self.depth -= 1;
                    vec![node]
                }
                Some(Word::Name(next)) if next == "if" || next == "with" => {
                    return Err(TemplateError::wrong(format!("unexpected <{next}> in input")));
                }
                _ => return Err(wrong("unexpected words after else")),
            },
        };
        Ok(match name {
            "with" => Node::With { value: action, then, otherwise },
            "range" => Node::Range { over: action, each: then, otherwise },
            _ => Node::If { condition: action, then, otherwise },
        })
    }

    /// A pipeline, and before it the variables that are set to it.
    fn action(&mut self, words: &[Word], context: &str) -> Result<Action, TemplateError> {
        let most = if context == "range" { 2 } else { 1 };
        let sets = words.iter().position(|w| matches!(w, Word::Declare | Word::Assign));
        let Some(at) = sets else {
            return Ok(Action { set: Vec::new(), declares: false, pipeline: self.pipeline(words, 0)? });
        };
        let declares = words[at] == Word::Declare;
        let mut set = Vec::new();
        for (i, word) in words[..at].iter().enumerate() {
            match (i % 2, word) {
                (0, Word::Variable(name, path)) if path.is_empty() => set.push(name.clone()),
                (1, Word::Comma) if i + 1 < at => {}
                _ => return Err(wrong("unexpected words before := or =")),
            }
        }
        if set.is_empty() || set.len() > most {
            return Err(TemplateError::wrong(format!("too many declarations in {context}")));
        }
        let pipeline = self.pipeline(&words[at + 1..], 0)?;
        // Whether one that is set anew is known, Go sees when it does so.
        if declares {
            self.variables.extend_from_slice(&set);
        }
        Ok(Action { set, declares, pipeline })
    }

    fn known(&self, name: &str) -> Result<(), TemplateError> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(TemplateError::wrong(format!("undefined variable {name:?}")))
    }

    fn pipeline(&self, words: &[Word], depth: usize) -> Result<Pipeline, TemplateError> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let mut commands = Vec::new();
        let mut open = 0;
        let mut from = 0;
        for (i, word) in words.iter().enumerate() {
            match word {
                Word::Open => open += 1,
                Word::Close(_) => open -= 1,
                Word::Pipe if open == 0 => {
                    commands.push(self.command(&words[from..i], commands.is_empty(), depth)?);
                    from = i + 1;
                }
                _ => {}
            }
            if open < 0 {
                return Err(wrong("unexpected right paren"));
            }
        }
        commands.push(self.command(&words[from..], commands.is_empty(), depth)?);
        Ok(commands)
    }

    fn command(&self, words: &[Word], is_first: bool, depth: usize) -> Result<Command, TemplateError> {
        let mut arguments = Vec::new();
        let mut function = None;
        let mut i = 0;
        while i < words.len() {
            let argument = match &words[i] {
                Word::Dot(path) => Argument::Dot(path.clone()),
                Word::Variable(name, path) => {
                    self.known(name)?;
                    Argument::Variable(name.clone(), path.clone())
                }
                Word::Value(value) => Argument::Value(value.clone()),
                Word::Name(name) if i == 0 => {
                    function = Some(self.find(name)?);
                    i += 1;
                    continue;
                }
                Word::Name(name) => Argument::Call(self.find(name)?),
                Word::Open => {
                    let end = closing(&words[i..]).ok_or_else(|| wrong("unclosed left paren"))? + i;
                    let inner = self.pipeline(&words[i + 1..end], depth + 1)?;
                    i = end;
                    match &words[end] {
                        Word::Close(path) => Argument::Inner(inner, path.clone()),
                        _ => return Err(wrong("unclosed left paren")),
                    }
                }
                _ => return Err(wrong("unexpected word in command")),
            };
            arguments.push(argument);
            i += 1;
        }
        match (function, arguments.len()) {
            (None, 0) => Err(wrong("missing value for command")),
            (None, n) if n > 1 || !is_first => {
                Err(wrong("a value is not a function, and takes no arguments"))
            }
            _ => Ok(Command { function, arguments }),
        }
    }

    /// # Errors
    /// There is no such function here.
    fn find(&self, name: &str) -> Result<&'static Function, TemplateError> {
        let tables = self.dialect.functions.iter().copied().chain([CORE]);
        tables.flatten().find(|f| f.name == name).ok_or_else(|| {
            if self.dialect.elsewhere.contains(&name) {
                TemplateError::unsupported(format!("the template function {name:?}"))
            } else {
                TemplateError::wrong(format!("function {name:?} not defined"))
            }
        })
    }
}

/// Where the parenthesis closes that stands first.
fn closing(words: &[Word]) -> Option<usize> {
    let mut open = 0;
    words.iter().position(|word| {
        open += match word {
            Word::Open => 1,
            Word::Close(_) => -1,
            _ => 0,
        };
        open == 0
    })
}
