//! A link inside Grafana leads to what is there, and carries over the time that is looked at.

use serde_json::Value;

use super::{Notes, Site, data_source, queries};
use crate::dashboards::{
    folder::File,
    link::Link,
    model::{DataSource, Target},
};

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for file in &site.folder.files {
        let mut texts = Vec::new();
        collect(&file.json, None, &mut texts);
        for text in texts {
            for link in Link::all(text.text) {
                let mut wrong = link.missing(site.folder);
                wrong.extend(text.of_panel(file, &link));
                for why in wrong {
                    let message = format!("{}: {why}", text.text);
                    match text.panel.and_then(|panel| panel["title"].as_str()) {
                        Some(panel) => notes.panel(&file.name, panel, message),
                        None => notes.dashboard(&file.name, message),
                    }
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

/// A text that may be or hold links.
struct Text<'j> {
    text: &'j str,
    /// The panel that it stands in.
    panel: Option<&'j Value>,
    /// A link of its own, not a word of a sentence.
    url: bool,
}

/// Everything called `url` and every text in markdown.
fn collect<'j>(json: &'j Value, panel: Option<&'j Value>, found: &mut Vec<Text<'j>>) {
    match json {
        Value::Object(fields) => {
            let panel = if fields.contains_key("gridPos") { Some(json) } else { panel };
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if key == "url" || key == "content" || key == "description" => {
                        found.push(Text { text, panel, url: key == "url" });
                    }
                    _ => collect(value, panel, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, panel, found)),
        _ => {}
    }
}

impl Text<'_> {
    /// What is wrong with a link of a panel, beyond what it misses.
    fn of_panel(&self, file: &File, link: &Link) -> Vec<String> {
        let Some(panel) = self.panel.filter(|_| self.url) else { return Vec::new() };
        let Some(uid) = link.dashboard() else { return explored(file, link) };
        let mut wrong = Vec::new();
        if !link.keeps_time() {
            wrong.push("it loses the range of time; add ${__url_time_range}".to_owned());
        }
        let here = file.dashboard.uid.as_deref() == Some(uid);
        let shown = link.panel().and_then(|number| number.parse().ok());
        if here && shown.is_some() && shown == panel["id"].as_i64() {
            wrong.push("it leads to the panel where it stands; lead on".to_owned());
        }
        wrong
    }
}

/// What is wrong with a link to Explore: each pane's data source is held by a variable of this dashboard, its queries are
/// for that one and can be parsed, and its range is that of this dashboard.
fn explored(file: &File, link: &Link) -> Vec<String> {
    let panes: Value =
        link.get("panes").and_then(|panes| serde_json::from_str(panes).ok()).unwrap_or_default();
    let Some(panes) = panes.as_object().filter(|panes| !panes.is_empty()) else {
        return vec!["its panes are no JSON object; write panes={\"a\": {…}}, percent-encoded".to_owned()];
    };
    let mut wrong = Vec::new();
    for pane in panes.values() {
        if (pane["range"]["from"].as_str(), pane["range"]["to"].as_str())
            != (Some("${__from}"), Some("${__to}"))
        {
            wrong.push("it loses the range of time; its range is from ${__from} to ${__to}".to_owned());
        }
        let queries = pane["queries"].as_array().map(Vec::as_slice).unwrap_or_default();
        if queries.is_empty() {
            wrong.push("it asks nothing; give it queries".to_owned());
        }
        wrong.extend(queries.iter().filter_map(|query| asked(file, query, pane["datasource"].as_str())));
    }
    wrong
}

/// What is wrong first with a query in a pane of this data source.
fn asked(file: &File, query: &Value, pane: Option<&str>) -> Option<String> {
    let Ok(target) = serde_json::from_value::<Target>(query.clone()) else {
        return Some("a query of it has not the form of a target".to_owned());
    };
    let source = target.datasource.as_ref();
    if let Some(why) = data_source::wrong(file, source) {
        return Some(why);
    }
    if source.and_then(DataSource::kind).is_none() {
        return Some("a query names no kind of data source; add its type".to_owned());
    }
    if source.and_then(DataSource::uid) != pane {
        return Some("a query is for another data source than its pane; name the same".to_owned());
    }
    queries::wrong(file, &target).map(|why| format!("its query is wrong: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{good, said, told_apart};

    const KEEPS: &str = "${__url_time_range}&${service:queryparam}";

    fn with(url: &str) -> Value {
        let mut dashboard = good();
        dashboard["panels"][0]["fieldConfig"]["defaults"]["links"] = json!([{"title": "next", "url": url}]);
        dashboard
    }

    fn differ(good: &str, bad: &str, wanted: &str) {
        told_apart("link-targets", with(good), with(bad), wanted);
    }

    #[test]
    fn a_link_to_a_dashboard_that_is_not_there_is_found() {
        differ(&format!("/d/firedrill-good?{KEEPS}"), &format!("/d/firedrill-god?{KEEPS}"), "firedrill-god");
        differ("https://example.org/pod/x", &format!("d/gone/name?{KEEPS}"), "\"Requests (req/s)\"");
    }

    #[test]
    fn a_link_to_a_variable_or_a_panel_that_is_not_there_is_found() {
        let to = |rest: &str| format!("/d/firedrill-good?{KEEPS}&{rest}");
        differ(&to("var-service=a"), &to("var-servcie=a"), "no variable \"servcie\"");
        differ(&to("var-service=a"), &to("viewPanel=panel-7"), "no panel \"7\"");
        differ(&to("var-service=a"), &to("viewPanel=panel-1"), "the panel where it stands");
    }

    #[test]
    fn a_link_that_forgets_the_time_is_found() {
        differ(
            "/d/firedrill-good?${__url_time_range}",
            "/d/firedrill-good?var-service=a",
            "loses the range of time",
        );
        let mut described = good();
        described["panels"][0]["description"] = json!("More in [the other](/d/firedrill-good).");
        assert_eq!(said("link-targets", &[described]), [""; 0]);
    }

    #[test]
    fn a_list_of_links_by_a_tag_that_none_has_is_found() {
        let with = |tag: &str| {
            let mut dashboard = good();
            dashboard["links"] = json!([{"type": "dashboards", "tags": [tag]}]);
            dashboard
        };
        told_apart("link-targets", with("firedrill"), with("firedril"), "firedril");
    }

    #[test]
    fn a_link_to_explore_asks_the_dashboards_own_data_source_for_its_own_time() {
        let pane = || {
            json!({"a": {"datasource": "${datasource}", "range": {"from": "${__from}", "to": "${__to}"}, "queries": [
                {"refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "expr": "up{job=\"${__field.labels.job}\"}"}]}})
        };
        let link = |panes: &Value| {
            let mut url = reqwest::Url::parse("http://grafana/explore").expect("a URL");
            url.query_pairs_mut().append_pair("panes", &panes.to_string());
            format!("/explore?{}", url.query().expect("a query"))
        };
        let wrong = |place: &str, value: Value, wanted: &str| {
            let mut bad = pane();
            *bad.pointer_mut(place).expect("a place") = value;
            differ(&link(&pane()), &link(&bad), wanted);
        };
        wrong("/a/range/from", json!("now-1h"), "loses the range of time");
        wrong("/a/queries", json!([]), "asks nothing");
        wrong("/a/queries/0/datasource/type", json!("loki"), "the right variable");
        wrong("/a/queries/0/expr", json!("up{"), "its query is wrong");
        wrong("/a/datasource", json!("${service}"), "another data source than its pane");
        differ(&link(&pane()), "/explore?panes=%7B", "no JSON object");
        let fixed = json!({"type": "prometheus", "uid": "prom"});
        let mut bad = pane();
        bad["a"]["datasource"] = json!("prom");
        bad["a"]["queries"][0]["datasource"] = fixed;
        differ(&link(&pane()), &link(&bad), "is fixed");
    }
}
