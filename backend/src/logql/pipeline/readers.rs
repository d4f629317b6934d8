//! The stages that read labels out of the line. In a metric query they take what is asked for, and stop when they have it.

use crate::logql::fields::{ERROR, Fields};
use crate::logql::json::{self, Path, Stop, Value};
use crate::logql::logfmt::{self, Fault};
use crate::logql::pattern::Pattern;
use crate::matcher::GoRegex;

const JSON_ERROR: &str = "JSONParserErr";
/// How deep objects are followed.
const MAX_DEPTH: usize = 64;

/// Reads all fields; false when the entry is to be dropped.
pub(super) fn json(fields: &mut Fields<'_>) -> bool {
    if fields.wants_nothing() {
        return true;
    }
    let line = fields.line.clone();
    match object("", &line, 0, fields) {
        Ok(()) | Err(Stop::Enough) => {}
        Err(Stop::Drop) => return false,
        Err(Stop::Wrong(details)) => fields.fail_reading(JSON_ERROR, details),
    }
    true
}

/// Nested objects become `outer_inner`; lists and nulls are skipped.
fn object(prefix: &str, text: &str, depth: usize, fields: &mut Fields<'_>) -> Result<(), Stop> {
    json::each_field(text, |key, value| {
        let name = field_name(prefix, key);
        let goes_on = match value {
            Value::Object(_) if depth == MAX_DEPTH => {
                return Err(Stop::Wrong("the line is nested too deeply"));
            }
            Value::Object(inner) if fields.wants_below(&name) => {
                return object(&name, inner, depth + 1, fields);
            }
            Value::Object(_) => return Ok(()),
            Value::Text(_) | Value::Bare(_) => fields.extract(&name, || value.text()),
            Value::Array(_) | Value::Null => true,
        };
        match goes_on {
            _ if fields.has_all() => Err(Stop::Enough),
            true => Ok(()),
            false => Err(Stop::Drop),
        }
    })
}

/// Reads single fields by their paths.
pub(super) fn pick_json(paths: &[(String, Path)], fields: &mut Fields<'_>) {
    if fields.line.is_empty() || fields.wants_nothing() {
        return;
    }
    let line = fields.line.clone();
    if !line.starts_with(['{', '[', '"']) {
        fields.fail_reading(JSON_ERROR, "");
        return;
    }
    let mut is_missing = false;
    for (name, path) in paths {
        match path.find(&line) {
            Some(value) => fields.set(&fields.name_of(name), value.text()),
            None => is_missing = true,
        }
    }
    if is_missing {
        for (name, _) in paths {
            if fields.find(name).is_none() {
                fields.set(name, String::new());
            }
        }
    }
}

/// Reads all pairs; false when the entry is to be dropped.
pub(super) fn logfmt(fields: &mut Fields<'_>, strict: bool, keep_empty: bool) -> bool {
    if fields.wants_nothing() {
        return true;
    }
    let line = fields.line.clone();
    let read = logfmt::each_pair(&line, strict, |key, value| {
        if value.is_empty() && !keep_empty {
            return Ok(());
        }
        match fields.extract(&label_name(key, true), || value.replace('\u{fffd}', " ")) {
            false => Err(Stop::Drop),
            true if fields.has_all() => Err(Stop::Enough),
            true => Ok(()),
        }
    });
    match read {
        Ok(Some(Stop::Drop)) => false,
        Ok(_) => true,
        Err(Fault(details)) => {
            fields.fail_reading("LogfmtParserErr", details);
            fields.goes_on(ERROR)
        }
    }
}

/// Reads single pairs by their keys. Each name is there afterwards, perhaps empty.
pub(super) fn pick_logfmt(wanted: &[(String, String)], fields: &mut Fields<'_>, strict: bool) {
    if fields.wants_nothing() {
        return;
    }
    for (name, _) in wanted {
        if !fields.hides(name) {
            fields.set(name, String::new());
        }
    }
    let line = fields.line.clone();
    let read = logfmt::each_pair(&line, strict, |key, value| {
        let key = label_name(key, true);
        let is_name = wanted.iter().any(|(name, _)| *name == key);
        if key.is_empty() || (!is_name && fields.is_extracted(&key)) {
            return Ok(());
        }
        let found = wanted.iter().find(|(_, from)| *from == key).map(|(name, _)| name);
        let Some(name) = found.or(is_name.then_some(&key)) else { return Ok(()) };
        let value = if value.contains('\u{fffd}') { "" } else { value };
        fields.set(&fields.name_of(name), value.to_owned());
        if fields.has_all() { Err(Stop::Enough) } else { Ok(()) }
    });
    if let Err(Fault(details)) = read {
        fields.fail_reading("LogfmtParserErr", details);
    }
}

/// The named groups; a group that took no part is empty.
pub(super) fn regexp(regex: &GoRegex, fields: &mut Fields<'_>) -> bool {
    let line = fields.line.clone();
    let Some(found) = regex.captures(&line) else { return true };
    let mut names = regex.capture_names().flatten();
    names.all(|name| fields.extract(name, || found.name(name).map_or("", |m| m.as_str()).to_owned()))
}

pub(super) fn pattern(pattern: &Pattern, fields: &mut Fields<'_>) -> bool {
    if fields.wants_nothing() {
        return true;
    }
    let line = fields.line.clone();
    pattern.captures(&line).into_iter().all(|(name, value)| fields.extract(name, || value.to_owned()))
}

/// Takes the line and the labels out of what a packing agent made. A line without `_entry` is none of those.
pub(super) fn unpack(fields: &mut Fields<'_>) -> bool {
    if fields.line.is_empty() || fields.wants_nothing() {
        return true;
    }
    if !fields.line.starts_with('{') {
        fields.fail_reading(JSON_ERROR, "expecting json object(6), but it is not");
        return true;
    }
    let line = fields.line.clone();
    let (mut pairs, mut packed) = (Vec::new(), None);
    let read = json::each_field(&line, |key, value| {
        if let Value::Text(raw) = value {
            if key == "_entry" {
                let wrong = Stop::Wrong("Encountered an invalid escape sequence in a string");
                packed = Some(json::unescape(raw).ok_or(wrong)?);
            } else {
                pairs.push((key.to_owned(), value.text()));
            }
        }
        Ok(())
    });
    if let Err(Stop::Wrong(details)) = read {
        fields.fail_reading(JSON_ERROR, details);
        return true;
    }
    let Some(packed) = packed else { return true };
    fields.line = packed.into();
    pairs.into_iter().all(|(name, value)| fields.extract(&label_name(&name, true), || value))
}

/// The name of a field within an object that is known as `prefix`.
pub(crate) fn field_name(prefix: &str, key: &str) -> String {
    let name = label_name(key, prefix.is_empty());
    match (prefix.is_empty(), name.is_empty()) {
        (true, _) => name,
        (false, true) => prefix.to_owned(),
        (false, false) => format!("{prefix}_{name}"),
    }
}

/// A valid label name for a field's key.
pub(crate) fn label_name(key: &str, is_first: bool) -> String {
    let mut name: String =
        key.trim().chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if is_first && name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}
