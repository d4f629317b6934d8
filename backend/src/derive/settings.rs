//! What otel-collector/config.yaml sets for the two connectors, and the bounds that are this backend's own.

/// Span or resource attributes that become labels, with the labels' names.
pub(super) const DIMENSIONS: [(&str, &str); 2] =
    [("http.route", "http_route"), ("http.response.status_code", "http_response_status_code")];
/// Upper bounds of the durations' buckets in milliseconds; one more bucket takes the rest.
pub(super) const BOUNDS_MS: [f64; BOUNDS] = [
    1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];
/// The same in seconds, for the edges of the graph.
pub(super) const BOUNDS_S: [f64; BOUNDS] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// How many bounds there are.
pub(super) const BOUNDS: usize = 16;
/// Exemplars kept of one set of labels between two flushes.
pub(super) const EXEMPLARS: usize = 5;
/// A service that sends nothing for this long is forgotten.
pub(super) const SERVICE_EXPIRY_MS: i64 = 10 * 60 * 1000;
/// Sets of labels of one service; beyond them spans are counted together under `otel_metric_overflow="true"`.
pub(super) const SETS_PER_SERVICE: usize = 500;
/// How long one half of a call waits for the other.
pub(super) const HALF_EXPIRY_MS: i64 = 15_000;
/// Most halves that wait.
pub(super) const HALVES: usize = 20_000;
/// Attributes of a client's span that name who was called, in order of preference.
pub(super) const PEER_ATTRIBUTES: [&str; 3] = ["peer.service", "db.namespace", "db.system.name"];
/// The attribute that names a database.
pub(super) const DATABASE_ATTRIBUTE: &str = "db.namespace";
/// An edge that nothing crosses for this long is forgotten; the connector has it fixed.
pub(super) const EDGE_EXPIRY_MS: i64 = 15 * 60 * 1000;

/// Most services with different `job` and `instance`, the connector's own default.
pub(super) const SERVICES: usize = 1000;
/// Most sets of labels of all services together: 20 series each must fit into the sample store beside what is scraped.
pub(super) const SETS: usize = 1000;
/// Most edges, of up to 38 series each.
pub(super) const EDGES: usize = 400;
/// Longest value of a label in bytes, as for scraped ones in stack/prometheus/prometheus.yaml.
pub(super) const VALUE_BYTES: usize = 512;
/// Most labels of a service's `target_info`.
pub(super) const INFO_LABELS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = include_str!("../../../otel-collector/config.yaml");

    /// The value that follows `key:`, without its comment.
    fn set(key: &str) -> Vec<&'static str> {
        let key_mark = format!(" {key}:");
        let mut found = CONFIG.split(&key_mark).skip(1).peekable();
        assert!(found.peek().is_some(), "{key} is set");
        found
            .map(|rest| {
                let rest = rest.trim_start();
                let end = if rest.starts_with('[') {
                    rest.find(']').map(|at| at + 1)
                } else {
                    rest.find(['\n', '#'])
                };
                rest[..end.expect("an end")].trim()
            })
            .collect()
    }

    fn list(text: &str) -> Vec<&str> {
        text.trim_matches(['[', ']']).split(',').map(str::trim).collect()
    }

    fn milliseconds(text: &str) -> f64 {
        let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).expect("a unit"));
        let scale = match unit {
            "us" => 0.001,
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            _ => panic!("{unit}"),
        };
        number.parse::<f64>().expect("a number") * scale
    }

    #[test]
    fn the_collectors_configuration_sets_the_same() {
        for key in ["buckets", "latency_histogram_buckets"] {
            let bounds: Vec<f64> = list(set(key)[0]).into_iter().map(milliseconds).collect();
            assert_eq!(bounds, BOUNDS_MS, "{key}");
        }
        assert_eq!(BOUNDS_S.map(|s| s * 1000.0), BOUNDS_MS);
        let dimensions =
            CONFIG.split("    dimensions:").nth(1).and_then(|rest| rest.split("histogram:").next());
        let named: Vec<&str> = dimensions
            .expect("dimensions")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- name: "))
            .collect();
        assert_eq!(named, DIMENSIONS.map(|(attribute, _)| attribute));
        assert_eq!(list(set("virtual_node_peer_attributes")[0]), PEER_ATTRIBUTES);
        assert_eq!(list(set("database_name_attributes")[0]), [DATABASE_ATTRIBUTE]);
        let number = |key: &str| set(key)[0].parse::<usize>().expect("a number");
        assert_eq!(number("max_per_data_point"), EXEMPLARS);
        assert_eq!(number("aggregation_cardinality_limit"), SETS_PER_SERVICE);
        assert_eq!(number("max_items"), HALVES);
        assert_eq!(milliseconds(set("metrics_expiration")[0]), SERVICE_EXPIRY_MS as f64);
        assert_eq!(milliseconds(set("ttl")[0]), HALF_EXPIRY_MS as f64);
        assert_eq!(set("metrics_flush_interval"), ["1s", "1s"]);
    }
}
