//! From a variable's definition to its value: what has to be asked for it, which of the answers are options, and which
//! of the options is chosen when the dashboard opens. Asking is the caller's.

use std::{fmt, sync::LazyLock, time::Duration};

use query::Window;
use regex::Regex;
use serde_json::Value;

use super::{
    interval,
    value::{Binding, Bindings, Choice, Flavour, interpolate},
};
use crate::dashboards::model::Variable;

/// How the JSON writes that all values are chosen.
const ALL: &str = "$__all";
/// How it writes that an interval follows the time range.
const AUTO: &str = "$__auto_interval_";
/// More options than this are no choice for a person, and no list to ask for one by one.
const MOST_OPTIONS: usize = 500;

/// The question of a query variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The values of a label, of the series that a selector matches (of all, without one).
    LabelValues {
        /// The label.
        label: String,
        /// The selector.
        selector: Option<String>,
    },
    /// The names of labels.
    LabelNames,
    /// The names of metrics that match.
    Metrics(String),
    /// The samples of an expression, each written as `{label="value"} 1 1700000000000`.
    Result(String),
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LabelValues { label, selector: Some(selector) } => {
                write!(f, "label_values({selector}, {label})")
            }
            Self::LabelValues { label, selector: None } => write!(f, "label_values({label})"),
            Self::LabelNames => f.write_str("label_names()"),
            Self::Metrics(pattern) => write!(f, "metrics({pattern})"),
            Self::Result(expr) => write!(f, "query_result({expr})"),
        }
    }
}

/// What must be done for a variable's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// They stand in the definition.
    Known(Vec<String>),
    /// A data source has to be asked.
    Ask(Question),
    /// It is no value: an ad hoc filter.
    Nothing,
}

/// Where a variable's options come from, with the variables before it in place.
///
/// # Errors
/// The definition makes no sense; the text says why.
pub fn source(variable: &Variable, before: &Bindings, window: Window) -> Result<Source, String> {
    let text = variable.query.as_str().unwrap_or_default();
    Ok(match variable.kind.as_str() {
        "custom" => Source::Known(listed(text)),
        "interval" => {
            let mut options = listed(text);
            if variable.auto || chosen(variable).iter().any(|v| v.starts_with(AUTO)) {
                options.insert(0, automatic(variable, window));
            }
            Source::Known(options)
        }
        // What a person types is the value itself, commas and all; an empty one is a value, too.
        "textbox" | "constant" => {
            let typed = chosen(variable).into_iter().next().unwrap_or_else(|| text.to_owned());
            Source::Known(vec![typed])
        }
        "datasource" => Source::Known(chosen(variable)),
        "query" => Source::Ask(question(&variable.query, before)?),
        "adhoc" | "groupby" => Source::Nothing,
        other => return Err(format!("variables of the type {other:?} are not known here")),
    })
}

/// The value when the dashboard opens: the stored one while it is an option, else the first.
pub fn bind(variable: &Variable, options: Vec<String>) -> Binding {
    let mut options = matching(options, variable.regex.as_deref());
    options.truncate(MOST_OPTIONS);
    let stored = chosen(variable);
    let several = variable.multi || variable.include_all;
    let valid: Vec<String> = stored.iter().filter(|v| options.contains(v)).cloned().collect();
    let auto = stored.iter().any(|v| v.starts_with(AUTO));
    let first = || options.first().cloned().unwrap_or_default();
    let choice = match () {
        () if variable.include_all && (valid.is_empty() || stored.iter().any(|v| v == ALL)) => Choice::All,
        () if auto || valid.is_empty() => Choice::One(first()),
        () if variable.multi => Choice::Many(valid),
        () => Choice::One(valid.concat()),
    };
    Binding { options, choice, all_value: variable.all_value.clone(), several }
}

/// The stored choice, one or several.
fn chosen(variable: &Variable) -> Vec<String> {
    match &variable.current.value {
        Value::String(value) => vec![value.clone()],
        Value::Array(values) => values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// A list with commas: `a,b`, `name : value`, `a\,b`.
fn listed(text: &str) -> Vec<String> {
    let placeholder = "\u{1}";
    let text = text.replace("\\,", placeholder);
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let value = |entry: &str| {
        entry.split_once(" : ").map_or(entry, |(_, value)| value.trim()).replace(placeholder, ",")
    };
    entries.map(value).collect()
}

/// What `auto` stands for: the range in so many steps, but none below the least.
fn automatic(variable: &Variable, window: Window) -> String {
    let range = Duration::from_nanos(u64::try_from(window.end.0.saturating_sub(window.start.0)).unwrap_or(0));
    let step = interval::round(range / variable.auto_count.unwrap_or(30).max(1));
    let least = variable.auto_min.as_deref().and_then(interval::parse).unwrap_or(Duration::from_secs(10));
    interval::coarse(step.max(least))
}

static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?s)^\s*(label_values|label_names|metrics|query_result)\s*\((.*)\)\s*$").ok()
});

