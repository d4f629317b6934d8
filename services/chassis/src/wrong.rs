//! What is wrong with a body whose JSON is right, in words of the API: which field, what is expected, what came. What serde says of
//! it is made for those who write the types.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// Longest piece of a client's text that is told back.
const TOLD: usize = 40;

/// A value that does not fit.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The field that it is about, below the place where it was found.
    field: Option<&'static str>,
    what: String,
}

impl Wrong {
    /// The whole of it, for a value found at this place; empty for the body itself.
    pub(crate) fn at(&self, place: &str) -> String {
        let what = &self.what;
        match (place, self.field) {
            ("", None) => format!("the body: {what}"),
            ("", Some(field)) => format!("{field}: {what}"),
            (place, None) => format!("{place}: {what}"),
            (place, Some(field)) => format!("{place}.{field}: {what}"),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at(""))
    }
}

impl std::error::Error for Wrong {}

impl Error for Wrong {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self { field: None, what: what.to_string() }
    }

    fn invalid_type(came: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {}, got {}", expected(wanted), got(came)))
    }

    fn invalid_value(came: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        // Of numbers that is one which the type has no room for.
        let within = if is_number(&wanted.to_string()) { " within range" } else { "" };
        Self::custom(format_args!("expected {}{within}, got {}", expected(wanted), got(came)))
    }

    fn invalid_length(count: usize, wanted: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {}, got {count}", expected(wanted)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: Some(field), what: "is missing".to_owned() }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self { field: Some(field), what: "is there twice".to_owned() }
    }
}

fn is_number(wanted: &str) -> bool {
    let width = wanted.strip_prefix(['i', 'u', 'f']).unwrap_or_default();
    width == "size" || (!width.is_empty() && width.bytes().all(|b| b.is_ascii_digit()))
}

/// What a type asks for. Types that read themselves have words of their own.
fn expected(wanted: &dyn Expected) -> String {
    let wanted = wanted.to_string();
    match &*wanted {
        "a string" | "str" | "string" => "text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        number if is_number(number) && number.starts_with('f') => "a number".to_owned(),
        number if is_number(number) => "a whole number".to_owned(),
        of_fields if of_fields.starts_with("struct ") => "an object".to_owned(),
        _ => wanted,
    }
}

/// What came, in JSON's words.
fn got(came: Unexpected<'_>) -> String {
    match came {
        Unexpected::Bool(truth) => truth.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Char(c) => format!("{:?}", c.to_string()),
        Unexpected::Str(text) => match text.char_indices().nth(TOLD) {
            Some((end, _)) => format!("{:?}", format!("{}…", &text[..end])),
            None => format!("{text:?}"),
        },
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}
