//! The doors at which the text and bytes of strangers come in, each as a function of bytes that has only to return.
//!
//! Fuzzers (`backend/fuzz`) and the property test below go through the same doors: any bytes, and the seeds of
//! `backend/fuzz/seeds` with some of their bytes changed. Built for them alone, never into the program.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use serde::de::DeserializeOwned;

use crate::ingest::times::Times;
use crate::ingest::{logs, loki_push, metrics, openmetrics, remote_write::request, spans, targets};
use crate::rules::file;
use crate::{alertmanager, logql, promql};

/// A door: its name, which is also that of its fuzz target and of its seeds, and the way in.
pub type Door = (&'static str, fn(&[u8]));

/// All of them.
pub const DOORS: [Door; 11] = [
    ("promql", promql),
    ("logql", logql),
    ("openmetrics", openmetrics),
    ("scrape_targets", scrape_targets),
    ("rules", rules),
    ("loki_push", loki_push),
    ("remote_write", remote_write),
    ("otlp_traces", otlp_traces),
    ("otlp_logs", otlp_logs),
    ("otlp_metrics", otlp_metrics),
    ("alertmanager_config", alertmanager_config),
];

/// The text of a PromQL query.
pub fn promql(bytes: &[u8]) {
    let _ = promql::parse(&String::from_utf8_lossy(bytes));
}

/// The text of a LogQL query.
pub fn logql(bytes: &[u8]) {
    let _ = logql::parse(&String::from_utf8_lossy(bytes));
}

/// A page that is scraped, in either format.
pub fn openmetrics(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = openmetrics::parse(&text, openmetrics::Format::OpenMetrics);
    let _ = openmetrics::parse(&text, openmetrics::Format::Prometheus);
}

/// The list of targets.
pub fn scrape_targets(bytes: &[u8]) {
    let _ = targets::parse(&String::from_utf8_lossy(bytes));
}

/// A file of rules, with the queries and templates in it.
pub fn rules(bytes: &[u8]) {
    let _ = file::read("rules.yaml", &String::from_utf8_lossy(bytes));
}

/// A Loki push, in either form.
pub fn loki_push(bytes: &[u8]) {
    let _ = loki_push::from_json(bytes);
    let _ = loki_push::from_protobuf(bytes);
}

/// A remote write, unpacked, up to its samples, exemplars and metadata.
pub fn remote_write(bytes: &[u8]) {
    let _ = request::each_series(bytes, |_| Ok(()));
    let _ = request::each_family(bytes, |_| ());
}

/// Spans, in either form, up to what is written to the store.
pub fn otlp_traces(bytes: &[u8]) {
    for mut request in either::<ExportTraceServiceRequest>(bytes) {
        let _ = spans::lay_out(&mut request, &[]);
    }
}

/// Log records, in either form, up to what is written to the store.
pub fn otlp_logs(bytes: &[u8]) {
    for request in either::<ExportLogsServiceRequest>(bytes) {
        let _ = logs::lay_out(request, &[], Times::at(0, Duration::MAX));
    }
}

/// Metrics, in either form, up to the samples.
pub fn otlp_metrics(bytes: &[u8]) {
    for request in either::<ExportMetricsServiceRequest>(bytes) {
        metrics::Points::default().add(request);
    }
}

/// The configuration of the Alertmanager, and conditions on labels as its API takes them.
pub fn alertmanager_config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = (alertmanager::Config::parse(&text), alertmanager::matchers::read_one(&text));
}

/// What the bytes are as protobuf and as JSON, if they are.
fn either<T: Message + Default + DeserializeOwned>(bytes: &[u8]) -> impl Iterator<Item = T> {
    [T::decode(bytes).ok(), serde_json::from_slice(bytes).ok()].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::DOORS;

    fn fuzz() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
    }

    /// Valid inputs of a door, from which the fuzzer starts, too.
    fn seeds(door: &str) -> Vec<Vec<u8>> {
        let files = std::fs::read_dir(fuzz().join("seeds").join(door)).expect("seeds").flatten();
        files.map(|file| std::fs::read(file.path()).expect("a seed")).collect()
    }

    #[test]
    fn every_door_has_seeds_and_a_fuzz_target() {
        let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).expect("a manifest");
        for (name, enter) in DOORS {
            let seeds = seeds(name);
            assert!(!seeds.is_empty(), "{name} has no seeds");
            seeds.iter().for_each(|seed| enter(seed));
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
            let target = fuzz().join(format!("fuzz_targets/{name}.rs"));
            let text = std::fs::read_to_string(&target).expect("a target");
            assert!(text.contains(&format!("doors::{name}(")), "{} enters another door", target.display());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_door_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,200}") {
            for (_, enter) in DOORS {
                enter(&bytes);
                enter(text.as_bytes());
            }
        }

        #[test]
        fn no_change_of_a_valid_input_makes_its_door_panic(
            pick in any::<prop::sample::Index>(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..8),
        ) {
            for (name, enter) in DOORS {
                let seeds = seeds(name);
                let mut bytes = seeds[pick.index(seeds.len())].clone();
                for (place, kind, byte) in &changes {
                    let at = place.index(bytes.len().max(1)).min(bytes.len());
                    match kind {
                        0 if at < bytes.len() => bytes[at] = *byte,
                        1 => bytes.insert(at, *byte),
                        2 => bytes.truncate(at),
                        // A piece once more: what nests deeper.
                        _ => {
                            let piece = bytes[at..].to_vec();
                            bytes.splice(at..at, piece);
                        }
                    }
                }
                enter(&bytes);
            }
        }
    }
}