/// Reads `label_values(up{job="$job"}, instance)` and its relatives, or Loki's form in fields.
fn question(query: &Value, before: &Bindings) -> Result<Question, String> {
    let filled = |text: &str| interpolate(text, before, Flavour::Prometheus);
    if let (Some(label), None) =
        (query.get("label").and_then(Value::as_str), query.get("query").and_then(Value::as_str))
    {
        let stream = query.get("stream").and_then(Value::as_str).filter(|s| !s.is_empty());
        let selector = stream.map(|s| interpolate(s, before, Flavour::Loki));
        return Ok(Question::LabelValues { label: label.to_owned(), selector });
    }
    let text = query.as_str().or_else(|| query.get("query").and_then(Value::as_str)).unwrap_or_default();
    if text.trim().is_empty() {
        return Err("it is a query variable without a query".to_owned());
    }
    let Some(call) = CALL.as_ref().and_then(|call| call.captures(text)) else {
        return Ok(Question::Result(filled(text)));
    };
    let inside = call[2].trim();
    Ok(match &call[1] {
        "label_names" => Question::LabelNames,
        "metrics" => Question::Metrics(filled(inside)),
        "query_result" => Question::Result(filled(inside)),
        _ => match inside.rsplit_once(',') {
            Some((selector, label)) if !label.contains(['}', '"']) => {
                Question::LabelValues { label: filled(label.trim()), selector: Some(filled(selector.trim())) }
            }
            _ => Question::LabelValues { label: filled(inside), selector: None },
        },
    })
}

/// The options that the variable's expression matches, as the part that its first group matches; each once.
fn matching(options: Vec<String>, regex: Option<&str>) -> Vec<String> {
    let pattern = regex.map(str::trim).filter(|r| !r.is_empty());
    // Grafana writes it as JavaScript does: /expression/flags.
    let compiled = pattern.and_then(|p| {
        let inner = p.strip_prefix('/').and_then(|p| p.rsplit_once('/')).map_or(p, |(inner, _)| inner);
        Regex::new(inner).ok()
    });
    let mut found: Vec<String> = Vec::new();
    for option in options {
        let part = match &compiled {
            None => Some(option),
            Some(regex) => regex.captures(&option).map(|c| {
                let group = c.name("value").or_else(|| c.get(1)).or_else(|| c.get(0));
                group.map(|m| m.as_str().to_owned()).unwrap_or_default()
            }),
        };
        found.extend(part.filter(|p| !found.contains(p)));
    }
    found
}

