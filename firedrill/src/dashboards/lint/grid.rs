//! Panels stand on a grid of 24 columns and do not cover each other; Grafana would push them apart, each time anew.

use super::{Notes, Site};
use crate::dashboards::model::{GridPos, Panel};

/// Columns of the grid.
const COLUMNS: i64 = 24;

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for file in &site.folder.files {
        apart(&file.dashboard.panels, &file.name, notes);
        // The panels of a folded row stand where they will when it is opened: beside nobody but each other.
        for row in &file.dashboard.panels {
            apart(&row.panels, &file.name, notes);
        }
    }
}

fn apart(panels: &[Panel], file: &str, notes: &mut Notes<'_>) {
    let mut placed: Vec<(&Panel, GridPos)> = Vec::new();
    for panel in panels {
        let Some(at) = panel.grid_pos else {
            notes.panel(file, &panel.name(), "it has no place; set gridPos");
            continue;
        };
        if at.x < 0 || at.y < 0 || at.w < 1 || at.h < 1 || at.x + at.w > COLUMNS {
            let message = format!(
                "columns {} to {} are not on the grid of {COLUMNS}; correct gridPos",
                at.x,
                at.x + at.w
            );
            notes.panel(file, &panel.name(), message);
        }
        for (other, there) in &placed {
            if covers(at, *there) {
                notes.panel(file, &panel.name(), format!("it covers {:?}; move one of them", other.name()));
            }
        }
        placed.push((panel, at));
    }
}

fn covers(a: GridPos, b: GridPos) -> bool {
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{good, told_apart};

    #[test]
    fn panels_that_cover_each_other_are_found() {
        let second = |x: i64| {
            let mut dashboard = good();
            let mut panel = dashboard["panels"][0].clone();
            panel["id"] = json!(2);
            panel["title"] = json!("Second");
            panel["gridPos"] = json!({"x": x, "y": 7, "w": 12, "h": 8});
            dashboard["panels"].as_array_mut().expect("a list").push(panel);
            dashboard
        };
        told_apart("grid", second(12), second(11), "covers \"Requests (req/s)\"");
        told_apart("grid", second(12), second(13), "not on the grid");
    }
}
