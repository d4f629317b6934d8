//! Series have names for people: without a legend Grafana writes the whole label set.

use super::{Notes, Site};

/// Panels that show the names of series.
const NAMED: [&str; 6] =
    ["timeseries", "barchart", "bargauge", "piechart", "state-timeline", "status-history"];

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for query in &site.queries.promql {
        let table = query.target.format.as_deref().is_some_and(|format| format == "table");
        let legend = query.target.legend_format.as_deref().unwrap_or_default().trim();
        if NAMED.contains(&query.panel.kind.as_str()) && !table && (legend.is_empty() || legend == "__auto") {
            notes.query(query, "it has no legend of its own; set legendFormat, such as {{service}}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{good, told_apart};

    #[test]
    fn a_series_without_a_name_is_found() {
        let mut bad = good();
        bad["panels"][0]["targets"][0]["legendFormat"] = json!("__auto");
        told_apart("legend", good(), bad, "legendFormat");
    }
}
