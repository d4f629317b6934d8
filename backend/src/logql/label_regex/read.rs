//! Reads the few kinds of regexes that Loki simplifies, into the shape that Go's parser gives them: what neighbouring choices
//! begin with alike stands before them.

/// A regex, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Re {
    Empty,
    Literal(String),
    /// `.*`
    AnyText,
    /// `.+`
    SomeText,
    /// One of some characters.
    Class,
    Group(Box<Re>),
    Sequence(Vec<Re>),
    Choice(Vec<Re>),
}

impl Re {
    /// Without the group around it.
    pub(super) fn bare(&self) -> &Self {
        match self {
            Self::Group(inner) => inner,
            other => other,
        }
    }
}

/// The deepest nesting that is looked into.
const MAX_DEPTH: usize = 20;

/// Reads a regex; `None` where it has more to it.
pub(super) fn read(source: &str) -> Option<Re> {
    let mut rest = source;
    let re = choice(&mut rest, 0)?;
    rest.is_empty().then_some(re)
}

fn choice(rest: &mut &str, depth: usize) -> Option<Re> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut all = vec![sequence(rest, depth)?];
    while let Some(after) = rest.strip_prefix('|') {
        *rest = after;
        all.push(sequence(rest, depth)?);
    }
    Some(collapse(all))
}

fn sequence(rest: &mut &str, depth: usize) -> Option<Re> {
    let mut parts: Vec<Re> = Vec::new();
    while let Some(c) = rest.chars().next().filter(|c| !matches!(c, '|' | ')')) {
        let after = &rest[c.len_utf8()..];
        match c {
            '.' => {
                *rest = after;
                parts.push(Re::Class);
            }
            '(' => {
                let (inner, captures) = match after.strip_prefix("?:") {
                    Some(inner) => (inner, false),
                    None if after.starts_with('?') => return None,
                    None => (after, true),
                };
                *rest = inner;
                let inner = choice(rest, depth + 1)?;
                *rest = rest.strip_prefix(')')?;
                match inner {
                    inner if captures => parts.push(Re::Group(Box::new(inner))),
                    Re::Sequence(inner) => inner.into_iter().for_each(|part| push(&mut parts, part)),
                    inner => push(&mut parts, inner),
                }
            }
            '\\' => {
                let escaped = after.chars().next().filter(char::is_ascii_punctuation)?;
                *rest = &after[1..];
                push(&mut parts, Re::Literal(escaped.into()));
            }
            '[' | ']' | '{' | '}' | '^' | '$' | '*' | '+' | '?' => return None,
            c => {
                *rest = after;
                push(&mut parts, Re::Literal(c.into()));
            }
        }
        if let Some(op @ ('*' | '+' | '?' | '{')) = rest.chars().next() {
            // Of what is repeated only `.*` and `.+` are told apart; behind them may stand a mark of preference.
            let is_dot = c == '.' && parts.pop() == Some(Re::Class);
            *rest = rest[1..].strip_prefix('?').unwrap_or(&rest[1..]);
            parts.push(match op {
                '*' if is_dot => Re::AnyText,
                '+' if is_dot => Re::SomeText,
                _ => return None,
            });
        }
    }
    Some(match parts.len() {
        0 => Re::Empty,
        1 => parts.remove(0),
        _ => Re::Sequence(parts),
    })
}

/// Appends a part; texts that touch are one.
fn push(parts: &mut Vec<Re>, part: Re) {
    match (parts.last_mut(), part) {
        (Some(Re::Literal(before)), Re::Literal(text)) => before.push_str(&text),
        (_, part) => parts.push(part),
    }
}

fn collapse(all: Vec<Re>) -> Re {
    let flat = all.into_iter().flat_map(|one| match one {
        Re::Choice(inner) => inner,
        one => vec![one],
    });
    let mut all = factor(flat.collect());
    if all.len() == 1 { all.remove(0) } else { Re::Choice(all) }
}

/// Puts what neighbours begin with alike before them, makes classes of single characters, and drops repeated nothing.
fn factor(all: Vec<Re>) -> Vec<Re> {
    let mut runs: Vec<(String, Vec<Re>)> = Vec::new();
    for one in all {
        let text = leading(&one).to_owned();
        match runs.last_mut() {
            Some((common, run)) if shared(common, &text) > 0 => {
                common.truncate(shared(common, &text));
                run.push(one);
            }
            _ => runs.push((text, vec![one])),
        }
    }
    let mut out: Vec<Re> = Vec::new();
    for (common, mut run) in runs {
        let one = if run.len() == 1 {
            run.remove(0)
        } else {
            let rest = run.into_iter().map(|one| without_leading(one, common.len())).collect();
            Re::Sequence(vec![Re::Literal(common), collapse(rest)])
        };
        let is_character =
            |re: &Re| matches!(re, Re::Class) || matches!(re, Re::Literal(t) if t.chars().count() == 1);
        match out.last_mut() {
            Some(last) if is_character(last) && is_character(&one) => *last = Re::Class,
            Some(Re::Empty) if one == Re::Empty => {}
            _ => out.push(one),
        }
    }
    out
}

fn leading(re: &Re) -> &str {
    match re {
        Re::Literal(text) => text,
        Re::Sequence(parts) => parts.first().map_or("", leading),
        _ => "",
    }
}

/// How many bytes two texts begin with alike.
fn shared(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum()
}

fn without_leading(re: Re, len: usize) -> Re {
    let cut = |text: String| if text.len() == len { Re::Empty } else { Re::Literal(text[len..].to_owned()) };
    match re {
        Re::Literal(text) => cut(text),
        Re::Sequence(mut parts) => {
            let first = match parts.remove(0) {
                Re::Literal(text) => cut(text),
                other => other,
            };
            if first != Re::Empty {
                parts.insert(0, first);
            }
            if parts.len() == 1 { parts.remove(0) } else { Re::Sequence(parts) }
        }
        other => other,
    }
}
