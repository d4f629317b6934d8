//! `$name`, `${name:format}` and `[[name]]` in a text, and how a value is written in each place.
//!
//! Without a format the data source decides: Prometheus and Loki escape for a regular expression inside a quoted string
//! where a variable can hold several values, everything else lists them as a glob.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};

/// Whose way of writing values holds where no format is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// PromQL.
    Prometheus,
    /// LogQL.
    Loki,
    /// Anything else: titles, links, other data sources.
    Plain,
}

/// What is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One value.
    One(String),
    /// A list, also one of a single value.
    Many(Vec<String>),
    /// All there are.
    All,
}

/// A variable and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What can be chosen, without `All`.
    pub options: Vec<String>,
    /// What is chosen.
    pub choice: Choice,
    /// What stands for `All` instead of the list.
    pub all_value: Option<String>,
    /// Whether several values can be chosen at once, also by `All` alone.
    pub several: bool,
}

impl Binding {
    /// A variable with one value.
    pub fn one(value: impl Into<String>) -> Self {
        let value = value.into();
        Self { options: vec![value.clone()], choice: Choice::One(value), all_value: None, several: false }
    }

    /// The values that are chosen, one by one: what a repeated panel is drawn for.
    pub fn values(&self) -> Vec<String> {
        match &self.choice {
            Choice::One(value) => vec![value.clone()],
            Choice::Many(values) => values.clone(),
            Choice::All => self.options.clone(),
        }
    }

    fn written(&self, format: Option<&str>, flavour: Flavour) -> String {
        if let (Choice::All, Some(all)) = (&self.choice, self.all_value.as_deref().filter(|v| !v.is_empty()))
        {
            // A value of one's own for All is written as it is, whatever the format.
            return all.to_owned();
        }
        let values = self.values();
        let single = matches!(self.choice, Choice::One(_));
        let joined = |values: Vec<String>, between: &str| values.join(between);
        let each = |f: &dyn Fn(&str) -> String| values.iter().map(|v| f(v)).collect::<Vec<_>>();
        match format {
            Some("raw") => joined(values, ","),
            Some("regex") => grouped(&each(&regex_escaped)),
            Some("pipe") => joined(values, "|"),
            Some("csv") => joined(values, ","),
            Some("text") if self.choice == Choice::All => "All".to_owned(),
            Some("text") => joined(values, " + "),
            Some("doublequote") => joined(each(&|v| format!("\"{}\"", v.replace('"', "\\\""))), ","),
            Some("singlequote") => joined(each(&|v| format!("'{}'", v.replace('\'', "\\'"))), ","),
            Some("sqlstring") => joined(each(&|v| format!("'{}'", v.replace('\'', "''"))), ","),
            Some("json") if single => serde_json::json!(values.concat()).to_string(),
            Some("json") => serde_json::json!(values).to_string(),
            Some("glob") => globbed(&values),
            _ => match flavour {
                Flavour::Plain => globbed(&values),
                Flavour::Prometheus if !self.several => {
                    values.concat().replace('\\', "\\\\").replace('\'', "\\\\'")
                }
                Flavour::Prometheus => grouped(&each(&|v| doubled(v, "$^*{}[]'+?.()|"))),
                Flavour::Loki if !self.several => values.concat().replace('\'', "\\\\'"),
                Flavour::Loki => joined(each(&|v| doubled(v, "$^*{}[]+?.()|").replace('\'', "\\\\'")), "|"),
            },
        }
    }
}

/// One value alone, several as a group of alternatives.
fn grouped(values: &[String]) -> String {
    match values.len() {
        1 => values.concat(),
        _ => format!("({})", values.join("|")),
    }
}

fn globbed(values: &[String]) -> String {
    match values.len() {
        1 => values.concat(),
        _ => format!("{{{}}}", values.join(",")),
    }
}

fn regex_escaped(value: &str) -> String {
    let special = |c: char| "\\^$*+?.()|[]{}/".contains(c);
    value.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// Escaped for a regular expression that stands in a quoted string: every backslash is written twice.
fn doubled(value: &str, special: &str) -> String {
    let mut out = String::new();
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\\\\\"),
            c if special.contains(c) => out.extend(['\\', '\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Variables by name.
pub type Bindings = BTreeMap<String, Binding>;

static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}").ok()
});

/// Name and format of one reference.
fn parts<'t>(found: &Captures<'t>) -> (&'t str, Option<&'t str>) {
    let group = |i: usize| found.get(i).map(|m| m.as_str());
    match group(1).or(group(2)).or(group(4)) {
        Some(name) => (name, group(3).or(group(5))),
        None => ("", None),
    }
}

