//! A link inside Grafana leads to a dashboard that is there.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{Notes, Site};

static PATH: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^|[^\w.])/?d/([A-Za-z0-9_-]+)").ok());

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    let known: Vec<&str> = site.folder.files.iter().filter_map(|f| f.dashboard.uid.as_deref()).collect();
    for file in &site.folder.files {
        let mut urls = Vec::new();
        collect(&file.json, "", &mut urls);
        for (panel, url) in urls {
            for uid in targets(url).filter(|uid| !known.contains(uid)) {
                let message = format!(
                    "{url} leads to the dashboard {uid:?}, which is not there; there are {}",
                    known.join(", ")
                );
                match panel {
                    "" => notes.dashboard(&file.name, message),
                    panel => notes.panel(&file.name, panel, message),
                }
            }
        }
        for link in file.dashboard.links.iter().filter(|l| l.kind.as_deref() == Some("dashboards")) {
            let tagged = |tags: &[String]| link.tags.iter().all(|tag| tags.contains(tag));
            if !site.folder.files.iter().any(|f| tagged(&f.dashboard.tags)) {
                let tags = link.tags.join(", ");
                notes.dashboard(
                    &file.name,
                    format!("no dashboard has the tags {tags} that a link lists; correct it"),
                );
            }
        }
    }
}

/// Everything called `url` and every text in markdown, with the title of the panel that it stands in.
fn collect<'j>(json: &'j Value, panel: &'j str, found: &mut Vec<(&'j str, &'j str)>) {
    match json {
        Value::Object(fields) => {
            let is_panel = fields.contains_key("gridPos");
            let panel = fields.get("title").and_then(Value::as_str).filter(|_| is_panel).unwrap_or(panel);
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if key == "url" || key == "content" || key == "description" => {
                        found.push((panel, text));
                    }
                    _ => collect(value, panel, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, panel, found)),
        _ => {}
    }
}

fn targets(text: &str) -> impl Iterator<Item = &str> {
    let found = PATH.as_ref().map(|path| path.captures_iter(text));
    found.into_iter().flatten().filter_map(|c| c.get(1)).map(|m| m.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{good, told_apart};

    #[test]
    fn a_link_to_a_dashboard_that_is_not_there_is_found() {
        let with = |url: &str| {
            let mut dashboard = good();
            dashboard["panels"][0]["fieldConfig"]["defaults"]["links"] =
                json!([{"title": "next", "url": url}]);
            dashboard
        };
        told_apart(
            "links",
            with("/d/firedrill-good?var-service=${__field.labels.service}"),
            with("/d/firedrill-god"),
            "firedrill-god",
        );
        told_apart("links", with("https://example.org/pod/x"), with("d/gone/name"), "\"Requests (req/s)\"");
    }

    #[test]
    fn a_list_of_links_by_a_tag_that_none_has_is_found() {
        let with = |tag: &str| {
            let mut dashboard = good();
            dashboard["links"] = json!([{"type": "dashboards", "tags": [tag]}]);
            dashboard
        };
        told_apart("links", with("firedrill"), with("firedril"), "firedril");
    }
}
