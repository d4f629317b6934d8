//! Data sources are chosen by variables, so that a dashboard can be pointed at another stack; what the variables hold
//! at first is provisioned.

use super::{Notes, Site};
use crate::dashboards::{
    expand::value::names,
    folder::File,
    model::{DataSource, Variable},
    walk,
};

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for file in &site.folder.files {
        for variable in &file.dashboard.templating.list {
            provisioned(site, file, variable, notes);
            if let Some(why) = wrong(file, variable.datasource.as_ref()).filter(|_| variable.kind == "query")
            {
                notes.dashboard(&file.name, format!("the variable {}: {why}", variable.name));
            }
        }
        for annotation in &file.dashboard.annotations.list {
            if let Some(why) = wrong(file, annotation.datasource.as_ref()) {
                notes.dashboard(&file.name, format!("the annotation {:?}: {why}", annotation.name));
            }
        }
        for placed in walk::panels(&file.dashboard) {
            let panel = placed.panel;
            for target in &panel.targets {
                let source = crate::dashboards::plan::data_source(panel, target);
                if let Some(why) = wrong(file, source) {
                    notes.panel(&file.name, &panel.name(), format!("target {}: {why}", target.ref_id));
                }
            }
        }
    }
}

/// What a data source variable holds at first must be there.
fn provisioned(site: &Site<'_>, file: &File, variable: &Variable, notes: &mut Notes<'_>) {
    let uids = &site.folder.data_sources;
    if variable.kind != "datasource" || uids.is_empty() {
        return;
    }
    let held = variable.current.value.as_str().unwrap_or_default();
    if !uids.iter().any(|uid| uid == held) {
        let message = format!(
            "the variable {} holds {held:?}, which is not provisioned; set current.value to one of {}",
            variable.name,
            uids.join(", ")
        );
        notes.dashboard(&file.name, message);
    }
}

/// Why this is no data source by a variable.
pub(super) fn wrong(file: &File, source: Option<&DataSource>) -> Option<String> {
    let uid = source.and_then(DataSource::uid).unwrap_or_default();
    // Grafana's own, such as its annotations.
    if uid.starts_with("--") || uid == "grafana" {
        return None;
    }
    let [name] = names(uid)[..] else {
        let todo = "name it by a variable, such as ${datasource}";
        return Some(format!("the data source {uid:?} is fixed; {todo}"));
    };
    let variable = file.dashboard.templating.list.iter().find(|v| v.name == name);
    let plugin = variable.filter(|v| v.kind == "datasource").and_then(|v| v.query.as_str());
    let Some(plugin) = plugin else {
        return Some(format!("${name} is no data source variable of this dashboard; define it"));
    };
    match source.and_then(DataSource::kind) {
        Some(kind) if kind != plugin => Some(format!(
            "${name} holds a data source of {plugin}, and the query is for {kind}; use the right variable"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{good, told_apart};

    #[test]
    fn a_fixed_data_source_is_found() {
        let mut bad = good();
        bad["panels"][0]["datasource"]["uid"] = json!("prom");
        told_apart("data-source", good(), bad, "is fixed");
    }

    #[test]
    fn a_variable_holds_a_source_of_the_right_kind_that_is_provisioned() {
        let mut bad = good();
        bad["panels"][0]["datasource"]["type"] = json!("loki");
        told_apart("data-source", good(), bad, "the right variable");
        let mut bad = good();
        bad["templating"]["list"][0]["current"]["value"] = json!("prometheus-1");
        told_apart("data-source", good(), bad, "not provisioned");
    }
}
