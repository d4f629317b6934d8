//! Typed access to a tree: each reader knows the way that led to it, so that a mistake can be named.

use crate::place::Problem;
use crate::tree::{Node, Value};

/// A node and the way to it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    node: &'a Node,
    key: String,
    line: usize,
}

impl<'a> Reader<'a> {
    /// Of a whole document.
    pub fn of(document: &'a Node) -> Self {
        Self { node: document, key: String::new(), line: document.line }
    }

    /// The line where its key stands.
    pub fn line(&self) -> usize {
        self.line
    }

    /// A mistake at this place.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(self.line, self.key.clone(), message)
    }

    /// The fields of a map.
    pub fn fields(&self) -> Result<Fields<'a>, Problem> {
        match &self.node.value {
            Value::Map(entries) => {
                let (key, line) = (self.key.clone(), self.line);
                Ok(Fields { entries, key, line, asked: Vec::new() })
            }
            _ => Err(self.problem("expected keys and values")),
        }
    }

    /// The entries of a map whose keys are free, such as labels, in the order of the file.
    pub fn entries(&self) -> Result<Vec<(String, Reader<'a>)>, Problem> {
        let entries = self.fields()?.entries;
        let reader = |(name, line, node): &'a (String, usize, Node)| Reader {
            node,
            key: below(&self.key, name),
            line: *line,
        };
        Ok(entries.iter().map(|entry| (entry.0.clone(), reader(entry))).collect())
    }

    /// The items of a list.
    pub fn items(&self) -> Result<Vec<Reader<'a>>, Problem> {
        let Value::List(items) = &self.node.value else {
            return Err(self.problem("expected a list"));
        };
        let numbered = items.iter().enumerate();
        Ok(numbered
            .map(|(i, node)| Reader { node, key: format!("{}[{i}]", self.key), line: node.line })
            .collect())
    }

    /// A text that is not empty, its lines joined by single spaces.
    pub fn text(&self) -> Result<String, Problem> {
        match &self.node.value {
            Value::Scalar { text, plain } if !(text.trim().is_empty() || *plain && text == "~") => {
                Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
            }
            _ => Err(self.problem("expected a text")),
        }
    }

    /// A text as it is written, its lines and an empty one included.
    pub fn verbatim(&self) -> Result<String, Problem> {
        match &self.node.value {
            Value::Scalar { text, .. } if !self.is_nothing() => Ok(text.clone()),
            _ => Err(self.problem("expected a text")),
        }
    }

    /// Whether its value is left out: nothing behind the colon, `~` or `null`.
    pub fn is_nothing(&self) -> bool {
        let Value::Scalar { text, plain: true } = &self.node.value else { return false };
        matches!(text.as_str(), "" | "~" | "null")
    }

    /// Whether it is written without quotes, so that it may mean a number.
    pub fn is_plain(&self) -> bool {
        matches!(self.node.value, Value::Scalar { plain: true, .. })
    }

    /// A finite number.
    pub fn number(&self) -> Result<f64, Problem> {
        let read = match &self.node.value {
            Value::Scalar { text, plain: true } => text.parse::<f64>().ok().filter(|n| n.is_finite()),
            _ => None,
        };
        read.ok_or_else(|| self.problem("expected a number"))
    }

    /// `true` or `false`.
    pub fn truth(&self) -> Result<bool, Problem> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if text == "true" => Ok(true),
            Value::Scalar { text, plain: true } if text == "false" => Ok(false),
            _ => Err(self.problem("expected true or false")),
        }
    }

    /// One of these words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Problem> {
        let text = self.text()?;
        words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.problem(format!("{text:?} is not known here; known are {}", known.join(", ")))
        })
    }
}

/// The fields of a map. Each is asked for by name; what nobody asked for is a mistake.
#[derive(Debug)]
pub struct Fields<'a> {
    entries: &'a [(String, usize, Node)],
    key: String,
    line: usize,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// A field that may be missing.
    pub fn optional(&mut self, name: &'static str) -> Option<Reader<'a>> {
        self.asked.push(name);
        let (_, line, node) = self.entries.iter().find(|(key, ..)| key == name)?;
        Some(Reader { node, key: below(&self.key, name), line: *line })
    }

    /// A field that must be there.
    pub fn required(&mut self, name: &'static str) -> Result<Reader<'a>, Problem> {
        let (line, key) = (self.line, below(&self.key, name));
        self.optional(name).ok_or_else(|| Problem::new(line, key, "is missing; add it"))
    }

    /// Nothing else may be there.
    pub fn end(self) -> Result<(), Problem> {
        match self.entries.iter().find(|(key, ..)| !self.asked.contains(&key.as_str())) {
            Some((name, line, _)) => {
                let known = self.asked.join(", ");
                Err(Problem::new(
                    *line,
                    below(&self.key, name),
                    format!("is not known here; known are {known}"),
                ))
            }
            None => Ok(()),
        }
    }
}

/// The way to a key below another.
fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents;

    fn asked(text: &str, f: impl Fn(&mut Fields<'_>) -> Result<(), Problem>) -> Problem {
        let documents = documents(text).expect("YAML");
        let mut fields = Reader::of(&documents[0]).fields().expect("a map");
        f(&mut fields).and_then(|()| fields.end()).expect_err("a mistake")
    }

    #[test]
    fn a_mistake_names_the_way_to_its_key_and_its_line() {
        let problem = asked("a:\n  b: [1, x]\n", |fields| {
            let b = fields.required("a")?.fields()?.required("b")?;
            b.items()?.iter().try_for_each(|item| item.number().map(drop))
        });
        assert_eq!((problem.line, problem.key.as_str()), (2, "a.b[1]"));

        let problem = asked("a: 1\nc: 2\n", |fields| fields.required("a")?.number().map(drop));
        assert_eq!((problem.line, problem.key.as_str()), (2, "c"));
        assert!(problem.message.contains("known are a"), "{problem:?}");

        let problem = asked("a: 1\n", |fields| fields.required("b").map(drop));
        assert!(problem.key == "b" && problem.message.contains("missing"), "{problem:?}");
    }

    #[test]
    fn a_quoted_number_is_a_text() {
        let problem = asked("a: '1'\n", |fields| fields.required("a")?.number().map(drop));
        assert!(problem.message.contains("number"), "{problem:?}");
        let documents = documents("a: '1'\nb: 1\n").expect("YAML");
        let mut fields = Reader::of(&documents[0]).fields().expect("a map");
        let plain = ["a", "b"].map(|name| fields.required(name).expect("there").is_plain());
        assert_eq!(plain, [false, true]);
    }

    #[test]
    fn free_keys_and_texts_come_as_they_are_written() {
        let documents = documents("a:\n  x: |\n    one\n    two\n  y: ''\n  z:\n").expect("YAML");
        let mut fields = Reader::of(&documents[0]).fields().expect("a map");
        let entries = fields.required("a").expect("there").entries().expect("a map");
        assert_eq!(entries[0].1.verbatim(), Ok("one\ntwo\n".to_owned()));
        assert_eq!(entries[1].1.verbatim(), Ok(String::new()));
        let problem = entries[2].1.verbatim().expect_err("nothing");
        assert!(entries[2].1.is_nothing());
        assert_eq!((problem.line, problem.key.as_str()), (6, "a.z"));
    }
}
