//! Variables that are used are defined, those that are defined are used, and several values at once need `=~`.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

use super::{Notes, Site};
use crate::dashboards::{expand::value::names, folder::File, model::Variable};

/// A condition on equality with a variable alone as its value.
static EQUAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[^!=~<>]=\s*"\$(?:\{(\w+)(?::\w+)?\}|(\w+))""#).ok());

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for file in &site.folder.files {
        let list = &file.dashboard.templating.list;
        let mut texts = Vec::new();
        collect(&file.json, &mut texts);
        let used: BTreeSet<&str> = texts.iter().flat_map(|text| names(text)).collect();
        let repeated = repeats(&file.json);
        for variable in list {
            let name = variable.name.as_str();
            if !used.contains(name) && !repeated.contains(name) && variable.kind != "adhoc" {
                notes.dashboard(&file.name, format!("nothing uses the variable {name}; remove it or use it"));
            }
            described(file, variable, notes);
        }
        for name in used.iter().chain(&repeated) {
            let macros = name.starts_with("__") || name.starts_with(|c: char| c.is_ascii_digit());
            if !macros && !list.iter().any(|v| v.name == **name) {
                notes.dashboard(
                    &file.name,
                    format!("${name} is used and not defined; define the variable or correct the name"),
                );
            }
        }
        for text in texts {
            for variable in equal(text).filter_map(|name| list.iter().find(|v| v.name == name)) {
                if variable.multi || variable.include_all {
                    let name = &variable.name;
                    let message =
                        format!("{text}: ${name} can hold several values, which = does not match; write =~");
                    notes.dashboard(&file.name, message);
                }
            }
        }
    }
}

/// A label for people, and options that are up to date.
fn described(file: &File, variable: &Variable, notes: &mut Notes<'_>) {
    let name = &variable.name;
    let hidden = variable.hide.as_i64() == Some(2);
    if variable.label.as_deref().is_none_or(|label| label.trim().is_empty()) && !hidden {
        notes.dashboard(&file.name, format!("the variable {name} has no label; name it as people call it"));
    }
    if variable.kind == "query" && variable.refresh.as_i64() != Some(2) {
        let message =
            format!("the variable {name} is not asked anew when the time range changes; set refresh to 2");
        notes.dashboard(&file.name, message);
    }
}

/// All texts but the names and labels of the variables themselves.
fn collect<'j>(json: &'j Value, found: &mut Vec<&'j str>) {
    match json {
        Value::String(text) => found.push(text),
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        Value::Object(fields) => {
            // Grafana keeps a copy of the query beside it; what is chosen is no reference.
            let skipped = |key: &str| {
                key == "current" || key == "definition" || key == "options" && fields.contains_key("current")
            };
            fields.iter().filter(|(key, _)| !skipped(key)).for_each(|(_, value)| collect(value, found));
        }
        _ => {}
    }
}

/// The variables that panels and rows are repeated for.
fn repeats(json: &Value) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    if let Some(panels) = json.get("panels").and_then(Value::as_array) {
        for panel in panels {
            found.extend(panel.get("repeat").and_then(Value::as_str).filter(|name| !name.is_empty()));
            found.extend(repeats(panel));
        }
    }
    found
}

fn equal(text: &str) -> impl Iterator<Item = &str> {
    let found = EQUAL.as_ref().map(|equal| equal.captures_iter(text));
    found.into_iter().flatten().filter_map(|c| c.get(1).or(c.get(2))).map(|m| m.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{asking, good, told_apart};

    #[test]
    fn a_variable_that_nobody_uses_is_found() {
        let mut bad = good();
        let unused = json!({"name": "route", "label": "Route", "type": "custom", "query": "a,b"});
        bad["templating"]["list"].as_array_mut().expect("a list").push(unused);
        told_apart("variables", good(), bad, "nothing uses the variable route");
    }

    #[test]
    fn a_variable_that_nobody_defines_is_found() {
        let bad = asking("rate(orders_total{service=~\"$service|$servcie\"}[$__rate_interval])");
        told_apart("variables", good(), bad, "$servcie is used and not defined");
    }

    #[test]
    fn several_values_need_a_regular_expression() {
        let query = |op: &str| asking(&format!("up{{job{op}\"$service\", instance!=\"$service\"}}"));
        told_apart("variables", query("=~"), query("="), "write =~");
    }

    #[test]
    fn options_are_asked_anew_with_the_time_range_and_have_a_label() {
        let mut bad = good();
        bad["templating"]["list"][1]["refresh"] = json!(1);
        told_apart("variables", good(), bad, "set refresh to 2");
        let mut bad = good();
        bad["templating"]["list"][1]["label"] = json!(null);
        told_apart("variables", good(), bad, "has no label");
    }
}
