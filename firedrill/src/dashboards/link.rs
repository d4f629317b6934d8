//! Where a link inside Grafana leads, and what of it is not there: the dashboard, the panel of it that is to fill the
//! page, the variables that are to be set.
//!
//! Reads texts and looks into a folder of dashboards; it follows no link.

use std::sync::LazyLock;

use regex::Regex;
use reqwest::Url;

use super::{
    folder::{File, Folder},
    model::{Dashboard, Panel},
};

/// A path that Grafana serves, with its query: variables and a template's actions may hold what else ends a link in text.
static PATH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let path = r"/?(?:d/[A-Za-z0-9_-]+(?:/[\w-]*)?|explore)";
    let query = r#"\?(?:\{\{.*?\}\}|\$\{[^}]*\}|[^\s)"'<>])*"#;
    Regex::new(&format!(r"(?:^|[^\w.])({path}(?:{query})?)")).ok()
});

/// One link to a page of Grafana, taken apart.
#[derive(Clone, Debug)]
pub struct Link {
    path: String,
    /// Keys and values, decoded. A variable that writes a whole pair of its own is a key without a value.
    pub query: Vec<(String, String)>,
}

impl Link {
    /// All in a text: the text is a URL itself, or has some among its words.
    pub fn all(text: &str) -> Vec<Self> {
        let found = PATH.as_ref().map(|path| path.captures_iter(text));
        let paths = found.into_iter().flatten().filter_map(|c| c.get(1)).map(|path| path.as_str());
        let url = |path: &str| Url::parse(&format!("http://grafana/{}", path.trim_start_matches('/'))).ok();
        let read = |url: Url| Self {
            path: url.path().trim_start_matches('/').to_owned(),
            query: url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect(),
        };
        paths.filter_map(url).map(read).collect()
    }

    /// The uid of the dashboard it leads to; none for Explore.
    pub fn dashboard(&self) -> Option<&str> {
        self.path.strip_prefix("d/")?.split('/').next()
    }

    /// The number of the panel that is to fill the page, as it is written.
    pub fn panel(&self) -> Option<&str> {
        let panel = self.get("viewPanel")?;
        Some(panel.strip_prefix("panel-").unwrap_or(panel))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// Whether the range of time that is looked at is carried over.
    pub fn keeps_time(&self) -> bool {
        self.query.iter().any(|(key, _)| key == "${__url_time_range}" || key == "from")
    }

    /// The variables that it sets, by hand or as they are on the page where it stands.
    fn variables(&self) -> impl Iterator<Item = &str> {
        self.query.iter().filter_map(|(key, _)| {
            let carried = key.strip_prefix("${").and_then(|key| key.strip_suffix(":queryparam}"));
            carried.or(key.strip_prefix("var-"))
        })
    }

    /// What of it is not there, each with what to do. A link to Explore leads to no dashboard, so nothing can be missing.
    pub fn missing(&self, folder: &Folder) -> Vec<String> {
        let Some(uid) = self.dashboard() else { return Vec::new() };
        let uid_of = |file: &File| file.dashboard.uid.clone();
        let Some(file) = folder.files.iter().find(|file| uid_of(file).as_deref() == Some(uid)) else {
            let known: Vec<String> = folder.files.iter().filter_map(uid_of).collect();
            let known = known.join(", ");
            return vec![format!("it leads to the dashboard {uid:?}, which is not there; there are {known}")];
        };
        let mut missing = Vec::new();
        let list = &file.dashboard.templating.list;
        for name in self.variables().filter(|name| !list.iter().any(|variable| variable.name == *name)) {
            let known: Vec<&str> = list.iter().map(|variable| variable.name.as_str()).collect();
            let known = known.join(", ");
            missing.push(format!("{uid} has no variable {name:?}, which the link sets; it has {known}"));
        }
        if let Some(number) = self.panel().filter(|number| !has_panel(&file.dashboard, number)) {
            missing
                .push(format!("{uid} has no panel {number:?} to show alone (viewPanel); correct the number"));
        }
        missing
    }
}

fn has_panel(dashboard: &Dashboard, number: &str) -> bool {
    let is = |panel: &Panel| !panel.is_row() && panel.id.is_some() && panel.id == number.parse().ok();
    dashboard.panels.iter().any(|panel| is(panel) || panel.panels.iter().any(is))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Folder {
        let dashboard = r#"{"uid": "firedrill-service", "templating": {"list": [{"name": "datasource"}, {"name": "service"}]},
            "panels": [{"type": "row", "id": 1, "panels": [{"type": "stat", "id": 2}]}, {"type": "stat", "id": 3}]}"#;
        Folder::of([("service.json".to_owned(), dashboard.to_owned())].into_iter()).expect("a dashboard")
    }

    fn missing(text: &str) -> Vec<String> {
        Link::all(text).iter().flat_map(|link| link.missing(&folder())).collect()
    }

    #[test]
    fn links_are_found_as_urls_and_among_words() {
        let uids = |text: &str| {
            let all = Link::all(text);
            all.iter().filter_map(|link| link.dashboard().map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(uids("/d/a-1/name?x=y"), ["a-1"]);
        assert_eq!(uids("http://127.0.0.1:3000/d/a?var-b={{ $labels.b }}&viewPanel=panel-2"), ["a"]);
        assert_eq!(uids("see [one](/d/a?x=1) and [two](d/b), then /d/c."), ["a", "b", "c"]);
        assert_eq!(uids("https://example.org/pod/x or /explore?panes=%7B%7D"), [""; 0]);
    }

    #[test]
    fn a_query_is_read_whole_and_decoded() {
        let all = Link::all(
            "/d/a?${__url_time_range}&var-service={{ $labels.service }}&viewPanel=panel-7&q=%7B%22",
        );
        assert_eq!(all[0].get("var-service"), Some("{{ $labels.service }}"));
        assert_eq!((all[0].panel(), all[0].get("q"), all[0].keeps_time()), (Some("7"), Some("{\""), true));
        assert!(!Link::all("/d/a?var-from=1")[0].keeps_time());
    }

    #[test]
    fn a_whole_link_lacks_nothing() {
        let good = "/d/firedrill-service?${__url_time_range}&${__all_variables}&${datasource:queryparam}&var-service=x&viewPanel=panel-2";
        assert_eq!(missing(good), [""; 0]);
        assert_eq!(missing("/d/firedrill-service?viewPanel=3"), [""; 0]);
        assert_eq!(missing("https://example.org"), [""; 0]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (link, named) in [
            ("/d/firedrill-servce", "\"firedrill-servce\", which is not there"),
            ("/d/firedrill-service?var-servce=x", "no variable \"servce\""),
            ("/d/firedrill-service?${loki_datasource:queryparam}", "no variable \"loki_datasource\""),
            ("/d/firedrill-service?viewPanel=panel-4", "no panel \"4\""),
            ("/d/firedrill-service?viewPanel=panel-1", "no panel \"1\""),
        ] {
            let found = missing(link);
            assert!(found.len() == 1 && found[0].contains(named), "{link}: {found:?}");
        }
    }
}
