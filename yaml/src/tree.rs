//! From text to a tree of nodes with lines.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::place::Problem;

/// The most nodes of one file, and how deep they may lie: what a person writes is far below.
const NODES: usize = 50_000;
const DEPTH: usize = 32;

/// A part of a document.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins, from 1.
    pub line: usize,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text, a number, a truth value or nothing: which one, its reader decides.
    Scalar {
        /// Its text, without quotes.
        text: String,
        /// Written without quotes, so that it may mean a number, a truth value or nothing.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map: key, the key's line, value.
    Map(Vec<(String, usize, Node)>),
}

/// The documents of a file, in their order.
pub fn documents(text: &str) -> Result<Vec<Node>, Problem> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|e| Problem::new(e.marker().line().max(1), "", format!("not YAML: {}", e.info())))?;
        builder.take(event, span)?;
    }
    Ok(builder.documents)
}

/// A list or a map whose end has not come yet.
enum Open {
    List { line: usize, items: Vec<Node> },
    Map { line: usize, entries: Vec<(String, usize, Node)>, key: Option<(String, usize)> },
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let line = span.start.line().max(1);
        let refused = |what: &str| {
            Err(Problem::new(
                line,
                "",
                format!("{what} cannot be used here; write the value where it belongs"),
            ))
        };
        match event {
            Event::Alias(_) => refused("an alias (*)"),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                refused("an anchor (&)")
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => refused("a tag (!)"),
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                self.place(Node { line, value: Value::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(..) => self.push(Open::List { line, items: Vec::new() }, line),
            Event::MappingStart(..) => self.push(Open::Map { line, entries: Vec::new(), key: None }, line),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { line, items }) => self.place(Node { line, value: Value::List(items) }),
                Some(Open::Map { line, entries, .. }) => {
                    self.place(Node { line, value: Value::Map(entries) })
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn push(&mut self, open: Open, line: usize) -> Result<(), Problem> {
        if self.open.len() >= DEPTH {
            return Err(Problem::new(line, "", format!("nested more than {DEPTH} deep")));
        }
        self.open.push(open);
        Ok(())
    }

    fn place(&mut self, node: Node) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(Problem::new(node.line, "", format!("more than {NODES} values in one file")));
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match (key.take(), node.value) {
                (Some((name, at)), value) => {
                    entries.push((name, at, Node { line: node.line, value }));
                }
                (None, Value::Scalar { text, .. }) => {
                    if entries.iter().any(|(name, ..)| *name == text) {
                        return Err(Problem::new(node.line, text, "stands here twice; leave one"));
                    }
                    *key = Some((text, node.line));
                }
                (None, _) => return Err(Problem::new(node.line, "", "a key must be a word")),
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let documents = documents("a: 1\nb:\n  - x\n  - y: 'z'\n---\nc: 2\n").expect("YAML");
        assert_eq!(documents.len(), 2);
        let Value::Map(entries) = &documents[0].value else { panic!("{documents:?}") };
        assert_eq!((entries[0].1, entries[1].1), (1, 2));
        let Value::List(items) = &entries[1].2.value else { panic!("{entries:?}") };
        assert_eq!((items[0].line, items[1].line), (3, 4));
        let Value::Map(second) = &documents[1].value else { panic!("{documents:?}") };
        assert_eq!(second[0].1, 6);
    }

    #[test]
    fn what_would_be_a_riddle_is_refused_with_its_line() {
        for (text, line, word) in [
            ("a: 1\na: 2\n", 2, "twice"),
            ("a: &x 1\nb: 2\n", 1, "anchor"),
            ("a: !!str 1\n", 1, "tag"),
            ("a: [1\nb: 2\n", 2, "not YAML"),
            ("? [1]\n: 2\n", 1, "key"),
        ] {
            let problem = documents(text).expect_err(text);
            assert_eq!(problem.line, line, "{text:?}: {problem:?}");
            assert!(problem.message.contains(word), "{text:?}: {problem:?}");
        }
        let deep = "[".repeat(DEPTH + 2);
        assert!(documents(&deep).is_err());
    }
}
