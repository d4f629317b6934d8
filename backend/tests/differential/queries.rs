//! Where queries to compare come from: lists beside the tests, and the dashboards.

use std::path::Path;

use serde_json::Value;

/// One query a line; `#` begins a comment.
pub(super) fn listed(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned)
}

/// The queries of every dashboard to one kind of data source, each once, with what `expand` puts for their variables.
pub(super) fn of_dashboards(kind: &str, expand: impl Fn(&str) -> String) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("dashboards");
    let mut found: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("dashboards").map(|e| e.expect("an entry").path()) {
        if entry.extension().is_some_and(|e| e == "json") {
            let text = std::fs::read_to_string(&entry).expect("readable");
            targets(kind, &serde_json::from_str(&text).expect("JSON"), &mut found);
        }
    }
    let mut found: Vec<String> = found.iter().map(|query| expand(query)).collect();
    found.sort();
    found.dedup();
    found
}

fn targets(kind: &str, json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(fields) => {
            if let (Some(source), Some(query)) = (json["datasource"]["type"].as_str(), json["expr"].as_str())
                && source == kind
            {
                found.push(query.to_owned());
            }
            fields.values().for_each(|v| targets(kind, v, found));
        }
        Value::Array(items) => items.iter().for_each(|v| targets(kind, v, found)),
        _ => {}
    }
}
