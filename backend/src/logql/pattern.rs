//! Patterns such as `<ip> - <_> "<method> <path>"`: literal text and captures, in turn. As a stage the captures become
//! labels; as a line filter (`|>`, `!>`) only `<_>` stands for "anything".

/// A pattern's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// A capture; without a name its text is thrown away.
    Capture(Option<String>),
}

impl Pattern {
    /// Reads a pattern for the `pattern` stage.
    ///
    /// # Errors
    /// It captures nothing, or two captures touch.
    pub(crate) fn parser(text: &str) -> Result<Self, String> {
        let pattern = Self::read(text)?;
        if !pattern.parts.iter().any(|p| matches!(p, Part::Capture(Some(_)))) {
            return Err("at least one capture is required".to_owned());
        }
        let mut names: Vec<&str> = pattern.names().collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
            return Err(format!("duplicate capture name ({}): invalid expression", twice[0]));
        }
        Ok(pattern)
    }

    /// Reads a pattern for a line filter.
    ///
    /// # Errors
    /// It has a named capture, or two captures touch.
    pub(crate) fn filter(text: &str) -> Result<Self, String> {
        let pattern = Self::read(text)?;
        if let Some(name) = pattern.names().next() {
            return Err(format!("named captures are not allowed: found '<{name}>'"));
        }
        Ok(pattern)
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let capture = rest.strip_prefix('<').and_then(|r| r.split_once('>')).filter(|(n, _)| is_name(n));
            if let Some((name, after)) = capture {
                if let Some(Part::Capture(before)) = parts.last() {
                    let before = before.as_deref().unwrap_or("_");
                    return Err(format!(
                        "found consecutive capture '<{before}><{name}>': invalid expression"
                    ));
                }
                parts.push(Part::Capture(Some(name.to_owned()).filter(|n| n != "_")));
                rest = after;
                continue;
            }
            match parts.last_mut() {
                Some(Part::Literal(literal)) => literal.push(c),
                _ => parts.push(Part::Literal(c.to_string())),
            }
            rest = &rest[c.len_utf8()..];
        }
        Ok(Self { source: text.to_owned(), parts })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|p| match p {
            Part::Capture(name) => name.as_deref(),
            Part::Literal(_) => None,
        })
    }

    /// The named captures of a line, as many as are found from the left. A capture whose end is missing takes the rest.
    pub(crate) fn captures<'p, 'l>(&'p self, line: &'l str) -> Vec<(&'p str, &'l str)> {
        let mut rest = line;
        let mut parts = self.parts.as_slice();
        let mut found = Vec::new();
        if line.is_empty() {
            return found;
        }
        if let Some((Part::Literal(literal), after)) = parts.split_first() {
            let Some(r) = rest.strip_prefix(literal.as_str()) else { return found };
            (rest, parts) = (r, after);
        }
        while let [Part::Capture(name), after @ ..] = parts {
            let (taken, left) = match after.first() {
                Some(Part::Literal(literal)) => rest.split_once(literal.as_str()).unwrap_or((rest, "")),
                _ => (rest, ""),
            };
            if let Some(name) = name {
                found.push((name.as_str(), taken));
            }
            if taken.len() == rest.len() {
                break;
            }
            (rest, parts) = (left, after.get(1..).unwrap_or_default());
        }
        found
    }

    /// Whether a line filter's pattern describes the line: literals in this order, each at its first place, with something
    /// in each capture. A line may begin with more than the pattern does; it has to end with it.
    pub(crate) fn matches(&self, line: &str) -> bool {
        if line.is_empty() {
            return self.parts.is_empty();
        }
        let mut at = 0;
        for (i, part) in self.parts.iter().enumerate() {
            let Part::Literal(literal) = part else { continue };
            match line[at..].find(literal.as_str()) {
                Some(j) if i == 0 || j > 0 => at += j + literal.len(),
                _ => return false,
            }
        }
        match self.parts.last() {
            Some(Part::Literal(_)) => at == line.len(),
            Some(Part::Capture(_)) => at < line.len(),
            None => false,
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_lie_between_literals() {
        let p = Pattern::parser(r#"<ip> - "<method> <_>" <status>"#).expect("valid");
        assert_eq!(
            p.captures(r#"1.2.3.4 - "GET /x" 200 9"#),
            [("ip", "1.2.3.4"), ("method", "GET"), ("status", "200 9")]
        );
        assert_eq!(p.captures("no such thing"), [("ip", "no such thing")]);
        assert_eq!(Pattern::parser("[<a>]").expect("valid").captures("x"), []);
        assert_eq!(Pattern::parser("<a> <b> <c>").expect("valid").captures("x y"), [("a", "x"), ("b", "y")]);
    }

    #[test]
    fn a_filter_describes_the_line_to_its_end() {
        let matches = |p: &str, line: &str| Pattern::filter(p).expect("valid").matches(line);
        assert!(matches("a <_> c", "a b c"));
        assert!(!matches("a <_> c", "a b c d"));
        assert!(matches("<_> c<_>", "a b c d"));
        assert!(!matches("b<_>", "a b"));
        assert!(matches("b<_>", "a b c"));
        assert!(!matches("a<_>b", "ab"));
        assert!(!matches("", "a") && matches("", ""));
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        assert!(Pattern::parser("<a><b>").is_err());
        assert!(Pattern::parser("<_> x").is_err());
        assert!(Pattern::parser("<a> <a>").is_err());
        assert!(Pattern::filter("<a> x").is_err());
    }
}
