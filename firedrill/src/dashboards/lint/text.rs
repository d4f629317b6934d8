//! Every dashboard and panel says what it is and what bad looks like: whoever reads it at night did not draw it.

use super::{Notes, Site};
use crate::dashboards::walk;

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    let empty = |text: &Option<String>| text.as_deref().is_none_or(|t| t.trim().is_empty());
    for file in &site.folder.files {
        if empty(&file.dashboard.title) {
            notes.dashboard(&file.name, "it has no title; give it one");
        }
        if empty(&file.dashboard.description) {
            notes.dashboard(&file.name, "it has no description; say in a sentence which question it answers");
        }
        for placed in walk::panels(&file.dashboard) {
            let panel = placed.panel;
            // A text panel is its own description.
            if panel.kind == "text" {
                continue;
            }
            if empty(&panel.title) {
                notes.panel(
                    &file.name,
                    &panel.name(),
                    "it has no title; name the quantity with its unit, or the question",
                );
            }
            if empty(&panel.description) {
                notes.panel(
                    &file.name,
                    &panel.name(),
                    "it has no description; say what bad looks like and where to look next",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{good, told_apart};

    #[test]
    fn a_panel_without_a_description_is_found() {
        let mut bad = good();
        bad["panels"][0]["description"] = json!(" ");
        told_apart("text", good(), bad, "no description");
    }

    #[test]
    fn a_panel_without_a_title_is_named_by_its_number() {
        let mut bad = good();
        bad["panels"][0]["title"] = json!("");
        told_apart("text", good(), bad, "(panel 1, without a title)");
    }
}
