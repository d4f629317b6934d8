//! The metrics that a stack really has, with their types, and the job that each comes from.
//!
//! Written down in `catalogue.toml`, because half of them come from programs that are not ours; a test compares it with
//! what the running processes expose.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Always 1; the labels are the information.
    Info,
    /// `_bucket`, `_sum` and `_count`.
    Histogram,
    /// `_sum`, `_count` and quantiles.
    Summary,
}

/// One source of metrics.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What exposes them, for a person.
    pub what: String,
    /// The values of `job` they have; none where every target has them.
    #[serde(default)]
    pub jobs: Vec<String>,
    /// Names without `_bucket`, `_sum` and `_count`.
    #[serde(default)]
    pub counter: Vec<String>,
    /// See [`Kind::Gauge`].
    #[serde(default)]
    pub gauge: Vec<String>,
    /// See [`Kind::Info`].
    #[serde(default)]
    pub info: Vec<String>,
    /// See [`Kind::Histogram`].
    #[serde(default)]
    pub histogram: Vec<String>,
    /// See [`Kind::Summary`].
    #[serde(default)]
    pub summary: Vec<String>,
}

/// One metric: a name as it stands in a query.
#[derive(Clone, Debug)]
pub struct Metric {
    /// What it is. A histogram's `_bucket`, `_sum` and `_count` are counters.
    pub kind: Kind,
    /// The names of its sources.
    pub sources: Vec<&'static str>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By the name of the section.
    pub sources: BTreeMap<&'static str, Source>,
    metrics: BTreeMap<String, Metric>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    // The file is part of the program and a test reads it; were it broken, every name would be called unknown.
    read(include_str!("catalogue.toml")).unwrap_or_default()
});

/// The one of this program.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

fn read(text: &'static str) -> Result<Catalogue, toml::de::Error> {
    let sections: BTreeMap<String, Source> = toml::from_str(text)?;
    let mut all = Catalogue::default();
    for (name, source) in sections {
        let name: &'static str = name.leak();
        let mut add = |metric: String, kind| {
            let entry = all.metrics.entry(metric).or_insert(Metric { kind, sources: Vec::new() });
            entry.sources.push(name);
        };
        for (list, kind) in
            [(&source.counter, Kind::Counter), (&source.gauge, Kind::Gauge), (&source.info, Kind::Info)]
        {
            list.iter().for_each(|metric| add(metric.clone(), kind));
        }
        for metric in &source.histogram {
            ["_bucket", "_sum", "_count"].iter().for_each(|s| add(format!("{metric}{s}"), Kind::Counter));
        }
        for metric in &source.summary {
            add(metric.clone(), Kind::Summary);
            ["_sum", "_count"].iter().for_each(|s| add(format!("{metric}{s}"), Kind::Counter));
        }
        all.sources.insert(name, source);
    }
    Ok(all)
}

impl Catalogue {
    /// The metric of this name.
    pub fn get(&self, name: &str) -> Option<&Metric> {
        self.metrics.get(name)
    }

    /// The known name that is nearest to an unknown one.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        loadgen::nearest::nearest(name, self.metrics.keys().map(String::as_str))
    }

    /// What would expose a metric, where no job is there of anything that does: all of it, since any could have been meant.
    pub fn absent(&self, name: &str, jobs: &[String]) -> Option<String> {
        let sources = &self.get(name)?.sources;
        let sources: Vec<&Source> = sources.iter().filter_map(|name| self.sources.get(name)).collect();
        let there = |s: &&Source| s.jobs.is_empty() || s.jobs.iter().any(|job| jobs.contains(job));
        let owners: Vec<&str> = sources.iter().map(|source| source.what.as_str()).collect();
        (!owners.is_empty() && !sources.iter().any(there)).then(|| owners.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_and_knows_the_parts_of_a_histogram() {
        read(include_str!("catalogue.toml")).expect("the list is TOML of this form");
        let all = catalogue();
        let kind = |name| all.get(name).map(|m| m.kind);
        assert_eq!(kind("http_server_request_duration_seconds_bucket"), Some(Kind::Counter));
        assert_eq!(kind("http_server_request_duration_seconds"), None);
        assert_eq!(kind("http_server_active_requests"), Some(Kind::Gauge));
        assert_eq!(all.nearest("orders_totl"), Some("orders_total"));
    }

    #[test]
    fn what_a_stack_lacks_is_known_by_its_jobs() {
        let jobs = ["order-service".to_owned()];
        let absent = catalogue().absent("otelcol_receiver_accepted_spans", &jobs).expect("no collector");
        assert_eq!(absent, "the OpenTelemetry collector");
        // Of what several expose, each may have been meant.
        let several = catalogue().absent("http_server_request_duration_seconds_count", &[]).expect("nobody");
        assert!(
            several.contains("the services and the load generator") && several.contains("Jaeger"),
            "{several}"
        );
        // What the collector makes of spans, the embedded backend makes where it stands alone.
        let spans = catalogue().absent("traces_span_metrics_calls_total", &[]).expect("no spans");
        assert!(spans.contains("embedded backend"), "{spans}");
        assert!(catalogue().absent("orders_total", &jobs).is_none());
        assert!(catalogue().absent("up", &jobs).is_none());
        assert!(catalogue().absent("unknown", &jobs).is_none());
    }

    #[test]
    fn the_names_of_the_code_are_listed() {
        use telemetry::names::metric as names;
        for histogram in [names::HTTP_SERVER_REQUEST_DURATION, names::HTTP_CLIENT_REQUEST_DURATION] {
            assert!(catalogue().get(&format!("{histogram}_bucket")).is_some(), "{histogram}");
        }
        for name in [names::HTTP_SERVER_ACTIVE_REQUESTS, names::TELEMETRY_DROPPED] {
            assert!(catalogue().get(name).is_some(), "{name}");
        }
    }
}
