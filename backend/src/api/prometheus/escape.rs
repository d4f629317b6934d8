//! Names that have other characters than the text format was made for: which way of writing them a reader asks for, and
//! how each writes them. Pure.

use http::{HeaderMap, header};

/// How such a name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaping {
    /// As it is, in quotes.
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl Escaping {
    fn of(name: &str) -> Option<Self> {
        [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values].into_iter().find(|e| e.name() == name)
    }

    /// As media types name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// What a reader of the text format asks for: the last that is named before the first format which is that one, in the
    /// order of preference.
    pub(super) fn negotiated(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let mut clauses: Vec<Clause<'_>> = accepted.split(',').filter_map(Clause::new).collect();
        clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality).then(a.is_any().cmp(&b.is_any())));
        let mut found = Self::Underscores;
        for clause in clauses {
            found = clause.param("escaping").and_then(Self::of).unwrap_or(found);
            if clause.is_text() {
                break;
            }
        }
        found
    }

    /// A name of a metric or a label; in quotes where it needs them.
    pub(super) fn write(self, name: &str) -> String {
        if is_plain(name) {
            return name.to_owned();
        }
        let prefix = if self == Self::Values { "U__" } else { "" };
        let chars = name.chars().enumerate().map(|(i, c)| match (self, c) {
            (Self::Dots | Self::Values, '_') => "__".to_owned(),
            (Self::Dots, '.') => "_dot_".to_owned(),
            _ if fits(i, c) => c.to_string(),
            (Self::Dots, _) => "__".to_owned(),
            (Self::Values, c) => format!("_{:x}_", u32::from(c)),
            _ => "_".to_owned(),
        });
        match self {
            Self::AllowUtf8 => format!("\"{}\"", in_quotes(name)),
            _ => prefix.chars().map(String::from).chain(chars).collect(),
        }
    }
}

/// Whether every reader of the format knows all of its characters.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().enumerate().all(|(i, c)| fits(i, c))
}

fn fits(i: usize, c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | ':') || i > 0 && c.is_ascii_digit()
}

/// A text as it stands between quotes.
pub(super) fn in_quotes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

/// One format that a reader accepts.
struct Clause<'h> {
    kind: &'h str,
    subkind: &'h str,
    params: Vec<(&'h str, &'h str)>,
    quality: f32,
}

impl<'h> Clause<'h> {
    fn new(text: &'h str) -> Option<Self> {
        let mut parts = text.split(';');
        let (kind, subkind) = match parts.next()?.trim() {
            "*" => ("*", "*"),
            range => range.split_once('/')?,
        };
        let params: Vec<_> =
            parts.filter_map(|p| p.split_once('=')).map(|(k, v)| (k.trim(), v.trim())).collect();
        let quality = params.iter().find(|(k, _)| *k == "q").map_or(1.0, |(_, q)| q.parse().unwrap_or(0.0));
        Some(Self { kind: kind.trim(), subkind: subkind.trim(), params, quality })
    }

    fn param(&self, name: &str) -> Option<&'h str> {
        self.params.iter().find(|(k, _)| *k == name).map(|(_, v)| *v)
    }

    fn is_any(&self) -> (bool, bool) {
        (self.kind == "*", self.subkind == "*")
    }

    fn is_text(&self) -> bool {
        let version = self.param("version");
        let named = (self.kind, self.subkind) == ("text", "plain");
        let covered = matches!(self.kind, "text" | "*") && matches!(self.subkind, "plain" | "*");
        covered && (version == Some("0.0.4") || named && version.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_chooses_how_names_are_written() {
        for (accepted, chosen) in [
            ("", Escaping::Underscores),
            ("*/*", Escaping::Underscores),
            ("text/plain", Escaping::Underscores),
            ("text/plain;escaping=dots", Escaping::Dots),
            ("text/plain;version=0.0.4;escaping=values;q=0.5,*/*;q=0.1", Escaping::Values),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3",
                Escaping::AllowUtf8,
            ),
            (
                "text/plain;q=0.9,application/openmetrics-text;escaping=allow-utf-8;q=0.6",
                Escaping::Underscores,
            ),
            ("text/plain;escaping=never", Escaping::Underscores),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accepted.parse().expect("a value"));
            assert_eq!(Escaping::negotiated(&headers), chosen, "{accepted}");
        }
    }

    #[test]
    fn only_names_that_need_it_are_escaped() {
        for escaping in [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values] {
            assert_eq!(escaping.write("a_b:1"), "a_b:1");
        }
        for (escaping, written) in [
            (Escaping::AllowUtf8, "\"a_b.c é\""),
            (Escaping::Underscores, "a_b_c__"),
            (Escaping::Dots, "a__b_dot_c____"),
            (Escaping::Values, "U__a__b_2e_c_20__e9_"),
        ] {
            assert_eq!(escaping.write("a_b.c é"), written);
        }
    }
}
