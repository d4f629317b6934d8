//! A number without a unit is no information.

use serde_json::Value;

use super::{Notes, Site};
use crate::dashboards::walk;

/// Panels that show numbers on an axis or as themselves. A table's columns have units of their own.
const NUMERIC: [&str; 10] = [
    "timeseries",
    "stat",
    "gauge",
    "bargauge",
    "barchart",
    "piechart",
    "histogram",
    "heatmap",
    "trend",
    "xychart",
];

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for file in &site.folder.files {
        for placed in walk::panels(&file.dashboard) {
            let panel = placed.panel;
            let axis = panel.options.pointer("/yAxis/unit").and_then(Value::as_str);
            let unit = panel.field_config.defaults.unit.as_deref().or(axis).unwrap_or_default();
            if NUMERIC.contains(&panel.kind.as_str()) && unit.is_empty() {
                let todo =
                    "it has no unit; set fieldConfig.defaults.unit (reqps, s, percentunit, bytes, short, …)";
                notes.panel(&file.name, &panel.name(), todo);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{good, said, told_apart};

    #[test]
    fn a_graph_without_a_unit_is_found() {
        let mut bad = good();
        bad["panels"][0]["fieldConfig"] = json!({"defaults": {}});
        told_apart("unit", good(), bad, "no unit");
    }

    #[test]
    fn a_heatmap_has_its_unit_on_the_axis_and_a_table_by_column() {
        let mut heatmap = good();
        heatmap["panels"][0]["type"] = json!("heatmap");
        heatmap["panels"][0]["fieldConfig"] = json!({});
        heatmap["panels"][0]["options"] = json!({"yAxis": {"unit": "s"}});
        assert_eq!(said("unit", &[heatmap.clone()]), [""; 0]);
        heatmap["panels"][0]["type"] = json!("table");
        heatmap["panels"][0]["options"] = json!({});
        assert_eq!(said("unit", &[heatmap]), [""; 0]);
    }
}
