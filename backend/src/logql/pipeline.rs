//! Runs a query's stages over one entry. What reads labels out of the line is in [`readers`].

mod readers;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::ast::{Choice, Condition, Format, LineFilter, LineText, Stage};
use super::fields::{ERROR, ERROR_DETAILS, Fields, PRESERVE_ERROR};
use super::hints::Hints;
use super::plan::Plan;
use super::template::Source;
use super::units;
use crate::store::logs::Entry;

pub(crate) use readers::{field_name, label_name};

/// Terminal colours and other escape sequences, as they are commonly told from text.
static ESCAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let command = r"(?:[0-9]{1,4}(?:;[0-9]{0,4})*)?[0-9A-PRZcf-ntqry=><~]";
    let text = r"(?:[a-zA-Z0-9]*(?:;[a-zA-Z0-9]*)*)?\x07";
    Regex::new(&format!(r"[\x1b\x{{9b}}][\[\]()#;?]*(?:{text}|{command})")).ok()
});

impl Plan {
    /// Whether a line passes the filters that come first.
    pub(crate) fn wants(&self, line: &str) -> bool {
        self.lines.iter().all(|filter| keeps(filter, line))
    }

    /// Runs the other stages over an entry whose line is wanted; `None` when one of them drops it.
    pub(crate) fn run<'e>(&self, hints: &'e Hints, entry: &'e Entry<'e>) -> Option<Fields<'e>> {
        let mut fields = Fields::new(entry, hints);
        self.rest.iter().all(|stage| apply(stage, &mut fields)).then_some(fields)
    }
}

fn keeps(filter: &LineFilter, line: &str) -> bool {
    let any = filter.texts.iter().any(|p| match p {
        LineText::Contains(text) => line.contains(text.as_str()),
        LineText::Matches(regex) => regex.is_match(line),
        LineText::Pattern(pattern) => pattern.matches(line),
        LineText::Ip(filter) => filter.matches(line),
    });
    any == filter.keep
}

/// Runs one stage; false when it drops the entry.
fn apply(stage: &Stage, fields: &mut Fields<'_>) -> bool {
    match stage {
        Stage::Line(filter) => return keeps(filter, &fields.line),
        Stage::Label(condition) => return holds(condition, fields),
        Stage::Json(paths) if paths.is_empty() => return readers::json(fields),
        Stage::Json(paths) => readers::pick_json(paths, fields),
        Stage::Logfmt { strict, keep_empty, fields: wanted } if wanted.is_empty() => {
            return readers::logfmt(fields, *strict, *keep_empty);
        }
        Stage::Logfmt { strict, fields: wanted, .. } => readers::pick_logfmt(wanted, fields, *strict),
        Stage::Regexp(regex) => return readers::regexp(regex, fields),
        Stage::Pattern(pattern) => return readers::pattern(pattern, fields),
        Stage::Unpack => return readers::unpack(fields),
        Stage::LineFormat(template) => {
            let made = match template.field() {
                Some(name) => Ok(fields.find(name).unwrap_or_default().to_owned()),
                None => template.run(fields),
            };
            match made {
                Ok(line) => fields.line = Cow::Owned(line),
                Err(details) => fields.fail("TemplateFormatErr", details),
            }
        }
        Stage::LabelFormat(formats) => label_format(formats, fields),
        Stage::Drop(choices) => choices.iter().for_each(|choice| drop_label(choice, fields)),
        Stage::Keep(choices) => {
            for (name, value) in fields.all() {
                let is_kept =
                    |c: &Choice| c.name == name && c.op.as_ref().is_none_or(|op| op.matches(&value));
                if !choices.iter().any(is_kept)
                    && ![ERROR, ERROR_DETAILS, PRESERVE_ERROR].contains(&name.as_str())
                {
                    fields.remove(&name);
                }
            }
        }
        Stage::Decolorize => {
            let plain = ESCAPES.as_ref().map(|escapes| escapes.replace_all(&fields.line, "").into_owned());
            if let Some(plain) = plain {
                fields.line = Cow::Owned(plain);
            }
        }
    }
    true
}

fn drop_label(choice: &Choice, fields: &mut Fields<'_>) {
    let value = match choice.name.as_str() {
        ERROR => fields.error(),
        ERROR_DETAILS => Some(fields.error_details()),
        name => fields.find(name),
    };
    let is_met = match &choice.op {
        Some(op) => op.matches(value.unwrap_or_default()),
        None => value.is_some(),
    };
    if is_met {
        fields.remove(&choice.name);
    }
}

impl Source for Fields<'_> {
    fn label(&self, name: &str) -> &str {
        match name {
            ERROR => self.error().unwrap_or_default(),
            ERROR_DETAILS => self.error_details(),
            name => self.find(name).unwrap_or_default(),
        }
    }

    fn labels(&self) -> Vec<(String, String)> {
        self.all()
    }

    fn line(&self) -> &str {
        &self.line
    }

    fn ts_ns(&self) -> i64 {
        self.ts_ns()
    }
}

/// What the templates of one `label_format` see: labels as they were when the first of them was filled.
struct Before<'l> {
    labels: Vec<(String, String)>,
    line: &'l str,
    ts_ns: i64,
}

impl Source for Before<'_> {
    fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v)
    }

    fn labels(&self) -> Vec<(String, String)> {
        self.labels.clone()
    }

    fn line(&self) -> &str {
        self.line
    }

    fn ts_ns(&self) -> i64 {
        self.ts_ns
    }
}

