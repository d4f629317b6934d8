//! A file of rules, as Prometheus reads it: groups with their rules, every key known, every query and template
//! understood. What Prometheus refuses is refused, and what it takes and this has not is refused, too, each with its line.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use yaml::{Problem, Reader};

use super::alert::DIALECT;
use super::definition::{Alert, Group, Kind, Rule, Text};
use crate::labels::NAME;
use crate::promql::{Query, QueryError, one_line};
use crate::template::Template;

/// Largest file. How many values it may have is bounded by who reads YAML.
pub(crate) const MAX_BYTES: usize = 8 << 20;

/// Labels or annotations as they are written, and where.
type Pairs<'t> = BTreeMap<String, (String, Reader<'t>)>;

/// Reads a file's text; `file` is what its groups are known by.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Group>, Problem> {
    if text.len() > MAX_BYTES {
        return Err(Problem::new(1, "", format!("the file is longer than {MAX_BYTES} bytes")));
    }
    let documents = yaml::documents(text)?;
    let root = match documents.as_slice() {
        [] => return Ok(Vec::new()),
        [only] => Reader::of(only),
        [_, second, ..] => {
            return Err(Problem::new(
                second.line,
                "",
                "a second document is not read; write one file for each",
            ));
        }
    };
    if root.is_nothing() {
        return Ok(Vec::new());
    }
    let file: Arc<str> = file.into();
    let mut fields = root.fields()?;
    let found = items(fields.optional("groups"))?;
    fields.end()?;
    let mut names = HashSet::new();
    let mut groups = Vec::with_capacity(found.len());
    for reader in &found {
        let group = group(&file, reader)?;
        if !names.insert(Arc::clone(&group.name)) {
            let name = &*group.name;
            return Err(reader.problem(format!("groupname: {name:?} is repeated in the same file")));
        }
        groups.push(group);
    }
    Ok(groups)
}