/// The names of the variables that a text refers to, macros and numbered groups included.
pub fn names(text: &str) -> Vec<&str> {
    let Some(reference) = REFERENCE.as_ref() else { return Vec::new() };
    reference.captures_iter(text).map(|found| parts(&found).0).collect()
}

/// Replaces what has a value; what has none stays, as Grafana leaves it.
pub fn interpolate(text: &str, bindings: &Bindings, flavour: Flavour) -> String {
    let Some(reference) = REFERENCE.as_ref() else { return text.to_owned() };
    let written = reference.replace_all(text, |found: &Captures<'_>| {
        let (name, format) = parts(found);
        match bindings.get(name) {
            Some(binding) => binding.written(format, flavour),
            None => found[0].to_owned(),
        }
    });
    written.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several(values: &[&str]) -> Binding {
        let options: Vec<String> = values.iter().map(|&v| v.to_owned()).collect();
        Binding { choice: Choice::Many(options.clone()), options, all_value: None, several: true }
    }

    fn with(binding: Binding, text: &str, flavour: Flavour) -> String {
        interpolate(text, &Bindings::from([("v".to_owned(), binding)]), flavour)
    }

    #[test]
    fn a_reference_has_three_forms_and_the_longest_name_counts() {
        let bindings =
            Bindings::from([("job".to_owned(), Binding::one("a")), ("job_2".to_owned(), Binding::one("b"))]);
        let text = "$job ${job} [[job]] $job_2 ${job_2:raw} $jobs ${none} $1";
        assert_eq!(interpolate(text, &bindings, Flavour::Prometheus), "a a a b b $jobs ${none} $1");
        assert_eq!(names(text), ["job", "job", "job", "job_2", "job_2", "jobs", "none", "1"]);
    }

    #[test]
    fn prometheus_escapes_several_values_for_a_regular_expression_in_quotes() {
        assert_eq!(
            with(several(&["a.b", "c|d"]), "{x=~\"$v\"}", Flavour::Prometheus),
            r#"{x=~"(a\\.b|c\\|d)"}"#
        );
        assert_eq!(with(several(&["a.b"]), "$v", Flavour::Prometheus), r"a\\.b");
        assert_eq!(with(several(&[r"a\b"]), "$v", Flavour::Prometheus), r"a\\\\b");
        assert_eq!(with(Binding::one("a.b'c"), "$v", Flavour::Prometheus), r"a.b\\'c");
    }

    #[test]
    fn loki_joins_alternatives_without_a_group() {
        assert_eq!(with(several(&["a.b", "c"]), "{x=~\"$v\"}", Flavour::Loki), r#"{x=~"a\\.b|c"}"#);
        assert_eq!(with(Binding::one("a.b"), "$v", Flavour::Loki), "a.b");
    }

    #[test]
    fn each_format_writes_as_documented() {
        let value = || several(&["test.1", "te'st2"]);
        for (format, wanted) in [
            ("csv", "test.1,te'st2"),
            ("raw", "test.1,te'st2"),
            ("pipe", "test.1|te'st2"),
            ("glob", "{test.1,te'st2}"),
            ("regex", r"(test\.1|te'st2)"),
            ("doublequote", r#""test.1","te'st2""#),
            ("singlequote", r"'test.1','te\'st2'"),
            ("sqlstring", "'test.1','te''st2'"),
            ("json", r#"["test.1","te'st2"]"#),
            ("text", "test.1 + te'st2"),
        ] {
            assert_eq!(with(value(), &format!("${{v:{format}}}"), Flavour::Prometheus), wanted, "{format}");
        }
        assert_eq!(with(Binding::one("a/b"), "${v:regex}", Flavour::Plain), r"a\/b");
        assert_eq!(with(Binding::one("a"), "${v:json}", Flavour::Plain), "\"a\"");
    }

    #[test]
    fn all_is_every_option_or_the_value_that_stands_for_it() {
        let all = Binding { choice: Choice::All, ..several(&["a", "b"]) };
        assert_eq!(with(all.clone(), "$v", Flavour::Prometheus), "(a|b)");
        assert_eq!(with(all.clone(), "${v:text}", Flavour::Prometheus), "All");
        let own = Binding { all_value: Some(".+".to_owned()), ..all };
        assert_eq!(with(own.clone(), "$v", Flavour::Prometheus), ".+");
        assert_eq!(with(own, "${v:regex}", Flavour::Prometheus), ".+");
    }
}