fn label_format(formats: &[(String, Format)], fields: &mut Fields<'_>) {
    let line = fields.line.clone();
    let mut before: Option<Before<'_>> = None;
    for (name, format) in formats {
        match format {
            Format::Rename(from) => {
                if let Some(value) = fields.find(from).map(str::to_owned) {
                    fields.set(name, value);
                    fields.remove(from);
                }
            }
            Format::Template(template) => {
                let now = || Before { labels: fields.all(), line: &line, ts_ns: fields.ts_ns() };
                match template.run(before.get_or_insert_with(now)) {
                    Ok(value) => fields.set(name, value),
                    Err(details) => fields.fail("TemplateFormatErr", details),
                }
            }
        }
    }
}

/// Whether a label filter lets the entry pass. What it cannot read it notes as an error, and lets pass.
pub(super) fn holds(condition: &Condition, fields: &mut Fields<'_>) -> bool {
    match condition {
        Condition::Text { name, op } => op.matches(fields.get(name)),
        Condition::Regex { name, keep, regex } => regex.is_match(fields.get(name)) == *keep,
        Condition::And(a, b) => holds(a, fields) && holds(b, fields),
        Condition::Or(a, b) => holds(a, fields) || holds(b, fields),
        // Where there is an error already, an address drops no entry.
        Condition::Ip { .. } if fields.error().is_some() => true,
        Condition::Ip { name, keep, filter } => fields.find(name).is_some_and(|v| filter.matches(v) == *keep),
        Condition::Number { name, op, value, unit } => {
            let Some(text) = fields.find(name) else { return false };
            match units::read(text, *unit) {
                Some(read) => op.holds(read, *value),
                None => {
                    let details = units::fault(text, *unit);
                    // What went wrong first says more.
                    if fields.error().is_none() {
                        fields.fail("LabelFilterErr", details);
                    }
                    true
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::labels::Labels;
    use crate::logql::fields::Origin;
    use crate::logql::parse_log;

    fn labels(query: &str, line: &str) -> Option<(String, Vec<(String, String)>)> {
        let stream = Arc::new(Labels::new([("app", "a")]));
        let entry = Entry { stream: &stream, ts_ns: 1, line, metadata: &[("trace_id", "t1"), ("app", "b")] };
        let query = parse_log(query).expect("valid");
        let plan = query.plan();
        let hints = Hints::of_lines(&plan);
        let fields = plan.wants(line).then(|| plan.run(&hints, &entry))??;
        Some((fields.line.to_string(), fields.of(Origin::Line)))
    }

    fn passes(query: &str, line: &str) -> bool {
        labels(query, line).is_some()
    }

    fn parsed(query: &str, line: &str) -> Vec<String> {
        let (_, pairs) = labels(query, line).expect("kept");
        pairs.into_iter().map(|(k, v)| format!("{k}={v}")).collect()
    }

    #[test]
    fn line_filters_keep_and_drop() {
        assert!(passes(r#"{app="a"} |= "x" or "y" != "z""#, "a y"));
        assert!(!passes(r#"{app="a"} |= "x" or "y" != "z""#, "y z"));
        assert!(passes(r#"{app="a"} |~ "o+k" !~ `^no`"#, "yes ook"));
        assert!(passes(r#"{app="a"} |> "a <_>" !> "<_> z""#, "a y"));
    }

    #[test]
    fn label_filters_see_labels_metadata_and_fields() {
        assert!(passes(r#"{app="a"} | trace_id="t1" | app_extracted="b""#, ""));
        let line = r#"{"status":503,"took":"1500ms","size":"2KB"}"#;
        assert!(passes(r#"{app="a"} | json | status>=500 and (took>1s or size<1KB)"#, line));
        assert!(!passes(r#"{app="a"} | json | nothing>1"#, line));
        assert!(passes(r#"{app="a"} | logfmt | msg="a b", n=2"#, r#"msg="a b" n=2"#));
        assert!(!passes(r#"{app="a"} | json | a_b!="c""#, r#"{"a":{"b":"c"}}"#));
    }

    #[test]
    fn a_line_that_is_not_json_is_kept_with_an_error() {
        assert_eq!(parsed(r#"{app="a"} | json"#, "plain")[0], "__error__=JSONParserErr");
        assert!(!passes(r#"{app="a"} | json | __error__="""#, "plain"));
        assert_eq!(
            parsed(r#"{app="a"} | json | drop __error__, __error_details__"#, "plain"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn formats_rename_and_fill_templates() {
        let query = r#"{app="a"} | logfmt | label_format b=a, c="{{.b}}!" | line_format "{{.c}} {{.app}}""#;
        let (line, pairs) = labels(query, "a=1").expect("kept");
        assert_eq!(line, "1! a");
        assert_eq!(pairs, [("b".to_owned(), "1".to_owned()), ("c".to_owned(), "1!".to_owned())]);
    }

    #[test]
    fn unpack_takes_the_packed_line_and_decolorize_the_colours_off() {
        let (line, pairs) = labels(r#"{app="a"} | unpack"#, r#"{"_entry":"x","n":"1","m":2}"#).expect("kept");
        assert_eq!((line.as_str(), pairs), ("x", vec![("n".to_owned(), "1".to_owned())]));
        assert_eq!(labels(r#"{app="a"} | decolorize"#, "\u{1b}[31mred\u{1b}[0m").expect("kept").0, "red");
    }
}
