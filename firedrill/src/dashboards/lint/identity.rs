//! A dashboard is known by its uid, its title and the tag, never by the number that some Grafana gave it.

use std::collections::BTreeMap;

use super::{Notes, Site};
use crate::dashboards::model::Panel;

/// The tag of this project.
const TAG: &str = "firedrill";

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    let mut uids: BTreeMap<&str, &str> = BTreeMap::new();
    for file in &site.folder.files {
        let dashboard = &file.dashboard;
        if !dashboard.id.is_null() {
            notes.dashboard(
                &file.name,
                "it has an `id`, which belongs to one Grafana alone; remove it or make it null",
            );
        }
        match dashboard.uid.as_deref().filter(|uid| !uid.is_empty()) {
            None => notes.dashboard(&file.name, "it has no `uid`, so no link can lead to it; give it one"),
            Some(uid) => {
                if let Some(other) = uids.insert(uid, &file.name) {
                    notes.dashboard(
                        &file.name,
                        format!("the uid {uid:?} is also that of {other}; give it another"),
                    );
                }
            }
        }
        if !dashboard.tags.iter().any(|tag| tag == TAG) {
            notes
                .dashboard(&file.name, format!("the tag {TAG:?} is missing, by which links find it; add it"));
        }
        let mut ids: BTreeMap<i64, String> = BTreeMap::new();
        let folded = dashboard.panels.iter().flat_map(|panel| &panel.panels);
        for panel in dashboard.panels.iter().chain(folded) {
            number(panel, &mut ids, &file.name, notes);
        }
    }
}

fn number(panel: &Panel, ids: &mut BTreeMap<i64, String>, file: &str, notes: &mut Notes<'_>) {
    match panel.id {
        None => notes.panel(file, &panel.name(), "it has no `id`; number it within the dashboard"),
        Some(id) => {
            if let Some(other) = ids.insert(id, panel.name()) {
                notes.panel(
                    file,
                    &panel.name(),
                    format!("the id {id} is also that of {other:?}; give it another"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{good, said, told_apart};

    #[test]
    fn a_number_of_grafanas_own_is_found() {
        let mut bad = good();
        bad["id"] = json!(7);
        told_apart("identity", good(), bad, "remove it");
    }

    #[test]
    fn uids_and_panel_ids_are_unique() {
        let said_of_two = said("identity", &[good(), good()]);
        assert!(said_of_two.len() == 1 && said_of_two[0].contains("also that of a.json"), "{said_of_two:?}");
        let mut bad = good();
        let mut twin = bad["panels"][0].clone();
        twin["gridPos"]["x"] = json!(12);
        bad["panels"].as_array_mut().expect("a list").push(twin);
        told_apart("identity", good(), bad, "the id 1 is also");
    }
}