/// The variables so ordered that each stands after those it refers to.
///
/// # Errors
/// Some refer to each other in a circle; their names.
pub fn ordered(variables: &[Variable]) -> Result<Vec<&Variable>, String> {
    let mut left: Vec<&Variable> = variables.iter().collect();
    let mut done: Vec<&Variable> = Vec::new();
    while !left.is_empty() {
        let waits = |v: &Variable| {
            let text =
                format!("{} {}", v.query, v.datasource.as_ref().and_then(|d| d.uid()).unwrap_or_default());
            left.iter().any(|other| super::value::names(&text).contains(&other.name.as_str()))
        };
        let (ready, waiting): (Vec<_>, Vec<_>) = left.iter().copied().partition(|v| !waits(v));
        if ready.is_empty() {
            let names: Vec<_> = waiting.iter().map(|v| v.name.as_str()).collect();
            return Err(format!("the variables {} wait for each other", names.join(", ")));
        }
        done.extend(ready);
        left = waiting;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use query::UnixNanos;
    use serde_json::json;

    use super::*;

    fn variable(json: Value) -> Variable {
        serde_json::from_value(json).expect("a variable")
    }

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|&v| v.to_owned()).collect()
    }

    const WINDOW: Window = Window { start: UnixNanos(0), end: UnixNanos(300_000_000_000) };

    fn known(json: Value) -> Vec<String> {
        match source(&variable(json), &Bindings::new(), WINDOW).expect("a source") {
            Source::Known(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lists_are_split_and_names_dropped() {
        assert_eq!(known(json!({"type": "custom", "query": "1, two : 2,a\\,b"})), ["1", "2", "a,b"]);
        assert_eq!(known(json!({"type": "interval", "query": "1m,5m"})), ["1m", "5m"]);
    }

    #[test]
    fn an_automatic_interval_divides_the_range_and_respects_the_least() {
        let auto = json!({"type": "interval", "query": "1m,5m", "auto": true, "auto_count": 10, "auto_min": "10s",
            "current": {"value": "$__auto_interval_w"}});
        assert_eq!(known(auto.clone()), ["30s", "1m", "5m"]);
        let binding = bind(&variable(auto.clone()), known(auto));
        assert_eq!(binding.choice, Choice::One("30s".to_owned()));
    }

    #[test]
    fn a_text_is_a_value_also_when_it_is_empty() {
        assert_eq!(known(json!({"type": "textbox", "query": "a,b"})), ["a,b"]);
        assert_eq!(known(json!({"type": "textbox", "query": "", "current": {"value": ""}})), [""]);
        assert_eq!(known(json!({"type": "constant", "query": "x"})), ["x"]);
    }

    #[test]
    fn questions_are_read_with_the_variables_before_them() {
        let before = Bindings::from([("job".to_owned(), Binding::one("api"))]);
        let ask = |query: Value| question(&query, &before).expect("a question");
        let label = |label: &str, selector: Option<&str>| Question::LabelValues {
            label: label.to_owned(),
            selector: selector.map(str::to_owned),
        };
        assert_eq!(ask(json!("label_values(job)")), label("job", None));
        assert_eq!(
            ask(json!({"query": "label_values(up{job=\"$job\", a=\"b\"}, instance)", "refId": "A"})),
            label("instance", Some("up{job=\"api\", a=\"b\"}"))
        );
        assert_eq!(
            ask(json!("query_result(topk(5, sum by (job) (up)))")),
            Question::Result("topk(5, sum by (job) (up))".to_owned())
        );
        assert_eq!(ask(json!("metrics(http_.*)")), Question::Metrics("http_.*".to_owned()));
        assert_eq!(
            ask(json!({"label": "service_name", "stream": "{a=\"b\"}", "type": 1})),
            label("service_name", Some("{a=\"b\"}"))
        );
        assert!(question(&json!(""), &before).is_err());
    }

    #[test]
    fn an_expression_filters_the_options_and_cuts_them() {
        let options =
            strings(&["{service=\"a\"} 1 1", "{service=\"b\"} 1 1", "{x=\"c\"} 1 1", "{service=\"a\"} 2 2"]);
        assert_eq!(matching(options, Some("/.*service=\"([^\"]*)\".*/")), ["a", "b"]);
        assert_eq!(matching(strings(&["up", "down"]), Some("u.*")), ["up"]);
    }

    #[test]
    fn the_stored_choice_holds_while_it_is_an_option() {
        let options = || strings(&["a", "b"]);
        let choice = |json: Value| bind(&variable(json), options()).choice;
        assert_eq!(choice(json!({"current": {"value": "b"}})), Choice::One("b".to_owned()));
        assert_eq!(choice(json!({"current": {"value": "gone"}})), Choice::One("a".to_owned()));
        assert_eq!(choice(json!({"current": {}})), Choice::One("a".to_owned()));
        assert_eq!(
            choice(json!({"multi": true, "current": {"value": ["b", "gone"]}})),
            Choice::Many(strings(&["b"]))
        );
        assert_eq!(choice(json!({"includeAll": true, "current": {"value": ["$__all"]}})), Choice::All);
        assert_eq!(
            choice(json!({"includeAll": true, "current": {"value": "b"}})),
            Choice::One("b".to_owned())
        );
        assert_eq!(choice(json!({"includeAll": true, "current": {}})), Choice::All);
    }

    #[test]
    fn variables_come_after_those_they_refer_to() {
        let list: Vec<Variable> = [
            json!({"name": "instance", "type": "query", "query": "label_values(up{job=\"$job\"}, instance)", "datasource": {"uid": "${ds}"}}),
            json!({"name": "job", "type": "query", "query": {"query": "label_values(job)"}, "datasource": {"uid": "$ds"}}),
            json!({"name": "ds", "type": "datasource", "query": "prometheus"}),
        ]
        .into_iter()
        .map(variable)
        .collect();
        let names: Vec<_> = ordered(&list).expect("an order").iter().map(|v| v.name.clone()).collect();
        assert_eq!(names, ["ds", "job", "instance"]);
        let circle = [json!({"name": "a", "query": "$b"}), json!({"name": "b", "query": "$a"})].map(variable);
        assert_eq!(ordered(&circle).expect_err("a circle"), "the variables a, b wait for each other");
    }
}
