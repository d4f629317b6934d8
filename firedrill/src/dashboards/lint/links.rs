//! Every panel leads on to the next place to look: whoever sees something bad is not left alone with it.
//!
//! A link of the panel or of its values. The menu at the top does not count, as it is the same for all panels. Where a
//! link leads is for the rule `link-targets`.

use serde_json::Value;

use super::{Notes, Site};
use crate::dashboards::{
    model::{Link, Panel},
    walk,
};

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for file in &site.folder.files {
        for placed in walk::panels(&file.dashboard).iter().filter(|placed| !leads_on(placed.panel)) {
            let todo = "it leads nowhere; give it, or its values, a link to the next place to look, or say in lint.toml why there is none";
            notes.panel(&file.name, &placed.panel.name(), todo);
        }
    }
}

fn leads_on(panel: &Panel) -> bool {
    let fields = &panel.field_config;
    let url = |link: &Link| link.url.as_deref().is_some_and(|url| !url.trim().is_empty());
    let property = |value: &Value| {
        let links: Result<Vec<Link>, _> = serde_json::from_value(value.clone());
        links.is_ok_and(|links| links.iter().any(url))
    };
    let mut overridden = fields.overrides.iter().flat_map(|fields| &fields.properties);
    panel.links.iter().chain(&fields.defaults.links).any(url)
        || overridden.any(|p| p.id == "links" && property(&p.value))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{good, said, told_apart};

    fn without() -> Value {
        let mut dashboard = good();
        dashboard["panels"][0]["links"] = json!([]);
        dashboard
    }

    #[test]
    fn a_panel_without_a_link_is_found_and_the_menu_is_none() {
        told_apart("links", good(), without(), "\"Requests (req/s)\": links: it leads nowhere");
        let mut menu = without();
        menu["links"] = json!([{"type": "dashboards", "tags": ["firedrill"]}]);
        told_apart("links", good(), menu, "leads nowhere");
        let mut empty = without();
        empty["panels"][0]["links"] = json!([{"title": "next", "url": " "}]);
        told_apart("links", good(), empty, "leads nowhere");
    }

    #[test]
    fn a_link_of_all_values_or_of_a_column_will_do() {
        let links = json!([{"title": "next", "url": "/d/firedrill-good?${__url_time_range}"}]);
        let mut values = without();
        values["panels"][0]["fieldConfig"]["defaults"]["links"] = links.clone();
        assert_eq!(said("links", &[values]), [""; 0]);
        let mut column = without();
        column["panels"][0]["fieldConfig"]["overrides"] = json!([{"matcher": {"id": "byName", "options": "Service"}, "properties": [{"id": "links", "value": links}]}]);
        assert_eq!(said("links", &[column]), [""; 0]);
        let mut other = without();
        other["panels"][0]["fieldConfig"]["overrides"] =
            json!([{"properties": [{"id": "unit", "value": "s"}, {"id": "links", "value": []}]}]);
        told_apart("links", good(), other, "leads nowhere");
    }
}