/// The items of a list that may be missing.
fn items(list: Option<Reader<'_>>) -> Result<Vec<Reader<'_>>, Problem> {
    list.filter(|list| !list.is_nothing()).map_or_else(|| Ok(Vec::new()), |list| list.items())
}

/// A text that may be missing; an empty one is as good as none.
fn text(field: Option<Reader<'_>>) -> Result<Option<(String, Reader<'_>)>, Problem> {
    let Some(reader) = field.filter(|field| !field.is_nothing()) else { return Ok(None) };
    let text = reader.verbatim()?;
    Ok((!text.is_empty()).then_some((text, reader)))
}

/// A duration in milliseconds, if there is one.
fn duration(field: Option<Reader<'_>>) -> Result<Option<i64>, Problem> {
    let Some((text, reader)) = text(field)? else { return Ok(None) };
    match crate::duration::read(&text) {
        Ok(ns) => Ok(Some(ns / 1_000_000)),
        Err(wrong) => Err(reader.problem(format!("{wrong}; write it as 1m30s"))),
    }
}

/// The entries of a map that may be missing.
fn pairs(map: Option<Reader<'_>>) -> Result<Pairs<'_>, Problem> {
    let Some(map) = map.filter(|map| !map.is_nothing()) else { return Ok(Pairs::new()) };
    let mut found = Pairs::new();
    for (name, reader) in map.entries()? {
        let text = if reader.is_nothing() { String::new() } else { reader.verbatim()? };
        found.insert(name, (text, reader));
    }
    Ok(found)
}

fn group(file: &Arc<str>, reader: &Reader<'_>) -> Result<Group, Problem> {
    let mut fields = reader.fields()?;
    let name = text(fields.optional("name"))?;
    let interval_ms = duration(fields.optional("interval"))?.filter(|ms| *ms > 0);
    let query_offset_ms = duration(fields.optional("query_offset"))?.unwrap_or(0);
    let limit = text(fields.optional("limit"))?;
    let labels = pairs(fields.optional("labels"))?;
    let found = items(fields.optional("rules"))?;
    fields.end()?;
    let name = name.ok_or_else(|| reader.problem("Groupname must not be empty"))?.0;
    let limit = match limit {
        None => 0,
        Some((text, reader)) => {
            let number: i64 = text.parse().map_err(|_| reader.problem("expected a whole number"))?;
            usize::try_from(number).unwrap_or(0)
        }
    };
    check_label_names(&labels)?;
    let rules = found.iter().map(|reader| rule(reader, &labels)).collect::<Result<_, _>>()?;
    Ok(Group { file: Arc::clone(file), name: name.into(), interval_ms, query_offset_ms, limit, rules })
}

fn check_label_names(labels: &Pairs<'_>) -> Result<(), Problem> {
    match labels.iter().find(|(name, _)| name.is_empty() || *name == NAME) {
        Some((name, (_, reader))) => Err(reader.problem(format!("invalid label name: {name}"))),
        None => Ok(()),
    }
}

fn rule(reader: &Reader<'_>, of_group: &Pairs<'_>) -> Result<Rule, Problem> {
    let mut fields = reader.fields()?;
    let record = text(fields.optional("record"))?;
    let alert = text(fields.optional("alert"))?;
    let expr = text(fields.optional("expr"))?;
    let hold_ms = duration(fields.optional("for"))?.unwrap_or(0);
    let keep_firing_ms = duration(fields.optional("keep_firing_for"))?.unwrap_or(0);
    let labels = pairs(fields.optional("labels"))?;
    let annotations = pairs(fields.optional("annotations"))?;
    fields.end()?;

    let (name, at, is_alert) = match (record, alert) {
        (Some((_, at)), Some(_)) => return Err(at.problem("only one of 'record' and 'alert' must be set")),
        (None, None) => return Err(reader.problem("one of 'record' or 'alert' must be set")),
        (Some((name, at)), None) => (name, at, false),
        (None, Some((name, at))) => (name, at, true),
    };
    let told = |problem: Problem| Problem { message: format!("{name:?}: {}", problem.message), ..problem };
    let (expr, expr_at) = expr.ok_or_else(|| told(reader.problem("field 'expr' must be set in rule")))?;
    let query = Query::new(&expr).map_err(|error| {
        let what = match error {
            QueryError::Bad(what) => format!("could not parse expression: {what}"),
            other => other.to_string(),
        };
        told(expr_at.problem(what))
    })?;
    check_label_names(&labels).map_err(told)?;
    if let Some((_, (_, at))) = annotations.iter().find(|(name, _)| name.is_empty()) {
        return Err(told(at.problem("invalid annotation name: ")));
    }
    let kind = if is_alert {
        let annotations = texts("annotation", annotations, true).map_err(told)?;
        Kind::Alert(Alert { hold_ms, keep_firing_ms, annotations })
    } else {
        let given = [
            ("annotations", !annotations.is_empty()),
            ("for", hold_ms != 0),
            ("keep_firing_for", keep_firing_ms != 0),
        ];
        if let Some((field, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(told(at.problem(format!("invalid field '{field}' in recording rule"))));
        }
        if name.contains(['{', '}']) {
            return Err(told(at.problem("braces present in the recording rule name; should it be in expr?")));
        }
        Kind::Record
    };
    let mut all = of_group.clone();
    all.extend(labels);
    let labels = texts("label", all, is_alert).map_err(told)?;
    let (shown, line) = (one_line(&query), reader.line());
    Ok(Rule { name: name.into(), kind, query, shown, labels, line })
}

/// The texts of labels or annotations: templates where they may be some.
fn texts(what: &str, pairs: Pairs<'_>, templates: bool) -> Result<Vec<(Arc<str>, Text)>, Problem> {
    let read = |(name, (text, at)): (String, (String, Reader<'_>))| {
        if !templates || !text.contains("{{") {
            return Ok((Arc::from(name), Text::Plain(text)));
        }
        match Template::parse(&DIALECT, &text) {
            Ok(template) => Ok((Arc::from(name), Text::Template(template))),
            Err(error) => Err(at.problem(format!("{what} {name:?}: {error}"))),
        }
    };
    pairs.into_iter().map(read).collect()
}
