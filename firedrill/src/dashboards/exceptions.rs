//! The two lists beside the dashboards: panels that are empty on a healthy system, and exceptions from the rules.
//!
//! They stand in files of their own and name a panel by its title: what Grafana saves anew loses comments and foreign
//! fields and renumbers panels, but it keeps titles. Each entry says why; one that fits nothing is a finding itself.

use serde::Deserialize;

/// The file of the panels that may be empty.
pub const EMPTY_FILE: &str = "empty.toml";
/// The file of the exceptions from the rules.
pub const LINT_FILE: &str = "lint.toml";

/// A panel that shows nothing while all is well.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {
    /// The dashboard's uid.
    pub dashboard: String,
    /// The panel's title.
    pub panel: String,
    /// The letters of its targets that may be empty; all of them when none is named.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Why nothing is there on a healthy system.
    pub reason: String,
    /// What makes it show something: a command, or why nothing can yet.
    pub shown_by: String,
}

/// A panel (or a whole dashboard) that a rule does not hold for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lint {
    /// The rule's name.
    pub rule: String,
    /// The dashboard's uid.
    pub dashboard: String,
    /// The panel's title; without one it is the dashboard as a whole, not each of its panels.
    pub panel: Option<String>,
    /// Why the rule does not hold here.
    pub reason: String,
}

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not TOML, or not of this form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// An entry without a reason is no better than no rule.
    #[error("the entry of {dashboard}, {panel:?}, has an empty {field}; say it in a sentence")]
    Unreasoned {
        /// The dashboard's uid.
        dashboard: String,
        /// The panel's title.
        panel: String,
        /// What is missing.
        field: &'static str,
    },
}

impl Empty {
    /// Whether it speaks of this target.
    pub fn covers(&self, dashboard: &str, panel: &str, target: &str) -> bool {
        self.dashboard == dashboard
            && self.panel == panel
            && (self.targets.is_empty() || self.targets.iter().any(|t| t == target))
    }
}

/// Reads the list of panels that may be empty.
pub fn read_empty(text: &str) -> Result<Vec<Empty>, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        empty: Vec<Empty>,
    }
    let list = toml::from_str::<File>(text)?.empty;
    for entry in &list {
        for (field, text) in [("reason", &entry.reason), ("shown_by", &entry.shown_by)] {
            said(&entry.dashboard, Some(&entry.panel), field, text)?;
        }
    }
    Ok(list)
}

/// Reads the list of exceptions from the rules.
pub fn read_lint(text: &str) -> Result<Vec<Lint>, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        exception: Vec<Lint>,
    }
    let list = toml::from_str::<File>(text)?.exception;
    for entry in &list {
        said(&entry.dashboard, entry.panel.as_deref(), "reason", &entry.reason)?;
    }
    Ok(list)
}

fn said(dashboard: &str, panel: Option<&str>, field: &'static str, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        let panel = panel.unwrap_or_default().to_owned();
        return Err(Error::Unreasoned { dashboard: dashboard.to_owned(), panel, field });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_covers_the_targets_it_names_or_all() {
        let text = "[[empty]]\ndashboard = \"d\"\npanel = \"p\"\ntargets = [\"B\"]\nreason = \"r\"\nshown_by = \"s\"\n";
        let list = read_empty(text).expect("read");
        assert!(
            list[0].covers("d", "p", "B") && !list[0].covers("d", "p", "A") && !list[0].covers("d", "q", "B")
        );
        let all = Empty { targets: vec![], ..list[0].clone() };
        assert!(all.covers("d", "p", "A"));
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        let text = "[[exception]]\nrule = \"unit\"\ndashboard = \"d\"\nreason = \" \"\n";
        let error = read_lint(text).expect_err("no reason");
        assert!(error.to_string().contains("empty reason"), "{error}");
        assert!(read_lint("[[exception]]\nrule = \"unit\"\ndashboard = \"d\"\n").is_err());
        assert!(read_lint("[[exceptoin]]\n").is_err());
    }
}
