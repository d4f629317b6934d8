//! The instances of a service, as a person reads them.

use serde_json::Value;

use super::super::output;

/// Prints the instances of a service; with `json`, all that the control listener said.
pub(super) fn print(answer: &Value, service: &str, json: bool) {
    if json {
        return output::json(answer);
    }
    let services = answer["services"].as_array().into_iter().flatten();
    let own = services.filter(|entry| entry["service"] == service);
    let instances = own.flat_map(|entry| entry["instances"].as_array().into_iter().flatten());
    let lines: Vec<String> = instances.map(line).collect();
    output::print(&lines.join("\n"));
}

fn line(instance: &Value) -> String {
    let text = |key: &str| instance[key].as_str().unwrap_or_default();
    let share = (instance["share"].as_f64().unwrap_or(0.0) * 100.0).round();
    format!(
        "{:<20}{:<12}{:<10}{share:>4}%  {}",
        text("instance"),
        text("version"),
        text("state"),
        text("url")
    )
}
